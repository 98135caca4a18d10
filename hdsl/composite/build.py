"""Resolved model → composite model.

For the outcome each argument of its distribution becomes a linear predictor, a scalar parameter or known data; each
modelled coefficient becomes an effect of a random block; definitions from data are listed in the order in which they
can be evaluated. What no back end fits yet is listed in `CompositeModel.unsupported`, with its place.
"""

from __future__ import annotations

from dataclasses import replace

from hdsl.composite.blocks import coefficient_mean, random_block
from hdsl.composite.expand import MAX_TERMS, Expansion, ExpansionError, NotLinearError, TooManyTermsError
from hdsl.composite.inputs import data_columns, definitions, unmodelled_set
from hdsl.composite.lower import constant_value, is_data, lower, printed
from hdsl.composite.parameters import collect_parameters
from hdsl.diagnostics import Diagnostics
from hdsl.families import DISTRIBUTIONS, LINKS, WRAPPERS, Slot
from hdsl.form.expr import Expr, IndexSet, Ref, show_index_set
from hdsl.form.model import (
    CompositeModel,
    Derived,
    Outcome,
    Predictor,
    RandomBlock,
    Residual,
    Term,
    Unsupported,
)
from hdsl.semantics.record import Entity, ResolvedModel, Role
from hdsl.semantics.walk import arguments_by_slot
from hdsl.source import Span
from hdsl.syntax import tree

__all__ = ["build_composite"]

