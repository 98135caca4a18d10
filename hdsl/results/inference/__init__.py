"""Tests and intervals of a fit: degrees of freedom, hypotheses, robust errors, the bootstrap."""
