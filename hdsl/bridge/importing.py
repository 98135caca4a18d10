"""A formula as a model: the way in as one call.

Stage: bridge, way in. Input: a formula, data or none, a family. Output: text of a model file, or the `Model`.
Invariant: the text is in the one layout, and it has compiled.
"""

from __future__ import annotations

from collections.abc import Iterable

from hdsl.bridge.algebra import parse_formula
from hdsl.bridge.facts import Facts, check_columns
from hdsl.bridge.levels import write_model
from hdsl.bridge.logical import code_logicals
from hdsl.bridge.outcomes import choose_distribution
from hdsl.design.tables import read_table
from hdsl.model import Model
from hdsl.source import Source
from hdsl.syntax import format_text

__all__ = ["formula_text", "from_formula"]


def formula_text(
    formula: str,
    data: object = None,
    *,
    family: str = "gaussian",
    link: str | None = None,
    factors: Iterable[str] = (),
    by_level: bool = True,
) -> str:
    """Return the model file for a formula, written level by level.

    Parameters
    ----------
    formula : str
        In the notation of lme4: ``"y ~ x + (1 + x | school/class)"``.
    data : path or frame, optional
        Tells which columns are factors (text and categories), which lie in which, and at which level each is constant.
        Without data a column is a factor only as ``factor(x)`` or where it groups, and all covariates stand in the
        equation of the rows.
    family : str
        ``"gaussian"``, ``"binomial"``, ``"poisson"``, ``"negative_binomial"``, ``"gamma"``, ``"beta"``,
        ``"student_t"``.
    link : str, optional
        A link of the language; by default that of the family in R.
    factors : iterable of str
        Columns of numbers that are factors.
    by_level : bool
        Whether groups have equations of their own, with the covariates that are constant in them.

    Returns
    -------
    str
        Text of the language.

    Raises
    ------
    ModelError
        HM012 where the formula cannot be read, HM013 where the language has no such thing, HM3xx for a model that is
        not identified.
    DataError
        HM401 for a column that the data do not have, HM414 for data that cannot be read.
    """
    return from_formula(formula, data, family=family, link=link, factors=factors, by_level=by_level).text


def from_formula(
    formula: str,
    data: object = None,
    *,
    family: str = "gaussian",
    link: str | None = None,
    factors: Iterable[str] = (),
    by_level: bool = True,
) -> Model:
    """Return the model that a formula says; see `formula_text` for the arguments.

    Returns
    -------
    Model
        Its ``text`` is the model file.

    Raises
    ------
    ModelError
        HM012, HM013, HM3xx.
    DataError
        HM401, HM414.
    """
    source = Source(formula, "<formula>")
    parsed = parse_formula(source)
    distribution = choose_distribution(source, family, link)
    table = None if data is None else read_table(data, source)
    facts = Facts(table, factors)
    check_columns(parsed, facts)
    text = write_model(code_logicals(parsed, facts), facts, distribution, by_level=by_level)
    return Model(format_text(Source(text, "<import>")), name="<import>")
