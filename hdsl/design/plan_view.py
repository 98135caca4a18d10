"""A plan as users see it: the record, and words.

Stage: design. Input: a `Plan` and what `describe` says of it. Output: a `PlanView`.
"""

from __future__ import annotations

from hdsl.plan import Plan

__all__ = ["PlanView"]


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
