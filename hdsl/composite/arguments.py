"""Arguments of the outcome's distribution → linear predictors, parameters and data, and what joins them.

    A[tree]/(1 + exp((xmid - age[i])/scal))   →   eta0/(1 + exp(eta1/eta2)), three linear predictors

Every argument is taken apart into its largest parts that are linear in coefficients; each of them is a predictor, and
what is left between them is an expression without derivatives to be known of. A link is the common case of it:
``invlogit(eta0)``. Definitions on the way are substituted. Invariants: predictors come before parameters without an
equation, the outcome's mean before all; equal parts are one input.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from hdsl.composite.expand import Expansion, NotLinearError
from hdsl.composite.lower import constant_value, is_data, lower, printed
from hdsl.families import FUNCTIONS, LINKS, Slot
from hdsl.form.density import Input
from hdsl.form.expr import Apply, Expr, IndexSet, Num, Ref
from hdsl.form.model import Predictor, Term
from hdsl.semantics.record import Entity, Key, ResolvedModel, Role
from hdsl.semantics.walk import is_aggregate, symbols_in
from hdsl.syntax import tree

__all__ = ["MAIN", "Arguments", "Place", "TakenApart", "added", "bounded_keys", "summands"]

MAIN = ("mean", "p", "eta", "meanlog")
"""Arguments that say where an outcome lies."""

_INVERSES = {inverse: link for link, inverse in LINKS.items() if link != "identity"}
_RANGES = {"positive": "exp", "(0, 1)": "invlogit"}
"""For each bounded range the function that gives it from all real numbers."""


def bounded_keys(model: ResolvedModel) -> frozenset[Key]:
    """Return the parameters and unmodelled sets that are positive or probabilities by where they stand."""
    entities = model.of_role(Role.PARAMETER, Role.UNMODELLED)
    return frozenset(e.key for e in entities if any(use.range in _RANGES for use in e.uses))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an expression stands.

    `position` and `left` are those of its statement, `argument` is what it is a part of (`is_whole`: all of), `name`
    the definition that it is the right side of.
    """

    position: int
    left: IndexSet
    argument: str
    name: str | None = None
    is_whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenApart:
    """What the arguments of an outcome's distribution are made of.

    Attributes
    ----------
    predictors : tuple of Predictor
    inputs : tuple of Input
        One for each predictor, then one for each parameter without an equation.
    arguments : dict of str to Expr
        Each argument on its natural scale, by ``eta0``, ``eta1``, .. and known data.
    known : dict of str to Expr
        The data that they need, by the name of the argument, or ``data0``, ``data1``, .. within one.
    scalars : tuple of (str, str)
        Arguments that are a parameter alone, with its name.
    nonlinear : tuple of (str, Expr)
        Arguments that are neither data, nor a parameter, nor a link of one predictor, by names.
    """

    predictors: tuple[Predictor, ...]
    inputs: tuple[Input, ...]
    arguments: dict[str, Expr]
    known: dict[str, Expr]
    scalars: tuple[tuple[str, str], ...]
    nonlinear: tuple[tuple[str, Expr], ...]


