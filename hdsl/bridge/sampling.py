"""What a Stan program and a PyMC model have in common: names, and the sum of a linear predictor.

Stage: bridge, way out. Input: `Parts`. Output: `Names` and summands. Invariants: every coefficient, standard
deviation and covariate has one identifier, a plain word that the system does not reserve.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence

from hdsl.bridge.columns import plain_word
from hdsl.bridge.parts import BlockPart, FixedPart, Parts, PredictorPart, Product, Refusals
from hdsl.form.expr import Expr, Ref
from hdsl.form.model import Covariate

__all__ = ["Names", "arguments", "check_outcome", "covariates_of", "summands"]


class Names:
    """Identifiers of one program.

    Parameters
    ----------
    reserved : frozenset of str
        Words of the system, and those that the program itself uses.
    """

    def __init__(self, reserved: frozenset[str]) -> None:
        self._taken = set(reserved)
        self._names: dict[object, str] = {}

    def __contains__(self, key: object) -> bool:
        return key in self._names

    def of(self, key: object, wanted: str) -> str:
        """Return the identifier of `key`, like `wanted` where that is free."""
        if key not in self._names:
            ascii_text = unicodedata.normalize("NFKD", _greek(wanted)).encode("ascii", "ignore").decode()
            word = plain_word(ascii_text).rstrip("_")
            candidate, number = word, 2
            while candidate in self._taken:
                candidate, number = f"{word}_{number}", number + 1
            self._taken.add(candidate)
            self._names[key] = candidate
        return self._names[key]

    def parameter(self, symbol: str) -> str:
        """Return the identifier of a parameter by its printed symbol."""
        return self.of(("parameter", symbol), symbol.split("[", maxsplit=1)[0] if symbol.endswith("]") else symbol)

    def covariate(self, covariate: Covariate) -> str:
        """Return the identifier of a covariate."""
        wanted = covariate.expr.name if isinstance(covariate.expr, Ref) else covariate.text
        return self.of(("covariate", covariate.text, covariate.index_set), wanted)

    def block(self, block: BlockPart, letter: str) -> str:
        """Return an identifier of a block: ``u_Subject``."""
        return self.of((letter, block.effects), "_".join([letter, *block.index_set]))


def _greek(text: str) -> str:
    """Spell Greek letters out, so that ``β0`` is ``beta0``."""
    letters = []
    for letter in text:
        name = unicodedata.name(letter, "")
        letters.append(name.rsplit(" ", 1)[-1].lower() if name.startswith("GREEK SMALL LETTER") else letter)
    return "".join(letters)


def covariates_of(parts: Parts) -> dict[tuple[str, tuple[str, ...]], Covariate]:
    """Return every covariate of the predictors, each once, in order."""
    found: dict[tuple[str, tuple[str, ...]], Covariate] = {}
    for part in (parts.main, *parts.others):
        products = [p for fixed in part.fixed for p in fixed.products]
        products += [p for effect in part.effects.values() for p in effect]
        for product in (*products, *part.offset):
            for covariate in product.covariates:
                found.setdefault((covariate.text, covariate.index_set), covariate)
    return found


def summands(
    part: PredictorPart,
    coefficient: Callable[[FixedPart], str],
    effect: Callable[[str], str],
    product: Callable[[str | None, Product], str],
) -> Iterator[str]:
    """Yield the summands of a predictor as text: `product` multiplies a coefficient (None: an offset) by covariates."""
    for fixed in part.fixed:
        for one in fixed.products:
            yield product(coefficient(fixed), one)
    for one in part.offset:
        yield product(None, one)
    for symbol, products in part.effects.items():
        for one in products:
            yield product(effect(symbol), one)


def check_outcome(parts: Parts, densities: Sequence[str], transforms: Sequence[str], refusals: Refusals) -> None:
    """Refuse an outcome that the system does not have.

    Raises
    ------
    ModelError
        HM014.
    """
    outcome = parts.form.outcome
    if outcome.distribution not in densities:
        refusals.not_written(f"an outcome with the distribution `{outcome.distribution}`", outcome.span)
    if outcome.transform is not None and outcome.transform not in transforms:
        refusals.refuse(f"the outcome's {outcome.transform}", outcome.span, "define it as a column of the data")
    refusals.end()


def arguments(
    parts: Parts,
    template: str,
    refusals: Refusals,
    write: dict[str, Callable[..., str]],
) -> dict[str, str]:
    """Return the text of each argument of the outcome's distribution: an equation, a parameter or known data.

    Raises
    ------
    ModelError
        HM014, where the distribution is given by other arguments than the system's.
    """
    outcome = parts.form.outcome
    found = {part.predictor.argument: write["equation"](part) for part in (parts.main, *parts.others)}
    found |= {name: write["parameter"](parameter) for name, parameter in outcome.scalars}
    known: dict[str, Expr] = dict(outcome.known)
    found |= {name: write["known"](name, expr) for name, expr in known.items()}
    unused = [name for name in found if f"{{{name}}}" not in template]
    if unused:
        refusals.refuse(f"the {unused[0]} of a {outcome.distribution} outcome", outcome.span, "give its mean")
        refusals.end()
    return found
