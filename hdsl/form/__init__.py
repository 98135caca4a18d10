"""The composite model as plain records with a small expression tree: what every later stage reads."""
