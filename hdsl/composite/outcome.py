"""The outcome's statement → its record, its linear predictors, and what its row density is made of.

A Gaussian outcome with one linear mean and a standard deviation that is a parameter is integrated in closed form; every
other one has a density of its inputs. What no back end fits is refused with its place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from hdsl.composite.arguments import Arguments, TakenApart, added, summands
from hdsl.composite.blocks import Refuse, random_block
from hdsl.composite.expand import MAX_TERMS, Expansion, NotLinearError, TooManyTermsError
from hdsl.composite.lower import constant_value, lower, printed
from hdsl.diagnostics import Diagnostics
from hdsl.families import DISTRIBUTIONS, WRAPPERS, Slot
from hdsl.form.density import Input
from hdsl.form.expr import Expr, Ref, references, show_index_set
from hdsl.form.model import Outcome, Predictor, Residual, Term
from hdsl.semantics.record import Entity, ResolvedModel, Role
from hdsl.semantics.walk import arguments_by_slot
from hdsl.source import Span
from hdsl.syntax import tree

__all__ = ["DensityParts", "OutcomeReader", "ReadOutcome"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DensityParts:
    """What a row density is derived from: inputs, known data, arguments on their natural scale.

    `wrappers` are pairs of a wrapper's name and its arguments, outermost first.
    """

    inputs: tuple[Input, ...]
    known: tuple[str, ...]
    arguments: tuple[tuple[str, Expr], ...]
    wrappers: tuple[tuple[str, tuple[tuple[str, Expr], ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOutcome:
    """An outcome with its predictors; `parts` is None for a closed form, and for what is not fitted."""

    outcome: Outcome
    predictors: tuple[Predictor, ...]
    residual: Residual | None
    parts: DensityParts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Statement:
    """``y[i] ~ distribution(..)``, or what an error written out comes to: its residual's symbol and its lines."""

    distribution: tree.Distribution
    position: int
    effect: str | None = None
    sign: float = 1.0
    spans: tuple[Span, ...] = ()


RANGES = {"positive": (0.0, math.inf, "positive"), "(0, 1)": (0.0, 1.0, "between 0 and 1")}
"""Bounds of arguments that are numbers, exclusive, and words for them."""


