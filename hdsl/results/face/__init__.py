"""The parts of a fitted model, a class each: `hdsl.results.FittedModel` is made of them."""
