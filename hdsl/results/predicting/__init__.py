"""Predictions: for the rows of a fit or new ones, with chosen random effects, with standard errors."""

from hdsl.results.predicting.categories import is_ordered
from hdsl.results.predicting.joint import JointCovariance, joint_covariance
from hdsl.results.predicting.request import Include
from hdsl.results.predicting.rows import Predicted, predict, predict_categories

__all__ = [
    "Include",
    "JointCovariance",
    "Predicted",
    "is_ordered",
    "joint_covariance",
    "predict",
    "predict_categories",
]