_INVERSES = {inverse: link for link, inverse in LINKS.items() if link != "identity"}


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
        self.expansion = Expansion(model, lambda entity: coefficient_mean(entity, model))

    def build(self) -> CompositeModel:
        outcomes = self.model.of_role(Role.OUTCOME)
        for extra in outcomes[1:]:
            self.refuse(f"several outcomes (`{outcomes[0].printed}` and `{extra.printed}`)", extra.span)
        outcome, predictors, residual = self.outcome(outcomes[0])
        blocks = self.blocks(predictors, residual)
        sets = tuple(
            unmodelled_set(entity, self.model, self.found, self.refuse)
            for entity in self.model.of_role(Role.UNMODELLED)
        )
        self.refuse_the_rest()
        form = CompositeModel(
            source=self.model.source,
            indices=tuple(self.model.indices.values()),
            index_sets=self.model.levels.index_sets,
            nestings=self.model.nestings,
            data=data_columns(self.model),
            definitions=definitions(self.model),
            parameters=(),
            sets=sets,
            outcome=outcome,
            predictors=predictors,
            blocks=blocks,
            residual=residual,
            derived=self.derived(),
            unsupported=tuple(self.unsupported),
        )
        return replace(form, parameters=collect_parameters(form, self.model))

    def refuse(self, feature: str, span: Span | None, *, is_in_form: bool = False) -> None:
        item = Unsupported(feature=feature, is_in_form=is_in_form, span=span)
        if item not in self.unsupported:
            self.unsupported.append(item)

    # -- the outcome -----------------------------------------------------------------------------------------------

    def outcome(self, entity: Entity) -> tuple[Outcome, tuple[Predictor, ...], Residual | None]:
        if entity.index_set != (self.model.levels.order.row,):
            self.refuse(f"an outcome `{entity.printed}` that is coarser than the rows", entity.span)
        if entity.stochastic is None:
            return self._written_out(entity)
        return self._distributed(entity, entity.stochastic)

    def _observed(self, entity: Entity) -> Expr:
        """Return what gives the outcome's value: its column, or its definition from data."""
        if entity.definition is not None and entity.stochastic is not None:
            return lower(entity.definition.right, entity.index_set, self.model)
        return Ref(name=entity.name, index_set=entity.index_set)

    def _written_out(self, entity: Entity) -> tuple[Outcome, tuple[Predictor, ...], Residual | None]:
        """Read an outcome with its error written out, ``y[i] = .. + e[i]``."""
        assert entity.definition is not None
        position = next(p for p, s in enumerate(self.model.program.statements) if s is entity.definition)
        terms = self.terms(entity.definition.right, position, entity.index_set)
        errors = [t for t in terms if t.part == "random" and t.coefficient_set == entity.index_set]
        residual = None
        if len(errors) == 1 and not errors[0].covariates and abs(errors[0].scale) == 1.0:
            residual = self._error(errors[0])
            terms = tuple(_as_residual(t) if t is errors[0] else t for t in terms)
        elif not errors and self._is_joint_within_rows(terms):
            self.refuse("an outcome whose spread within rows is all in a joint coefficient", entity.span)
        elif not errors and not self.unsupported:
            self._report_no_error(entity, terms)
        elif len(errors) == 1:
            self.refuse(f"a residual that is multiplied (`{errors[0].coefficient}`)", errors[0].spans[-1])
        outcome = Outcome(
            name=entity.name,
            index_set=entity.index_set,
            expr=self._observed(entity),
            transform=entity.link,
            distribution="normal",
            scalars=(("sd", residual.sd),) if residual is not None and residual.sd is not None else (),
            span=entity.span,
        )
        return outcome, (self._predictor(entity, "mean", "identity", terms, None),), residual

    def _report_no_error(self, entity: Entity, terms: tuple[Term, ...]) -> None:
        """Report an outcome without an error (HM304); an error that nobody gave a distribution is read as a column."""
        lone = [t.covariates[0] for t in terms if t.part == "offset" and len(t.covariates) == 1]
        error = next((c.text for c in lone if c.index_set == entity.index_set and isinstance(c.expr, Ref)), None)
        row = show_index_set(entity.index_set)
        what = f"give `{error}` a distribution" if error is not None else f"add `+ e[{row}]`"
        statement = f"{error or f'e[{row}]'} ~ normal(0, sd)"
        self.found.error(
            "HM304",
            f"`{entity.printed}` has no error for each row: {what}, `{statement}`",
            entity.span,
            notes=("all that varies at random on its right is coarser than its rows",),
            help=f"write `{statement}`" + ("" if error is not None else f" and add `+ e[{row}]`"),
        )

    def _is_joint_within_rows(self, terms: tuple[Term, ...]) -> bool:
        """Whether an outcome without an error may have it in a joint coefficient (two outcomes in long form)."""
        used = {term.coefficient for term in terms if term.part == "random"}
        return any(
            entity.printed in used
            and entity.stochastic is not None
            and entity.stochastic.distribution.name == "mvnormal"
            for entity in self.model.of_role(Role.COEFFICIENT)
        )

    def _error(self, term: Term) -> Residual:
        """Return the residual that a written-out error gives: its own distribution must be a plain normal."""
        entity = next(e for e in self.model.of_role(Role.COEFFICIENT) if e.printed == term.coefficient)
        block = random_block(entity, self.model, self.expansion, self.found, self.refuse)
        if block.distribution != "normal" or len(block.effects) > 1 or block.covariance.structure != "diagonal":
            self.refuse(f"errors `{entity.printed}` that are not independent normal", entity.span)
        sd = block.covariance.sd[0] if block.covariance.sd else None
        return Residual(sd=sd, known=None, effect=entity.printed, span=entity.span)

    def _distributed(
        self, entity: Entity, statement: tree.Stochastic
    ) -> tuple[Outcome, tuple[Predictor, ...], Residual | None]:
        distribution, wrappers = self._unwrap(statement.distribution)
        if DISTRIBUTIONS[distribution.name].is_joint or isinstance(statement.left, tree.Joint):
            self.refuse("a joint distribution of several outcomes", statement.span)
            return self._bare(entity, distribution.name), (), None
        if distribution.name != "normal":
            what = f"an outcome with the distribution `{distribution.name}`"
            self.refuse(what, distribution.name_span, is_in_form=True)
        predictors: list[Predictor] = []
        known: list[tuple[str, Expr]] = []
        scalars: list[tuple[str, str]] = []
        for slot, value in arguments_by_slot(distribution):
            if isinstance(value, tree.Distribution) or slot.kind == "index":
                continue
            if slot.kind == "new name" or _is_scalar(value, slot, self.model):
                scalars.append((slot.name, _name_of(value)))
            elif slot.range == "positive" and (constant_value(value) or 1.0) <= 0.0:
                self.found.error(
                    "HM007",
                    f"the {slot.role} `{printed(value, self.model)}` of `{entity.printed}` is not positive",
                    value.span,
                    help=f"write a parameter, as in `{distribution.name}(.., {slot.name})`, or a positive number",
                )
            elif is_data(value, self.model) and slot.name not in ("mean", "eta", "p"):
                known.append((slot.name, lower(value, entity.index_set, self.model)))
            else:
                predictors += self._argument(entity, slot, value)
        residual = None
        if distribution.name == "normal":
            residual, predictors = self._gaussian(entity, statement, predictors, known, scalars)
        bare = self._bare(entity, distribution.name)
        outcome = replace(bare, known=tuple(known), scalars=tuple(scalars), wrappers=wrappers)
        return outcome, tuple(predictors), residual

    def _unwrap(self, distribution: tree.Distribution) -> tuple[tree.Distribution, tuple[str, ...]]:
        """Return the distribution within wrappers, and their names."""
        wrappers: list[str] = []
        while distribution.name in WRAPPERS:
            wrappers.append(distribution.name)
            self.refuse(f"a {distribution.name.replace('_', '-')} outcome", distribution.name_span)
            distribution = next(a.value for a in distribution.arguments if isinstance(a.value, tree.Distribution))
        return distribution, tuple(wrappers)

    def _bare(self, entity: Entity, distribution: str) -> Outcome:
        return Outcome(
            name=entity.name,
            index_set=entity.index_set,
            expr=self._observed(entity),
            transform=entity.link,
            distribution=distribution,
            span=entity.span,
        )

    def _gaussian(
        self,
        entity: Entity,
        statement: tree.Stochastic,
        predictors: list[Predictor],
        known: list[tuple[str, Expr]],
        scalars: list[tuple[str, str]],
    ) -> tuple[Residual, list[Predictor]]:
        """Return the residual of ``y[i] ~ normal(mean, sd)``, and the predictors with its term."""
        sd = dict(scalars).get("sd")
        given = dict(known).get("sd")
        if given is not None:
            what = "a residual standard deviation that is known"
            self.refuse(what, statement.distribution.span, is_in_form=True)
        for predictor in predictors:
            if predictor.argument == "sd":
                what = "an equation for the residual standard deviation"
                self.refuse(what, statement.distribution.span, is_in_form=True)
        effect = self._residual_name(entity)
        residual = Residual(sd=sd, known=given, effect=effect, span=statement.span)
        term = Term(
            part="residual",
            coefficient=effect,
            coefficient_set=entity.index_set,
            scale=1.0,
            covariates=(),
            level=entity.index_set,
            implied=False,
            lines=(statement.span.line,),
            spans=(statement.span,),
        )
        return residual, [
            replace(p, terms=(*p.terms, term)) if p.argument == "mean" and p.link == "identity" else p
            for p in predictors
        ]

    def _residual_name(self, entity: Entity) -> str:
        names = {name for name, _ in self.model.entities}
        free = next(
            name for name in ("e", "epsilon", "residual", "residual_") if name not in names or name == "residual_"
        )
        return f"{free}[{show_index_set(entity.index_set)}]"

    def _argument(self, entity: Entity, slot: Slot, value: tree.Expr) -> list[Predictor]:
        """Return the predictor that an argument of the outcome's distribution is."""
        symbol, link, inner, position, left = self._unlink(entity, value)
        terms = self.terms(inner, position, left)
        if not terms and self.unsupported:
            return []
        if (
            entity.stochastic is not None
            and entity.stochastic.distribution.name == "normal"
            and link != "identity"
            and slot.name == "mean"
        ):
            self.refuse(f"a normal outcome with a {link} link", value.span, is_in_form=True)
        return [self._predictor(entity, slot.name, link, terms, symbol)]

    def _unlink(self, entity: Entity, value: tree.Expr) -> tuple[str | None, str, tree.Expr, int, IndexSet]:
        """Strip a link: ``p[i]`` with ``logit(p[i]) = ..``, or ``invlogit(eta[i])``."""
        position = entity.position
        if isinstance(value, tree.Symbol):
            other = self.model.entity(value)
            if other.role is Role.DEFINITION and other.definition is not None:
                where = next(p for p, s in enumerate(self.model.program.statements) if s is other.definition)
                return other.printed, other.link or "identity", other.definition.right, where, other.index_set
        if isinstance(value, tree.Call) and value.function in _INVERSES:
            return None, _INVERSES[value.function], value.arguments[0].value, position, entity.index_set
        return None, "identity", value, position, entity.index_set

    def _predictor(
        self, entity: Entity, argument: str, link: str, terms: tuple[Term, ...], symbol: str | None
    ) -> Predictor:
        if link == "identity":
            name = entity.printed if argument == "mean" else symbol or argument
            name = f"{entity.link}({name})" if entity.link is not None and argument == "mean" else name
        else:
            name = f"{link}({symbol or argument})"
        return Predictor(name=name, argument=argument, link=link, terms=terms)

    def terms(self, expr: tree.Expr, position: int, left: IndexSet) -> tuple[Term, ...]:
        """Expand an expression; one that is not linear is listed as not fitted yet and has no terms."""
        try:
            return self.expansion.terms(expr, position, left)
        except NotLinearError as error:
            self.refuse(f"a predictor that is not linear ({error.reason})", error.span)
        except TooManyTermsError as error:
            self.found.error(
                "HM009",
                f"the composite equation would have more than {MAX_TERMS:,} terms",
                error.span,
                help="each level multiplies the terms of the next: leave some of the products out",
            )
        return ()

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


def _as_residual(term: Term) -> Term:
    return replace(term, part="residual")


def _is_scalar(value: tree.Expr, slot: Slot, model: ResolvedModel) -> bool:
    """Whether an argument is a bare parameter in a place that is not a mean."""
    if not isinstance(value, tree.Symbol) or value.subscripts or slot.name in ("mean", "eta", "p", "meanlog"):
        return False
    return model.entity(value).role is Role.PARAMETER


def _name_of(value: tree.Expr | tree.Distribution) -> str:
    return value.name if isinstance(value, tree.Symbol) else ""
