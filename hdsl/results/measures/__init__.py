"""Measures of a fit: information criteria, shares of variance, how well outcomes are told."""

from hdsl.results.measures.accuracy import calibration, probability_table, share_correct
from hdsl.results.measures.information import conditional_aic, conditional_loglik
from hdsl.results.measures.variance import icc_table, r_squared, variance_parts

__all__ = [
    "calibration",
    "conditional_aic",
    "conditional_loglik",
    "icc_table",
    "probability_table",
    "r_squared",
    "share_correct",
    "variance_parts",
]
