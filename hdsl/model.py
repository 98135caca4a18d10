"""A model from its text: one call per stage, in order.

Stages
------
1. `syntax.parse`: text → syntax tree
2. `semantics.resolve`: tree → names, index sets, levels graph
3. `composite.build_composite`: levels → the composite model; `check_identification`
4. `design.bind`: composite model and data → design arrays and plan
5. `codegen.emit`: plan → NumPy source
6. `fit.fit_design`: source and arrays → estimates, by the method that the model needs
7. `results.FittedModel`: estimates → what users read

Stages 1 to 3 run when a model is made (`hdsl.compiling`) and report all mistakes of the text at once; 4 to 7 run when
data come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hdsl.compiling import compile_model, read_text, resolve_again
from hdsl.diagnostics import Diagnostic
from hdsl.progress import progress
from hdsl.source import Source

if TYPE_CHECKING:
    import pandas as pd

    from hdsl.algebra import Rewriting
    from hdsl.composite import Moments
    from hdsl.design import Design
    from hdsl.design.plan_view import PlanView
    from hdsl.form.model import CompositeModel
    from hdsl.form.view import Composite
    from hdsl.results import FittedModel
    from hdsl.results.simulation import Power, Scenario
    from hdsl.semantics import Levels, ResolvedModel
    from hdsl.semantics.equations import Equations

__all__ = ["Model", "read"]


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
    return Model(read_text(path), name=str(path))


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
        compiled, resolved = compile_model(self.source, cache=cache)
        if resolved is not None:
            self._resolved = resolved
        self.form: CompositeModel = compiled.form
        self.diagnostics: tuple[Diagnostic, ...] = compiled.diagnostics

    @cached_property
    def _resolved(self) -> ResolvedModel:
        """Names, index sets and levels: made again where the form came from the cache, for few calls need them."""
        return resolve_again(self.source)

    def __repr__(self) -> str:
        return f"<Model {self.source.name}: {', '.join(p.name for p in self.form.predictors)}>"

    def _repr_html_(self) -> str:
        from hdsl.form.shown import equations_html

        return equations_html(self._shown())

    def _repr_latex_(self) -> str:
        from hdsl.form.shown import equations_latex

        return equations_latex(self._shown())

    def _shown(self) -> dict[str, str]:
        shown = {"Level by level": self.equations.latex()}
        return shown | ({"One equation": self.composite.latex()} if self._has_composite else {})

    @property
    def _has_composite(self) -> bool:
        """Whether there is a single equation: every predictor is linear in its coefficients."""
        return not self.form.unsupported or (bool(self.form.predictors) and all(p.terms for p in self.form.predictors))

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

        if not self._has_composite:
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

        if self.form.unsupported or self.form.density is not None:
            from hdsl.design import refuse_unsupported

            refuse_unsupported(self.form, "no closed-form moments yet")
        return Moments(self.form)

    def bind(
        self,
        data: Any,
        *,
        na: str = "drop",
        matrices: Mapping[str, Any] | None = None,
        crossed: str | None = None,
    ) -> Design:
        """Bind data: read, join, check, code; see `fit` for the arguments.

        Raises
        ------
        DataError
            HM4xx, every mistake at once.
        FitError
            HM501 for a model that no back end fits yet, HM507 and HM509 for crossed factors.
        """
        from hdsl.design import bind

        with progress("reading and checking the data"):
            return bind(self.form, data, na=na, matrices=matrices, crossed=crossed)

    def plan(
        self, data: Any = None, method: str | None = None, *, nodes: int | None = None, crossed: str | None = None
    ) -> PlanView:
        """Return the printable plan: which structure was found, how the likelihood is computed, and why.

        Nothing is fitted; data, `method`, `nodes` and `crossed` are as in `fit`.

        Raises
        ------
        DataError
            HM4xx.
        FitError
            HM5xx, for what `fit` would refuse before it starts.
        """
        from hdsl.design import describe, require_supported, structural_plan
        from hdsl.design.plan_view import PlanView
        from hdsl.fit.dispatch import choose_method

        require_supported(self.form)
        chosen = choose_method(self.form, method, nodes)
        design = None if data is None else self.bind(data, crossed=crossed)
        plan = structural_plan(self.form) if design is None else design.plan
        if chosen == "agq":
            from hdsl.fit.quadrature import nodes_for

            nodes = nodes_for(plan, 0 if design is None else len(design.arrays.y), nodes)
        arrays = None if design is None else design.arrays
        return PlanView(plan, describe(plan, arrays, reml=chosen == "reml", nodes=nodes))

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

        title = Path(self.source.name).name
        if data is None:
            symbols, plan = covariate_symbols(self.form), self.plan().plan
        else:
            design = self.bind(data)
            symbols, plan = design.arrays.x_symbols, design.plan
        return emit(plan, standalone=standalone, title=title, x_symbols=symbols)

    def fit(  # noqa: PLR0913 - one argument for each thing that can be asked for
        self,
        data: Any,
        method: str | None = None,
        *,
        start: Mapping[str, float] | None = None,
        nodes: int | None = None,
        na: str = "drop",
        matrices: Mapping[str, Any] | None = None,
        crossed: Literal["exact", "iterative"] | None = None,
    ) -> FittedModel:
        """Fit the model.

        Parameters
        ----------
        data : frame, path or dict
            One frame with a row for each observation (any that narwhals reads, or a path to CSV or Parquet), or a dict
            from index name to the frame of that level.
        method : {"ml", "reml", "laplace", "agq"}, optional
            ``None`` is maximum likelihood where the likelihood is closed form, else Laplace's approximation with the
            observed Hessian of the joint density at its mode.
        start : dict, optional
            Starting values of parameters by name, natural scale; any may be left out. The coefficients of a Gaussian
            linear model need none.
        nodes : int, optional
            Quadrature nodes for each random effect, of method ``"agq"``.
        na : {"drop", "error"}
            What to do with rows that have a missing value in a used column.
        matrices : dict, optional
            Known matrices by name.
        crossed : {"exact", "iterative"}, optional
            How crossed factors of a Gaussian model are solved: by a dense factorization, or by iterations, whose
            Monte-Carlo error the fit tells and which take a part of the time and memory. ``None`` is exact up to
            12,000 columns in all of them but the largest nested chain.

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
        from hdsl.fit.dispatch import choose_method, fit_design

        chosen = choose_method(self.form, method, nodes)
        design = self.bind(data, na=na, matrices=matrices, crossed=crossed)

        from hdsl.results import FittedModel

        outcome = fit_design(design, chosen, nodes=nodes, start=start)
        ends = partial(self._fit_end, data=data, method=chosen if self.form.density is None else None, na=na)
        return FittedModel(design, outcome, self.diagnostics, ends)

    def _fit_end(self, which: str, *, data: Any, method: str | None, na: str) -> FittedModel:
        """Fit the model at an end of the spectrum, ``"pooled"`` or ``"unpooled"``."""
        model = self.pooled() if which == "pooled" else self.unpooled()
        return model.fit(data, method, na=na)

    def simulate(
        self,
        parameters: Mapping[str, float],
        sizes: Mapping[str, Any],
        covariates: Mapping[str, Any] | None = None,
        *,
        seed: int | None = None,
    ) -> pd.DataFrame:
        """Draw a data set from the model, without any data.

        Parameters
        ----------
        parameters : dict
            Every parameter by name, natural scale, as in `FittedModel.params`.
        sizes : dict
            Units of each index, by its name or column: in each unit of those that it lies in, or in all; a number, or
            one for each of these units. Indices of which none lies in the other are crossed. The row index says how
            many rows there are in each of the finest cells, 1 if it is left out.
        covariates : dict, optional
            By column, for each unit of its level: an array; a number or text; a function of a NumPy generator and the
            number of units; or a tuple, ``("normal", 0, 1)`` and so with every distribution of one outcome,
            ``("uniform", low, high)``, ``("choice", labels)``, ``("cycle", labels)``. An index without a size is a
            covariate of the rows.
        seed : int, optional
            Equal seeds give equal data.

        Returns
        -------
        DataFrame
            The columns that the model reads; labels are 1, 2, ..

        Raises
        ------
        FitError
            HM515 for what is missing or of no use; HM501 for a model that no back end fits yet.
        DataError
            HM4xx for covariates that do not fit the model.
        """
        import numpy as np

        from hdsl.results.seeds import known_seed

        return self._scenario(parameters, sizes, covariates).draw(np.random.default_rng(known_seed(seed)))

    def power(  # noqa: PLR0913 - one argument for each thing that can be said
        self,
        parameters: Mapping[str, float],
        sizes: Mapping[str, Any],
        hypothesis: str | Sequence[str],
        covariates: Mapping[str, Any] | None = None,
        *,
        n_simulations: int = 1000,
        alpha: float = 0.05,
        seed: int | None = None,
        method: str | None = None,
        df: str | None = None,
    ) -> Power:
        """Return the power of a test by simulation: the share of data sets in which a hypothesis is rejected.

        Parameters
        ----------
        parameters, sizes, covariates
            As `simulate`; covariates and effects are drawn anew for each data set.
        hypothesis : str or sequence of str
            As `FittedModel.test`: ``"b1 = 0"``.
        n_simulations : int
        alpha : float
            Level of the test.
        seed : int, optional
            Equal seeds give equal records.
        method : str, optional
            As `fit`; ``None`` is REML for Gaussian linear models, whose tests hold their level.
        df : str, optional
            Degrees of freedom, as `FittedModel.test`.

        Returns
        -------
        Power
            `power`, its Monte Carlo `interval`, the `table` of p-values, `failures`; prints.

        Raises
        ------
        FitError
            As `simulate`; HM510 for text that is no hypothesis; HM515 where no data set can be fitted.
        """
        from hdsl.results.simulation import Planned, power

        chosen = "reml" if method is None and self.form.density is None else method
        scenario = self._scenario(parameters, sizes, covariates)
        test = Planned(
            hypothesis=(hypothesis,) if isinstance(hypothesis, str) else tuple(hypothesis), alpha=alpha, df=df
        )
        return power(scenario, lambda data: self.fit(data, chosen), test, n_simulations, seed)

    def _scenario(
        self, parameters: Mapping[str, float], sizes: Mapping[str, Any], covariates: Mapping[str, Any] | None
    ) -> Scenario:
        from hdsl.design import require_supported
        from hdsl.results.simulation import Scenario

        require_supported(self.form)
        return Scenario(form=self.form, parameters=parameters, sizes=sizes, covariates=covariates or {})

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