class OutcomeReader:
    """Reads the statement of an outcome.

    Parameters
    ----------
    model : ResolvedModel
    expansion : Expansion
    found : Diagnostics
        Receives mistakes (HM007, HM009, HM304).
    refuse : callable
        Notes what is not fitted yet.
    """

    def __init__(self, model: ResolvedModel, expansion: Expansion, found: Diagnostics, refuse: Refuse) -> None:
        self.model = model
        self.expansion = expansion
        self.found = found
        self.refuse = refuse

    def read(self, entity: Entity) -> ReadOutcome:
        """Return the outcome with its predictors."""
        if entity.index_set != (self.model.levels.order.row,):
            self.refuse(f"an outcome `{entity.printed}` that is coarser than the rows", entity.span)
        if entity.stochastic is None:
            return self._written_out(entity)
        spans = (entity.stochastic.span,)
        statement = _Statement(distribution=entity.stochastic.distribution, position=entity.position, spans=spans)
        return self._distributed(entity, statement)

    def _bare(self, entity: Entity, distribution: str) -> Outcome:
        expr: Expr = Ref(name=entity.name, index_set=entity.index_set)
        if entity.definition is not None and entity.stochastic is not None:
            expr = lower(entity.definition.right, entity.index_set, self.model)
        return Outcome(
            name=entity.name,
            index_set=entity.index_set,
            expr=expr,
            transform=entity.link,
            distribution=distribution,
            span=entity.span,
        )

    # -- an outcome with its distribution --------------------------------------------------------------------------

    def _distributed(self, entity: Entity, statement: _Statement) -> ReadOutcome:
        distribution, layers = self._unwrapped(statement.distribution)
        bare = self._bare(entity, distribution.name)
        is_joint = entity.stochastic is not None and isinstance(entity.stochastic.left, tree.Joint)
        if DISTRIBUTIONS[distribution.name].is_joint or is_joint:
            self.refuse("a joint distribution of several outcomes", distribution.span)
            return ReadOutcome(outcome=bare, predictors=(), residual=None)
        if distribution.name == "categorical":
            self.refuse("an outcome with the distribution `categorical`", distribution.name_span)
        arguments = Arguments(self.model, entity, self.expansion, statement.position)
        thresholds = self._read_all(arguments, distribution, layers)
        taken = arguments.taken_apart()
        outcome = replace(
            bare,
            known=tuple(taken.known.items()),
            scalars=(*taken.scalars, *thresholds),
            wrappers=tuple(layer.name for layer in layers),
            nonlinear=taken.nonlinear,
        )
        if thresholds:
            return self._ordered(outcome, taken)
        if distribution.name == "normal" and not layers:
            return self._gaussian(entity, outcome, taken, statement)
        return ReadOutcome(
            outcome=outcome, predictors=taken.predictors, residual=None, parts=_parts(outcome, taken, taken.inputs)
        )

    def _unwrapped(self, distribution: tree.Distribution) -> tuple[tree.Distribution, tuple[tree.Distribution, ...]]:
        """Return the distribution within wrappers, and the wrappers, outermost first."""
        layers = []
        while distribution.name in WRAPPERS:
            layers.append(distribution)
            distribution = next(a.value for a in distribution.arguments if isinstance(a.value, tree.Distribution))
        return distribution, tuple(layers)

    def _read_all(
        self, arguments: Arguments, distribution: tree.Distribution, layers: tuple[tree.Distribution, ...]
    ) -> tuple[tuple[str, str], ...]:
        """Take every argument apart; return the thresholds, which are none of them."""
        thresholds: list[tuple[str, str]] = []
        for layer in (distribution, *layers):
            for slot, value in arguments_by_slot(layer):
                if isinstance(value, tree.Distribution) or slot.kind == "index":
                    continue
                if slot.kind == "new name":
                    thresholds.append((slot.name, value.name if isinstance(value, tree.Symbol) else ""))
                else:
                    self._check_range(arguments.entity, layer, slot, value)
                    name = slot.name if layer is distribution else _name_in(layer.name, slot.name)
                    self._read(arguments, name, slot, value)
        return tuple(thresholds)

    def _read(self, arguments: Arguments, name: str, slot: Slot, value: tree.Expr) -> None:
        try:
            arguments.add(name, slot, value)
        except NotLinearError as error:
            self.refuse(f"a predictor that is not linear ({error.reason})", error.span)
        except TooManyTermsError as error:
            self._report_too_many(error)

    def _check_range(self, entity: Entity, layer: tree.Distribution, slot: Slot, value: tree.Expr) -> None:
        constant = constant_value(value)
        if constant is None or slot.range not in RANGES:
            return
        low, high, words = RANGES[slot.range]
        if not low < constant < high:
            is_name = isinstance(value, tree.Symbol)
            number = f"`{printed(value, self.model)}`" + (f", which is {constant:.4g}," if is_name else "")
            self.found.error(
                "HM007",
                f"the {slot.role} {number} of `{entity.printed}` is not {words}",
                value.span,
                help=f"write a parameter, as in `{layer.name}(.., {slot.name})`, or a number that is {words}",
            )

    def _ordered(self, outcome: Outcome, taken: TakenApart) -> ReadOutcome:
        """Return an ordinal outcome: its predictor stands below both thresholds of a category."""
        if outcome.wrappers:
            self.refuse(f"`{outcome.wrappers[-1]}` around `{outcome.distribution}`", outcome.span)
            return ReadOutcome(outcome=outcome, predictors=taken.predictors, residual=None)
        if len(taken.inputs) != 1 or taken.arguments.get("eta") != Ref(name="eta0", index_set=()):
            self.refuse("an ordinal outcome whose predictor is not linear", outcome.span)
            return ReadOutcome(outcome=outcome, predictors=taken.predictors, residual=None)
        upper = Input(argument="upper threshold", predictor=0, sign=-1.0, threshold="upper")
        lower_ = Input(argument="lower threshold", predictor=0, sign=-1.0, threshold="lower")
        ends = {name: Ref(name=f"eta{k}", index_set=()) for k, name in enumerate(("upper", "lower"))}
        parts = _parts(outcome, replace(taken, arguments=dict(ends)), (upper, lower_))
        return ReadOutcome(outcome=outcome, predictors=taken.predictors, residual=None, parts=parts)

    def _gaussian(self, entity: Entity, outcome: Outcome, taken: TakenApart, statement: _Statement) -> ReadOutcome:
        """Return a Gaussian outcome: its residual stands in the composite where the mean is a predictor."""
        sd = dict(outcome.scalars).get("sd")
        sd = sd if sd in _parameters(self.model) else None
        effect = statement.effect or self._residual_name(entity)
        residual = Residual(sd=sd, known=dict(outcome.known).get("sd"), effect=effect, span=statement.spans[-1])
        term = Term(
            part="residual",
            coefficient=effect,
            coefficient_set=entity.index_set,
            scale=statement.sign,
            covariates=(),
            level=entity.index_set,
            implied=False,
            lines=tuple(sorted({span.line for span in statement.spans})),
            spans=statement.spans,
        )
        predictors = tuple(
            replace(p, terms=(*p.terms, term)) if p.argument == "mean" and p.link == "identity" else p
            for p in taken.predictors
            if not outcome.nonlinear
        )
        is_closed = not outcome.nonlinear and len(predictors) == 1 and sd is not None
        parts = None if is_closed and predictors[0].link == "identity" else _parts(outcome, taken, taken.inputs)
        return ReadOutcome(outcome=outcome, predictors=predictors or taken.predictors, residual=residual, parts=parts)

    def _residual_name(self, entity: Entity) -> str:
        names = {name for name, _ in self.model.entities}
        free = next(
            name for name in ("e", "epsilon", "residual", "residual_") if name not in names or name == "residual_"
        )
        return f"{free}[{show_index_set(entity.index_set)}]"

    def _report_too_many(self, error: TooManyTermsError) -> None:
        self.found.error(
            "HM009",
            f"the composite equation would have more than {MAX_TERMS:,} terms",
            error.span,
            help="each level multiplies the terms of the next: leave some of the products out",
        )

    # -- an outcome with its error written out ---------------------------------------------------------------------

    def _written_out(self, entity: Entity) -> ReadOutcome:
        """Read ``y[i] = .. + e[i]`` as ``y[i] ~ normal(.., sd)`` where its error stands alone in the sum."""
        assert entity.definition is not None
        statement = self._error_alone(entity, entity.definition)
        if statement is not None:
            return self._distributed(entity, statement)
        terms = self._terms(entity, entity.definition.right)
        errors = [t for t in terms if t.part == "random" and t.coefficient_set == entity.index_set]
        residual = None
        if len(errors) == 1 and not errors[0].covariates and abs(errors[0].scale) == 1.0:
            residual = self._error(errors[0])
            terms = tuple(replace(t, part="residual") if t is errors[0] else t for t in terms)
        elif len(errors) == 1:
            self.refuse(f"a residual that is multiplied (`{errors[0].coefficient}`)", errors[0].spans[-1])
        elif not errors and self._is_joint_within_rows(terms):
            self.refuse("an outcome whose spread within rows is all in a joint coefficient", entity.span)
        elif not errors and terms:
            self._report_no_error(entity, terms)
        scalars = (("sd", residual.sd),) if residual is not None and residual.sd is not None else ()
        name = entity.printed if entity.link is None else f"{entity.link}({entity.printed})"
        predictor = Predictor(name=name, argument="mean", link="identity", terms=terms)
        outcome = replace(self._bare(entity, "normal"), scalars=scalars)
        return ReadOutcome(outcome=outcome, predictors=(predictor,), residual=residual)

    def _error_alone(self, entity: Entity, definition: tree.Deterministic) -> _Statement | None:
        """Return what an outcome is that has one error ``e[i] ~ normal(0, ..)`` among its summands."""
        parts = summands(definition.right)
        errors = [(sign, part) for sign, part in parts if self._is_error(part, entity)]
        if len(errors) != 1 or len(parts) < 2:
            return None
        sign, symbol = errors[0]
        assert isinstance(symbol, tree.Symbol)
        error = self.model.entity(symbol)
        assert error.stochastic is not None
        mean: tree.Expr | None = None
        for own_sign, part in parts:
            mean = mean if part is symbol else added(mean, own_sign, part)
        assert mean is not None
        sd = next(v for slot, v in arguments_by_slot(error.stochastic.distribution) if slot.name == "sd")
        assert not isinstance(sd, tree.Distribution)
        arguments = tuple(tree.DistributionArgument(name=None, value=value, span=value.span) for value in (mean, sd))
        distribution = replace(error.stochastic.distribution, arguments=arguments)
        return _Statement(
            distribution=distribution,
            position=entity.position,
            effect=error.printed,
            sign=1.0 if sign == "+" else -1.0,
            spans=(definition.span, error.stochastic.span),
        )

    def _is_error(self, part: tree.Expr, outcome: Entity) -> bool:
        """Whether a summand is a coefficient of the rows, normal with mean zero, that stands nowhere else."""
        if not isinstance(part, tree.Symbol):
            return False
        entity = self.model.entity(part)
        if entity.role is not Role.COEFFICIENT or entity.index_set != outcome.index_set or len(entity.uses) != 1:
            return False
        if entity.stochastic is None or entity.link is not None or isinstance(entity.stochastic.left, tree.Joint):
            return False
        slots = {slot.name: value for slot, value in arguments_by_slot(entity.stochastic.distribution)}
        mean, sd = slots.get("mean"), slots.get("sd")
        if entity.stochastic.distribution.name != "normal" or sd is None or mean is None:
            return False
        return not isinstance(mean, tree.Distribution) and constant_value(mean) == 0.0

    def _terms(self, entity: Entity, value: tree.Expr) -> tuple[Term, ...]:
        try:
            return self.expansion.terms(value, entity.position, entity.index_set)
        except NotLinearError as error:
            self.refuse(f"a predictor that is not linear ({error.reason})", error.span)
        except TooManyTermsError as error:
            self._report_too_many(error)
        return ()

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


def _parameters(model: ResolvedModel) -> frozenset[str | None]:
    """Return the names of parameters, sets of them left out."""
    return frozenset(entity.name for entity in model.of_role(Role.PARAMETER))


def _name_in(wrapper: str, slot: str) -> str:
    """Return what an argument of a wrapper is called: a bound by its name, the probability with the wrapper's."""
    return slot if slot in ("lower", "upper") else f"{slot} of {wrapper}"


def _parts(outcome: Outcome, taken: TakenApart, inputs: tuple[Input, ...]) -> DensityParts:
    """Sort arguments into those of the distribution and those of its wrappers."""
    own = dict(taken.arguments)
    wrappers = []
    for wrapper in outcome.wrappers:
        names = {slot.name: _name_in(wrapper, slot.name) for slot in WRAPPERS[wrapper].slots}
        pairs = tuple((slot, own.pop(name)) for slot, name in names.items() if name in own)
        wrappers.append((wrapper, pairs))
    used = {ref.name for _, expr in taken.arguments.items() for ref in references(expr)}
    return DensityParts(
        inputs=inputs,
        known=tuple(name for name in taken.known if name in used),
        arguments=tuple(own.items()),
        wrappers=tuple(wrappers),
    )
