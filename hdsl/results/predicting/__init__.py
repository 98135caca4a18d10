"""Predictions: for the rows of a fit or new ones, with chosen random effects, with standard errors."""

from hdsl.results.predicting.joint import JointCovariance, joint_covariance
from hdsl.results.predicting.request import Include
from hdsl.results.predicting.rows import Predicted, predict

__all__ = ["Include", "JointCovariance", "Predicted", "joint_covariance", "predict"]
