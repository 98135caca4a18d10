"""Resolved model → composite model.

For the outcome each argument of its distribution becomes a linear predictor, a scalar parameter or known data; each
modelled coefficient becomes an effect of a random block; definitions from data are listed in the order in which they
can be evaluated. What no back end fits yet is listed in `CompositeModel.unsupported`, with its place.
"""

from __future__ import annotations

from dataclasses import replace

from hdsl.composite.arguments import bounded_keys
from hdsl.composite.blocks import coefficient_mean, random_block
from hdsl.composite.expand import Expansion, ExpansionError
from hdsl.composite.inputs import data_columns, definitions, unmodelled_set
from hdsl.composite.outcome import OutcomeReader, ReadOutcome
from hdsl.composite.parameters import collect_parameters
from hdsl.diagnostics import Diagnostics
from hdsl.form.density import RowDensity
from hdsl.form.model import CompositeModel, Derived, Predictor, RandomBlock, Residual, Unsupported
from hdsl.semantics.record import ResolvedModel, Role
from hdsl.source import Span
from hdsl.syntax import tree

__all__ = ["build_composite"]


def build_composite(model: ResolvedModel, found: Diagnostics) -> CompositeModel:
    """Derive the composite model.

    Parameters
    ----------
    model : ResolvedModel
        Without errors.
    found : Diagnostics
        Receives mistakes that show only in the composite (HM304, HM007).

    Returns
    -------
    CompositeModel
    """
    builder = _Builder(model, found)
    return builder.build()


class _Builder:
    """Gathers the parts of a composite model."""

    def __init__(self, model: ResolvedModel, found: Diagnostics) -> None:
        self.model = model
        self.found = found
        self.unsupported: list[Unsupported] = []
        self.expansion = Expansion(model, lambda entity: coefficient_mean(entity, model), bounded_keys(model))

    def build(self) -> CompositeModel:
        outcomes = self.model.of_role(Role.OUTCOME)
        for extra in outcomes[1:]:
            self.refuse(f"several outcomes (`{outcomes[0].printed}` and `{extra.printed}`)", extra.span)
        read = OutcomeReader(self.model, self.expansion, self.found, self.refuse).read(outcomes[0])
        blocks = self.blocks(read.predictors, read.residual)
        scalars = frozenset(input_.scalar for input_ in read.parts.inputs) if read.parts is not None else frozenset()
        sets = tuple(
            unmodelled_set(entity, self.model, self.found, self.refuse, is_scalar=entity.printed in scalars)
            for entity in self.model.of_role(Role.UNMODELLED)
        )
        self.refuse_the_rest()
        density = self.density(read)
        form = CompositeModel(
            source=self.model.source,
            indices=tuple(self.model.indices.values()),
            index_sets=self.model.levels.index_sets,
            nestings=self.model.nestings,
            data=data_columns(self.model),
            definitions=definitions(self.model),
            parameters=(),
            sets=sets,
            outcome=read.outcome,
            predictors=read.predictors,
            blocks=blocks,
            residual=read.residual,
            derived=self.derived(),
            unsupported=tuple(self.unsupported),
            density=density,
        )
        return replace(form, parameters=collect_parameters(form, self.model))

    def refuse(self, feature: str, span: Span | None, *, is_in_form: bool = False) -> None:
        item = Unsupported(feature=feature, is_in_form=is_in_form, span=span)
        if item not in self.unsupported:
            self.unsupported.append(item)

    def density(self, read: ReadOutcome) -> RowDensity | None:
        """Return the density of a row; None for a closed form, and where something else is not fitted yet."""
        if read.parts is None or self.unsupported or self.found.has_errors:
            return None
        from hdsl.composite.density import UnsupportedDensity, Wrapper, row_density

        wrappers = tuple(Wrapper(name=name, arguments=arguments) for name, arguments in read.parts.wrappers)
        parts, distribution = read.parts, read.outcome.distribution
        try:
            return row_density(distribution, parts.arguments, wrappers, parts.inputs, parts.known)
        except UnsupportedDensity as unsupported:
            self.refuse(unsupported.feature, read.outcome.span, is_in_form=not wrappers)
            return None

    # -- coefficients ----------------------------------------------------------------------------------------------

    def blocks(self, predictors: tuple[Predictor, ...], residual: Residual | None) -> tuple[RandomBlock, ...]:
        error = residual.effect if residual is not None else None
        done: set[tree.Stochastic] = set()
        blocks = []
        for entity in self.model.of_role(Role.COEFFICIENT):
            statement = entity.stochastic
            if statement is None or entity.printed == error or any(s is statement for s in done):
                continue
            done.add(statement)
            blocks.append(random_block(entity, self.model, self.expansion, self.found, self.refuse))
        used = {t.coefficient for p in predictors for t in p.terms}
        for block in blocks:
            for effect in block.effects:
                if predictors and not self.unsupported and effect not in used:
                    self.found.warning(
                        "HM108",
                        f"`{effect}` does not reach the outcome",
                        block.span,
                        help="use it in an equation, or remove it",
                    )
        return tuple(blocks)

    def derived(self) -> tuple[Derived, ...]:
        """Coefficients that definitions give, coarser than the rows; those that are not linear are left out."""
        found = []
        for entity in self.model.of_role(Role.DEFINITION):
            if entity.link is not None or not entity.index_set or self.model.levels.order.row in entity.index_set:
                continue
            assert entity.definition is not None
            try:
                terms = self.expansion.terms(entity.definition.right, entity.position, entity.index_set)
            except ExpansionError:  # told where the predictor is expanded
                continue
            found.append(Derived(symbol=entity.printed, index_set=entity.index_set, terms=terms))
        return tuple(found)

    def refuse_the_rest(self) -> None:
        """Features that stand in no predictor: priors, known matrices."""
        for entity in self.model.of_role(Role.PARAMETER):
            if entity.stochastic is not None and entity.stochastic.distribution.name != "flat":
                self.refuse(f"a prior on `{entity.printed}`", entity.span)
        for entity in self.model.of_role(Role.MATRIX):
            self.refuse(f"a known matrix `{entity.printed}`", entity.span)
