"""Operations on models: pooled and unpooled ones, terms left out, statements added, and what differs between two."""

from __future__ import annotations

from hdsl.algebra.adding import extended
from hdsl.algebra.compare import diff
from hdsl.algebra.difference import Change, LikelihoodRatio, ModelDifference, Rows
from hdsl.algebra.pooling import pooled, unpooled
from hdsl.algebra.record import Rewriting
from hdsl.algebra.terms import dropped

__all__ = [
    "Change",
    "LikelihoodRatio",
    "ModelDifference",
    "Rewriting",
    "Rows",
    "diff",
    "dropped",
    "extended",
    "pooled",
    "unpooled",
]
