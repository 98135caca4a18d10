"""A first look at data: which levels they have, and a model to start from.

Input: data as `Model.fit` takes them. Output: `Scan`.
"""

from hdsl.survey.scanning import Scan, scan

__all__ = ["Scan", "scan"]
