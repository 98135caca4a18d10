"""Properties that hold for every model, tried on random models with random data."""
