"""The test suite: a package, so that test modules can import the tables and generators beside them."""
