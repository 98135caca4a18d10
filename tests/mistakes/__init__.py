"""Wrong models and wrong data as new users write them, each with the diagnostic that it must get."""
