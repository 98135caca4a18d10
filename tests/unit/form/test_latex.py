"""LaTeX of names: Greek letters, long subscripts, text that is not ASCII."""

from __future__ import annotations

import pytest

from hdsl.form.latex import latex_symbol, latex_text


@pytest.mark.parametrize(
    ("symbol", "latex"),
    [
        ("beta0[j,k]", r"\beta_{0jk}"),
        ("β0[j]", r"\beta_{0j}"),
        ("Ω", r"\Omega"),
        ("ж[i]", "ж_{i}"),
        ("b0[school_id]", r"b_{0,\mathrm{school\_id}}"),
        ("u[dept,service]", r"u_{\mathrm{dept},\mathrm{service}}"),
        ("b_t[town]", r"b_{\mathrm{t},\mathrm{town}}"),
        ("größe[i]", r"\text{größe}_{i}"),
    ],
)
def test_symbols(symbol: str, latex: str) -> None:
    assert latex_symbol(symbol) == latex


def test_labels_keep_their_spaces() -> None:
    assert latex_text("New York_1^2") == r"\text{New York\_1\textasciicircum{}2}"
