"""MathML: what the LaTeX of the writers becomes, and that nothing of a user's is read as markup."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree.ElementTree import Element, tostring

import pytest

import hdsl
from hdsl.form.latex import latex_symbol, latex_text
from hdsl.form.mathml import mathml
from hdsl.form.mathml_lines import WIDEST, width
from hdsl.form.notation import NOTATIONS

ROOT = Path(__file__).resolve().parents[3]
MODELS = sorted([*ROOT.glob("examples/*/model.hm"), *ROOT.glob("docs/guide/**/*.hm")])


def shown(latex: str) -> str:
    """Return what a display shows, as markup without attributes."""
    semantics = mathml(latex)[0]
    return re.sub(r"(<\w+) [^>]*?(/?>)", r"\1\2", tostring(semantics[0], encoding="unicode"))


def text_of(element: Element) -> str:
    return "".join(element.itertext())


@pytest.mark.parametrize(
    ("latex", "markup"),
    [
        ("x", "<mi>x</mi>"),
        (r"\beta_{0jk}", "<msub><mi>β</mi><mrow><mn>0</mn><mi>j</mi><mi>k</mi></mrow></msub>"),
        (r"\sigma^{2}", "<msup><mi>σ</mi><mn>2</mn></msup>"),
        (r"\varphi_{i}^{2}", "<msubsup><mi>φ</mi><mi>i</mi><mn>2</mn></msubsup>"),
        ("x'", "<msup><mi>x</mi><mo>′</mo></msup>"),
        (r"\frac{a}{2.5}", "<mfrac><mi>a</mi><mn>2.5</mn></mfrac>"),
        (r"\operatorname{logit}(p)", "<mrow><mi>logit</mi><mo>(</mo><mi>p</mi><mo>)</mo></mrow>"),
        (r"\boldsymbol{\gamma}_{10}", "<msub><mi>𝛄</mi><mn>10</mn></msub>"),
        (r"\mathbf{X}", "<mi>𝐗</mi>"),
        (r"\underset{(0.1)}{3.4}", "<munder><mn>3.4</mn><mrow><mo>(</mo><mn>0.1</mn><mo>)</mo></mrow></munder>"),
        (
            r"\underbrace{x}_{\text{implied}}",
            "<munder><munder><mi>x</mi><mo>⏟</mo></munder><mtext>implied</mtext></munder>",
        ),
        (r"\text{where } y", "<mrow><mtext>where\N{NO-BREAK SPACE}</mtext><mi>y</mi></mrow>"),
        (
            r"\begin{pmatrix} a \\ b \end{pmatrix}",
            "<mrow><mo>(</mo><mtable><mtr><mtd><mi>a</mi></mtd></mtr><mtr><mtd><mi>b</mi></mtd></mtr></mtable>"
            "<mo>)</mo></mrow>",
        ),
    ],
)
def test_markup(latex: str, markup: str) -> None:
    assert shown(latex) == markup


@pytest.mark.parametrize(
    ("latex", "form"),
    [("a - b", "infix"), ("-b", "prefix"), ("(-b)", "prefix"), (r"(a) - b", "infix"), ("x' - b", "infix")],
)
def test_a_sign_joins_two_terms_or_belongs_to_one(latex: str, form: str) -> None:
    (sign,) = (node for node in mathml(latex).iter("mo") if node.text == "−")
    assert sign.get("form") == form


def test_brackets_grow_with_what_is_tall_alone() -> None:
    low, tall = (mathml(rf"\left({inner}\right)") for inner in (r"\beta", r"\frac{a}{b}"))
    assert [node.get("stretchy") for node in low.iter("mo")] == ["false", "false"]
    assert [node.get("stretchy") for node in tall.iter("mo")] == ["true", "true"]


def test_relations_stand_under_each_other() -> None:
    table = mathml("\\begin{aligned}\ny &= a \\\\\nbb &\\sim c\n\\end{aligned}").find(".//mtable")
    assert table is not None
    assert [[text_of(cell) for cell in row] for row in table] == [["y", "=a"], ["bb", "∼c"]]
    assert "right" in table[0][0].get("style", "")
    assert "left" in table[0][1].get("style", "")


def test_a_long_sum_is_broken_before_a_sign_and_loses_nothing() -> None:
    terms = [latex_symbol(f"coefficient_{k}") for k in range(20)]
    table = mathml("\\begin{aligned}\ny &= " + " + ".join(terms) + "\n\\end{aligned}").find(".//mtable")
    assert table is not None
    assert len(table) > 3
    assert all(width(*row[1]) <= WIDEST + 2.0 for row in table)
    assert all(text_of(row[1]).startswith("+") for row in table[1:])
    assert "".join(text_of(row[1]) for row in table) == "=" + "+".join(f"coefficient{k}" for k in range(20))


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", 'a "b" & c', r"back\slash_{x}^2", "größe~$%#", "年齢"])
def test_names_of_users_are_text(name: str) -> None:
    semantics = mathml(latex_text(name))[0]
    assert text_of(semantics[0]).replace("\N{NO-BREAK SPACE}", " ") == name
    assert {node.tag for node in semantics.iter()} == {"semantics", "mi", "annotation"} or "mtext" in {
        node.tag for node in semantics.iter()
    }


def test_the_latex_comes_along() -> None:
    annotation = mathml(r"\beta_{0}").find(".//annotation")
    assert annotation is not None
    assert annotation.get("encoding") == "application/x-tex"
    assert annotation.text == r"\beta_{0}"


@pytest.mark.parametrize(
    "latex", [r"\input{x}", r"\foo", "{a", "a}", r"a_b_c", r"\begin{table} a \end{table}", r"\left( a", "&"]
)
def test_what_no_writer_makes_is_refused(latex: str) -> None:
    with pytest.raises(ValueError, match="LaTeX that no writer makes"):
        mathml(latex)


@pytest.mark.parametrize("path", MODELS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_writer_is_read(path: Path) -> None:
    """Equations in both notations, composite equation and moments of every model of the documentation."""
    try:
        model = hdsl.read(path)
    except hdsl.ModelError:
        return  # a page on mistakes has a model that has one
    faces = [("equations", n) for n in NOTATIONS] + [("composite", n) for n in NOTATIONS] + [("moments", "")]
    for face, notation in faces:
        try:
            latex = getattr(model, face).latex(**({"notation": notation} if notation else {}))
        except hdsl.FitError:
            continue  # crossed levels have no textbook notation, other outcomes no moments
        assert text_of(mathml(latex)[0][0])
