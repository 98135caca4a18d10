"""A model from its text: one call per stage, in order.

Stages
------
1. `syntax.parse`: text → syntax tree
2. `semantics.resolve`: tree → names, index sets, levels graph
3. `composite.build_composite`: levels → the composite model; `check_identification`
4. `design.bind`: composite model and data → design arrays and plan
5. `codegen.emit`: plan → NumPy source
6. `fit.fit_gaussian`: source and arrays → estimates
7. `results.FittedModel`: estimates → what users read

Stages 1 to 3 run when a model is made and report all mistakes of the text at once; 4 to 7 run when data come.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hdsl.cache import Compiled, read_compiled, write_compiled
from hdsl.diagnostics import Diagnostic, Diagnostics, FitError, ModelError
from hdsl.diagnostics.spelling import near_names, one_of
from hdsl.source import Source

if TYPE_CHECKING:
    import pandas as pd

    from hdsl.algebra import Rewriting
    from hdsl.composite import Moments
    from hdsl.design import Design
    from hdsl.form.model import CompositeModel
    from hdsl.form.view import Composite
    from hdsl.plan import Plan
    from hdsl.results import FittedModel
    from hdsl.semantics import Levels, ResolvedModel
    from hdsl.semantics.equations import Equations

__all__ = ["Model", "PlanView", "read"]

_METHODS = ("ml", "reml")
_INDEPENDENT = frozenset({"HM101", "HM102", "HM110", "HM201", "HM202", "HM203", "HM204", "HM206"})
"""Mistakes that are mistakes whatever an unreadable statement meant; only these are told beside syntax errors."""


def read(path: str | Path) -> Model:
    """Read a model file.

    Parameters
    ----------
    path : str or Path
        A ``.hm`` file, UTF-8.

    Returns
    -------
    Model

    Raises
    ------
    ModelError
        HM010 if the file is not UTF-8 text; HM0xx to HM3xx for what is wrong in it.
    OSError
        If the file cannot be read.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        found = Diagnostics(Source("", str(path)))
        found.error(
            "HM010",
            f"`{path.name}` is not UTF-8 text: save it as UTF-8",
            help=f"byte {error.start} is the first that is not; editors have `save with encoding`",
        )
        raise ModelError(found.sorted()) from None
    return Model(text, name=str(path))


def _compile(source: Source, found: Diagnostics) -> tuple[ResolvedModel, CompositeModel]:
    """Run the stages that need no data; raise `ModelError` with all that is wrong."""
    from hdsl.composite import build_composite, check_identification, remark
    from hdsl.semantics import resolve
    from hdsl.syntax import read_program

    program = read_program(source, found)
    names = Diagnostics(source)
    resolved = resolve(program, source, names)
    found.extend(d for d in names if not found.has_errors or d.code in _INDEPENDENT)
    found.raise_errors(ModelError)
    form = build_composite(resolved, found)
    check_identification(form, resolved, found)
    found.raise_errors(ModelError)
    remark(form, resolved, found)
    return resolved, form


class PlanView:
    """A plan that prints as what was found, how the likelihood is computed, and why.

    Attributes
    ----------
    plan : Plan
    """

    def __init__(self, plan: Plan, text: str) -> None:
        self.plan = plan
        self._text = text

    def __str__(self) -> str:
        return self._text

    def _repr_html_(self) -> str:
        from html import escape

        return f"<pre>{escape(self._text)}</pre>"


