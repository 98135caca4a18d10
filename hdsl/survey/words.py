"""What names of columns tell: which are labels of groups, which measurements, times or outcomes.

Data, no code but the search. A name is cut into words at capitals, digits and signs: ``schoolid`` is found by its end,
``county_index`` by its words.
"""

from __future__ import annotations

import re

__all__ = ["names_group", "names_measure", "names_outcome"]

_GROUPS = """
school class classroom student pupil child teacher lecturer instructor subject subj person participant patient
respondent woman man mother father family household house district county state country region nation province
municipality city town village ward lea site plot block field farm herd litter batch lot cask sample plate rat mare
animal sire dam brood nest bird tree plant clinic hospital doctor physician nurse firm company store shop department
dept team group cluster panel rater judge reviewer item word question stimulus election pollster study trial lab
cohort unit section scenario airport replicate bottle location id idx index nr code key fips
"""
GROUPS = frozenset(_GROUPS.split())
"""Words for what rows are grouped by, or for its label."""

_MEASURES = """
age year yr month week day hour minute time date visit wave occasion occ period round session grade stage order
score rating count n num number size total sum freq height weight wt length width depth distance income earn price
cost dose temp temperature ses iq edu educ education rank percent pct rate ratio mean sd seats parties born
incidence lag duration
"""
MEASURES = frozenset(_MEASURES.split())
"""Words for amounts and times: whole numbers that label no group."""

_OUTCOMES = """
y outcome response resp score math achievement achieve exam normexam test rt reaction latency yield strength
diameter radon vote use dropout recovered rating count follicles angle conc circumference wage earn growth gsp
negotiation dv target success died death
"""
OUTCOMES = frozenset(_OUTCOMES.split())
"""Words for what is often modelled."""

ENDINGS = ("id", "idx", "nr", "no", "code", "index", "num")
"""Endings of labels that are written together: ``schoolid``."""


def _words(name: str) -> list[str]:
    spaced = re.sub(r"([a-z])([A-Z])", r"\1 \2", name)
    return [name.casefold(), *(word.casefold() for word in re.split(r"[\W_\d]+", spaced) if word)]


def names_group(name: str) -> bool:
    """Whether a name is that of a group or of its label."""
    words = _words(name)
    if GROUPS.intersection(words) or any(word.endswith("s") and word[:-1] in GROUPS for word in words):
        return True
    return any(word.endswith(end) and word[: -len(end)] in GROUPS for word in words for end in ENDINGS)


def names_measure(name: str) -> bool:
    """Whether a name is that of an amount or a time."""
    words = _words(name)
    return bool(MEASURES.intersection(words)) or any(word.endswith(("size", "age", "score", "ses")) for word in words)


def names_outcome(name: str) -> bool:
    """Whether a name is often that of an outcome."""
    return bool(OUTCOMES.intersection(_words(name)))