class Arguments:
    """Takes the arguments of one outcome apart.

    Parameters
    ----------
    model : ResolvedModel
    entity : Entity
        The outcome.
    expansion : Expansion
    position : int
        Of its statement.
    """

    def __init__(self, model: ResolvedModel, entity: Entity, expansion: Expansion, position: int) -> None:
        self.model = model
        self.position = position
        self.entity = entity
        self.expansion = expansion
        self.known: dict[str, Expr] = {}
        self._predictors: list[Predictor] = []
        self._scalars: dict[str, Input] = {}
        self._found: dict[str, Expr] = {}

    def add(self, name: str, slot: Slot, value: tree.Expr) -> None:
        """Take one argument apart; `name` is the slot's, or says which wrapper it is of.

        Raises
        ------
        NotLinearError
            If it has a part that is neither linear nor a function of linear parts.
        TooManyTermsError
            If a part would have too many terms.
        """
        place = Place(position=self.position, left=self.entity.index_set, argument=name)
        if slot.name in ("lower", "upper") and not is_data(value, self.model):
            raise NotLinearError(f"the bound `{printed(value, self.model)}` is not known", value.span)
        if is_data(value, self.model) and slot.name not in MAIN:
            self.known[name] = lower(value, self.entity.index_set, self.model)
            constant = constant_value(value)
            self._found[name] = Ref(name=name, index_set=()) if constant is None else Num(value=constant)
        else:
            self._found[name] = self._part(value, place)

    # -- parts -----------------------------------------------------------------------------------------------------

    def _part(self, value: tree.Expr, place: Place) -> Expr:
        """Return an expression by placeholders of predictors, parameters and data."""
        if is_data(value, self.model) and not place.is_whole:
            return self._data(value, place)
        if (
            isinstance(value, tree.Symbol)
            and not is_data(value, self.model)
            and self.model.entity(value).key in self.expansion.bounded
        ):
            return self._scalar(self.model.entity(value), place)
        try:
            terms = self.expansion.terms(value, place.position, place.left)
        except NotLinearError as error:
            return self._joined(value, place, error)
        name = printed(value, self.model) if isinstance(value, tree.Symbol) else place.name
        return self._predictor(terms, "identity", name, place)

    def _data(self, value: tree.Expr, place: Place) -> Expr:
        constant = constant_value(value)
        if constant is not None:
            return Num(value=constant)
        expr = lower(value, place.left, self.model)
        name = next((name for name, other in self.known.items() if other == expr), f"data{len(self.known)}")
        self.known[name] = expr
        return Ref(name=name, index_set=())

    def _scalar(self, entity: Entity, place: Place) -> Expr:
        range_ = next(use.range for use in entity.uses if use.range in _RANGES)
        scalar = Input(argument=place.argument, predictor=None, scalar=entity.printed, inverse=_RANGES[range_ or ""])
        self._scalars.setdefault(entity.printed, scalar)
        return _natural(self._scalars[entity.printed])

    def _predictor(self, terms: tuple[Term, ...], link: str, name: str | None, place: Place) -> Expr:
        """Return the placeholder of a predictor, which is new unless one has the same terms."""
        for number, other in enumerate(self._predictors):
            if other.terms == terms:
                return _placeholder(number)
        shown = self._name(link, name, place)
        self._predictors.append(Predictor(name=shown, argument=place.argument, link=link, terms=terms))
        return _placeholder(len(self._predictors) - 1)

    def _name(self, link: str, name: str | None, place: Place) -> str:
        if link != "identity":
            return f"{link}({name or place.argument})"
        if place.argument == "mean" and place.is_whole:
            transform = self.entity.link
            return self.entity.printed if transform is None else f"{transform}({self.entity.printed})"
        if name is not None or place.is_whole:
            return name or place.argument
        taken = {name for name, _ in self.model.entities} | {p.name for p in self._predictors}
        return next(f"part{k}" for k in range(1, len(taken) + 2) if f"part{k}" not in taken)

    # -- what joins them -------------------------------------------------------------------------------------------

    def _joined(self, value: tree.Expr, place: Place, error: NotLinearError) -> Expr:
        """Return what is not linear as a function of its parts."""
        match value:
            case tree.Symbol():
                return self._symbol(value, place, error)
            case tree.Unary(operator=operator, operand=operand):
                inner = self._part(operand, _within(place))
                return inner if operator == "+" else Apply(operator="-", operands=(inner,))
            case tree.Binary(operator="+" | "-"):
                return self._sum(value, place)
            case tree.Binary(operator="*", left=left, right=right) if self._is_confounded(left, right):
                raise error
            case tree.Binary(operator=operator, left=left, right=right):
                parts = (self._part(left, _within(place)), self._part(right, _within(place)))
                return Apply(operator=operator, operands=parts)
            case tree.Call(function=function, arguments=arguments) if function in FUNCTIONS and not is_aggregate(value):
                return self._call(function, [argument.value for argument in arguments], place)
            case _:
                raise error

    def _is_confounded(self, left: tree.Expr, right: tree.Expr) -> bool:
        """Whether a product has a factor that stands nowhere else and that the other factor's scale takes up."""
        for factor, other in ((left, right), (right, left)):
            unknown = [s for s, _ in symbols_in(other) if not is_data(s, self.model)]
            if self._is_single(factor) and unknown and all(self._has_one_use(symbol) for symbol in unknown):
                place = Place(position=self.position, left=self.entity.index_set, argument="")
                if self._is_linear(other, place) and not self._has_offset(other, place):
                    return True
        return False

    def _is_single(self, value: tree.Expr) -> bool:
        is_parameter = isinstance(value, tree.Symbol) and self.model.entity(value).role is Role.PARAMETER
        return is_parameter and isinstance(value, tree.Symbol) and self._has_one_use(value)

    def _has_one_use(self, symbol: tree.Symbol) -> bool:
        return len(self.model.entity(symbol).uses) == 1

    def _has_offset(self, value: tree.Expr, place: Place) -> bool:
        return any(term.part == "offset" for term in self.expansion.terms(value, place.position, place.left))

    def _symbol(self, symbol: tree.Symbol, place: Place, error: NotLinearError) -> Expr:
        """Return a definition by what it stands for, a coefficient on its link's scale by the link."""
        entity = self.model.entity(symbol)
        name = entity.printed
        if entity.role is Role.COEFFICIENT and entity.link is not None:
            terms = self.expansion.linked_terms(entity, symbol.span)
            return _inverse(entity.link, self._predictor(terms, entity.link, name, place))
        if entity.role is not Role.DEFINITION or entity.definition is None:
            raise error
        statements = self.model.program.statements
        position = next(p for p, s in enumerate(statements) if s is entity.definition)
        inner = replace(place, position=position, left=entity.index_set, name=name)
        if entity.link is None:
            return self._part(entity.definition.right, inner)
        return self._linked(entity.link, entity.definition.right, inner)

    def _linked(self, link: str, value: tree.Expr, place: Place) -> Expr:
        """Return the inverse of a link of an expression, which is one predictor if it can be."""
        if place.is_whole or not is_data(value, self.model):
            try:
                terms = self.expansion.terms(value, place.position, place.left)
            except NotLinearError:
                pass
            else:
                return _inverse(link, self._predictor(terms, link, place.name, place))
        return _inverse(link, self._part(value, _within(place)))

    def _call(self, function: str, values: list[tree.Expr], place: Place) -> Expr:
        if function in _INVERSES and place.is_whole:
            return self._linked(_INVERSES[function], values[0], place)
        return Apply(operator=function, operands=tuple(self._part(value, _within(place)) for value in values))

    def _sum(self, value: tree.Binary, place: Place) -> Expr:
        """Return a sum: its linear summands are one predictor, the others join it."""
        linear: tree.Expr | None = None
        rest: list[tuple[str, tree.Expr]] = []
        for sign, part in summands(value):
            if self._is_linear(part, place):
                linear = added(linear, sign, part)
            else:
                rest.append((sign, part))
        total = None if linear is None else self._part(linear, _within(place))
        for sign, part in rest:
            expr = self._part(part, _within(place))
            if total is None:
                total = expr if sign == "+" else Apply(operator="-", operands=(expr,))
            else:
                total = Apply(operator=sign, operands=(total, expr))
        assert total is not None
        return total

    def _is_linear(self, value: tree.Expr, place: Place) -> bool:
        try:
            self.expansion.terms(value, place.position, place.left)
        except NotLinearError:
            return False
        return True

    # -- all of them -----------------------------------------------------------------------------------------------

    def taken_apart(self) -> TakenApart:
        """Return the arguments that were added, predictors numbered: those of the mean first."""
        places = sorted(range(len(self._predictors)), key=lambda k: self._predictors[k].argument not in MAIN)
        predictors = tuple(self._predictors[k] for k in places)
        order = [*map(_placeholder, places), *map(_placeholder, self._scalars)]
        etas: dict[Expr, Expr] = {part: Ref(name=f"eta{k}", index_set=()) for k, part in enumerate(order)}
        inputs = [Input(argument=p.argument, predictor=k) for k, p in enumerate(predictors)]
        return TakenApart(
            predictors=predictors,
            inputs=(*inputs, *self._scalars.values()),
            arguments={name: _substituted(expr, etas) for name, expr in self._found.items()},
            known=self.known,
            scalars=tuple(self._bare_scalars()),
            nonlinear=tuple(self._nonlinear()),
        )

    def _bare_scalars(self) -> Iterator[tuple[str, str]]:
        whole = {_natural(input_): name for name, input_ in self._scalars.items()}
        yield from ((name, whole[expr]) for name, expr in self._found.items() if expr in whole)

    def _nonlinear(self) -> Iterator[tuple[str, Expr]]:
        linked: dict[Expr, Expr] = {_inverse(p.link, _placeholder(k)): _quantity(p) for k, p in self._numbered()}
        scalars: dict[Expr, Expr] = {_natural(i): Ref(name=name, index_set=()) for name, i in self._scalars.items()}
        data: dict[Expr, Expr] = {Ref(name=name, index_set=()): expr for name, expr in self.known.items()}
        names = {_placeholder(k): Ref(name=p.name, index_set=()) for k, p in self._numbered()} | linked | scalars | data
        for name, expr in self._found.items():
            if expr not in linked and expr not in scalars and name not in self.known:
                yield name, _substituted(expr, names)

    def _numbered(self) -> Iterator[tuple[int, Predictor]]:
        yield from enumerate(self._predictors)


