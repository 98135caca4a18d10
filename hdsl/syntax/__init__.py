"""Text to tree and back: the parser, the formatter, and syntax errors with a way out (lark lives here alone)."""