class Model:
    """A multilevel model, written level by level.

    Parameters
    ----------
    text : str
        The model in the ``.hm`` language.
    name : str
        What diagnostics call it; a file name.
    cache : bool
        Whether a text that was compiled before, in any process of this user, is read from the cache on disk.

    Raises
    ------
    ModelError
        With every mistake of the text (HM0xx to HM3xx).
    """

    def __init__(self, text: str, *, name: str = "<model>", cache: bool = True) -> None:
        self.source = Source(text, name)
        compiled = read_compiled(self.source) if cache else None
        if compiled is None:
            compiled = self._compile()
            if cache:
                write_compiled(self.source, compiled)
        self.form: CompositeModel = compiled.form
        self.diagnostics: tuple[Diagnostic, ...] = compiled.diagnostics

    def _compile(self) -> Compiled:
        """Compile the text; keep the resolved names."""
        found = Diagnostics(self.source)
        try:
            self._resolved, form = _compile(self.source, found)
        except RecursionError:
            found.error(
                "HM009",
                "definitions stand on one another too deeply: substitute some of them",
                help="a chain of several hundred definitions is too long: substitute some of them",
            )
            raise ModelError(found.sorted()) from None
        return Compiled(form=form, diagnostics=found.sorted())

    @cached_property
    def _resolved(self) -> ResolvedModel:
        """Names, index sets and levels: made again where the form came from the cache, for few calls need them."""
        from hdsl.semantics import resolve
        from hdsl.syntax import read_program

        found = Diagnostics(self.source)
        return resolve(read_program(self.source, found), self.source, found)

    def __repr__(self) -> str:
        return f"<Model {self.source.name}: {', '.join(p.name for p in self.form.predictors)}>"

    def _repr_html_(self) -> str:
        from html import escape

        parts = [str(self.equations)]
        if all(predictor.terms for predictor in self.form.predictors) and self.form.predictors:
            parts.append(str(self.composite))
        return "".join(f"<pre>{escape(part)}</pre>" for part in parts)

    @property
    def text(self) -> str:
        """The source."""
        return self.source.text

    @property
    def levels(self) -> Levels:
        """The index sets; ``.graph`` is a networkx graph, finer to coarser."""
        return self._resolved.levels

    @cached_property
    def equations(self) -> Equations:
        """The level equations, as text and LaTeX."""
        from hdsl.semantics.equations import Equations

        return Equations(self._resolved, self.form)

    @cached_property
    def parameters(self) -> pd.DataFrame:
        """A row for each parameter: name, role, range, source line."""
        import pandas as pd

        rows = [(p.name, p.role, p.range, p.line) for p in self.form.parameters]
        return pd.DataFrame(rows, columns=["name", "role", "range", "line"])

    @cached_property
    def composite(self) -> Composite:
        """The single equation with all levels substituted.

        Raises
        ------
        FitError
            HM501 where a predictor is not linear in its coefficients.
        """
        from hdsl.form.view import Composite

        if not self.form.predictors or any(not p.terms for p in self.form.predictors):
            from hdsl.design import refuse_unsupported

            refuse_unsupported(self.form, "no composite equation yet")
        return Composite(self.form)

    @cached_property
    def moments(self) -> Moments:
        """Implied moments of a Gaussian linear model.

        Raises
        ------
        FitError
            HM501 for other models.
        """
        from hdsl.composite import Moments

        if self.form.unsupported or self.form.outcome.distribution != "normal":
            from hdsl.design import refuse_unsupported

            refuse_unsupported(self.form, "no closed-form moments yet")
        return Moments(self.form)

    def bind(self, data: Any, *, na: str = "drop", matrices: Mapping[str, Any] | None = None) -> Design:
        """Bind data: read, join, check, code; see `fit` for the arguments.

        Raises
        ------
        DataError
            HM4xx, every mistake at once.
        FitError
            HM501 for a model that no back end fits yet.
        """
        from hdsl.design import bind

        return bind(self.form, data, na=na, matrices=matrices)

    def plan(self, data: Any = None) -> PlanView:
        """Return the printable plan: which structure was found, how the likelihood is computed, and why."""
        from hdsl.design import describe, structural_plan

        if data is None:
            plan = structural_plan(self.form)
            return PlanView(plan, describe(plan))
        design = self.bind(data)
        return PlanView(design.plan, describe(design.plan, design.arrays))

    def emit(self, data: Any = None, *, standalone: bool = False) -> str:
        """Return the NumPy source of the likelihood.

        Parameters
        ----------
        data : frame, optional
            With data, the source is the one that fits them; without, structure is as declared.
        standalone : bool
            Whether to return one file that needs NumPy and SciPy alone.

        Returns
        -------
        str
        """
        from hdsl.codegen import emit
        from hdsl.design import covariate_symbols

        plan = self.plan(data).plan
        title = Path(self.source.name).name
        return emit(plan, standalone=standalone, title=title, x_symbols=covariate_symbols(self.form))

    def fit(
        self,
        data: Any,
        method: str | None = None,
        *,
        start: Mapping[str, float] | None = None,
        nodes: int | None = None,
        na: str = "drop",
        matrices: Mapping[str, Any] | None = None,
    ) -> FittedModel:
        """Fit the model.

        Parameters
        ----------
        data : frame, path or dict
            One frame with a row for each observation (any that narwhals reads, or a path to CSV or Parquet), or a dict
            from index name to the frame of that level.
        method : {"ml", "reml"}, optional
            ``None`` is maximum likelihood.
        start : dict, optional
            Starting values of standard deviations and correlations by name, natural scale; any may be left out.
        nodes : int, optional
            Quadrature nodes; only for methods that use them.
        na : {"drop", "error"}
            What to do with rows that have a missing value in a used column.
        matrices : dict, optional
            Known matrices by name.

        Returns
        -------
        FittedModel

        Raises
        ------
        DataError
            HM4xx.
        FitError
            HM5xx.
        """
        from hdsl.design import require_supported

        require_supported(self.form)
        chosen = self._method(method, nodes)
        design = self.bind(data, na=na, matrices=matrices)

        from hdsl.fit import fit_gaussian
        from hdsl.results import FittedModel

        entries = self._start(start, design) if start else None
        outcome = fit_gaussian(design.plan, design.arrays, method=chosen, start=entries)
        return FittedModel(design, outcome)

    def pooled(self) -> Model:
        """Return the model fully pooled: every modelled coefficient is its mean, so nothing varies but the residual.

        Returns
        -------
        Model
            With a text of its own; a note in its `diagnostics` names the parameters that went (HM119).
        """
        from hdsl.algebra import pooled

        return self._changed(pooled(self._resolved))

    def unpooled(self) -> Model:
        """Return the model fully unpooled: modelled coefficients are unmodelled sets, ``b0[j] ~ flat()``.

        Returns
        -------
        Model
            Without group-level equations; a note in its `diagnostics` names the parameters that went, and the
            group-level covariates that cannot be told apart from unmodelled coefficients (HM119).
        """
        from hdsl.algebra import unpooled

        return self._changed(unpooled(self._resolved, self.form))

    def drop(self, term: str) -> Model:
        """Return the model without a term.

        Parameters
        ----------
        term : str
            A coefficient (``"b1"``), a set (``"b_income"``), a random effect (``"u1[j]"``; its mean stays), a covariate
            (``"x[i]"``: all its terms), or a product that the composite equation has (``"x3[j]*x1[i]"``).

        Returns
        -------
        Model
            Also without the statements that nothing uses any more.

        Raises
        ------
        ModelError
            HM118 if the model has no such term, or cannot do without it.
        """
        from hdsl.algebra import dropped

        return self._changed(dropped(self._resolved, self.form, term))

    def with_(self, statement: str) -> Model:
        """Return the model with one more statement, or several.

        Parameters
        ----------
        statement : str
            In the language. It replaces a statement with the same left side; another one is added at the end.

        Returns
        -------
        Model

        Raises
        ------
        ModelError
            With every mistake of the statement, or of the model with it.
        """
        from hdsl.algebra import extended

        return self._changed(extended(self._resolved, statement))

    def _changed(self, rewriting: Rewriting) -> Model:
        """Make the model that an operation describes; its notes come last."""
        model = Model(rewriting.text, name=rewriting.name)
        model.diagnostics += rewriting.notes
        return model

    def _method(self, method: str | None, nodes: int | None) -> Any:
        chosen = "ml" if method is None else str(method).lower()
        if chosen not in _METHODS or nodes is not None:
            found = Diagnostics(self.source)
            what = f"method `{method}`" if chosen not in _METHODS else "a number of quadrature nodes"
            found.error(
                "HM507",
                f'{what} is not for a Gaussian linear model: use method="ml" or "reml"',
                help="leave it out: the likelihood is closed form, maximum likelihood (`ml`) or restricted (`reml`)",
            )
            raise FitError(found.sorted())
        return chosen

    def _start(self, start: Mapping[str, float], design: Design) -> dict[Any, float]:
        """Turn starting values by name into entries of the covariance matrices."""
        entries: dict[Any, float] = {}
        names = {design.residual_name, *design.variance_names.values(), *design.fixed_labels}
        unknown = [name for name in start if name not in names]
        if unknown:
            found = Diagnostics(self.source)
            near = near_names(unknown[0], names)
            todo = f"did you mean {one_of(near)}?" if near else "name one of the model"
            found.error(
                "HM508",
                f"`start` has no parameter `{unknown[0]}`: {todo}",
                help=f"parameters are {', '.join(sorted(names))}",
            )
            raise FitError(found.sorted())
        for name, value in start.items():
            if not math.isfinite(value):
                found = Diagnostics(self.source)
                message = f"the start of `{name}` is not finite: give a number, or leave it out"
                found.error("HM506", message, help="what is left out starts at a value from the data")
                raise FitError(found.sorted())
        for entry, name in design.variance_names.items():
            if name in start:
                entries[entry] = float(start[name])
        if design.residual_name in start:
            entries["sigma"] = float(start[design.residual_name])
        return entries