def _natural(scalar: Input) -> Expr:
    """Return a parameter without an equation on its natural scale."""
    return Apply(operator=scalar.inverse, operands=(_placeholder(scalar.scalar or ""),))


def _quantity(predictor: Predictor) -> Ref:
    """Return what a predictor gives, without its link."""
    is_linked = predictor.link != "identity"
    name = predictor.name[len(predictor.link) + 1 : -1] if is_linked else predictor.name
    return Ref(name=name, index_set=())


def _placeholder(what: int | str) -> Ref:
    """Return what stands for a predictor by number, or for a parameter, until all are numbered."""
    return Ref(name=f"@{what}", index_set=())


def _within(place: Place) -> Place:
    """Return the place of a part of what stands there."""
    return replace(place, name=None, is_whole=False)


def _inverse(link: str, expr: Expr) -> Expr:
    """Return the inverse of a link."""
    match link:
        case "identity":
            return expr
        case "sqrt":
            return Apply(operator="^", operands=(expr, Num(value=2.0)))
        case "inverse":
            return Apply(operator="/", operands=(Num(value=1.0), expr))
        case _:
            return Apply(operator=LINKS[link], operands=(expr,))


def _substituted(expr: Expr, by: Mapping[Expr, Expr]) -> Expr:
    """Return an expression with some of its parts replaced, larger ones first."""
    if expr in by:
        return by[expr]
    match expr:
        case Apply(operator=operator, operands=operands):
            return Apply(operator=operator, operands=tuple(_substituted(operand, by) for operand in operands))
        case _:
            return expr


def summands(value: tree.Expr) -> list[tuple[str, tree.Expr]]:
    """Return the summands of a chain of sums with their signs, from left to right."""
    found: list[tuple[str, tree.Expr]] = []
    node = value
    while isinstance(node, tree.Binary) and node.operator in "+-":
        found.append((node.operator, node.right))
        node = node.left
    return [("+", node), *reversed(found)]


def added(total: tree.Expr | None, sign: str, part: tree.Expr) -> tree.Expr:
    """Return a sum with one more summand."""
    if total is None:
        return part if sign == "+" else tree.Unary(operator="-", operand=part, span=part.span)
    return tree.Binary(operator=sign, left=total, right=part, span=total.span.to(part.span))
