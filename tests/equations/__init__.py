"""The models of the language reference, section 6, with composites that were written by hand."""
