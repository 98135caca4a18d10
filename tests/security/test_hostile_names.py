"""Names, column names and labels that look like code fit like plain ones and are never run."""

from __future__ import annotations

import ast
import builtins
import io
import keyword
import tokenize
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

import hdsl

CALL = '__import__("builtins").hdsl_canary()'
HOSTILE = [
    CALL,
    f'"""; {CALL}; """',
    f"'''; {CALL}; '''",
    f"x\n{CALL}\n#",
    f"x\r{CALL}\r#",
    f"x\u2028{CALL}\u2029",
    f"x\x0c{CALL}",
    f'"); {CALL}  #',
    f"{{{CALL}}}",
    "%s %(x)s {0} {x!r}",
    "back\\slash\\",
    "\\",
    '"',
    "ends in a backslash\\\n",
    "${HOME} `id` $(id)",
    "\ufeffbom",
    "\u202eright to left",
    "<script>alert(1)</script>",
    "",
    " ",
    "[red]markup[/red] [/]",
]
"""Labels and column names; nothing of them may be run, and none may break what is printed or emitted."""


@pytest.fixture
def canary(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A function of builtins that hostile text calls; it must never sing."""
    sung: list[str] = []
    monkeypatch.setattr(builtins, "hdsl_canary", lambda: sung.append("sung"), raising=False)
    yield sung
    assert not sung


TEXT = """\
index j = "{school}"
index t = "{town}"
data x[i] = "{x}"
data y[i] = "{y}"
y[i] ~ normal(b0[j] + b1*x[i] + b_town[t], sd)
b0[j] ~ normal(g0, sd_j)
b_town[t] ~ flat(ref = "{ref}")
"""
PLAIN = {"school": "school", "town": "town", "x": "x", "y": "y", "ref": "t0"}


def frame() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    group = np.repeat(np.arange(8), 5)
    town = rng.integers(0, 3, 40)
    x = rng.normal(size=40)
    y = rng.normal(size=8)[group] + x + town + rng.normal(size=40)
    return pd.DataFrame({"school": group, "town": [f"t{t}" for t in town], "x": x, "y": y})


def numbers(fit: hdsl.results.FittedModel) -> np.ndarray:
    return np.concatenate([[fit.loglik], fit.params.to_numpy(), fit.ranef["b0[j]"].to_numpy().ravel(), fit.fitted])


@pytest.fixture(scope="module")
def plain() -> np.ndarray:
    return numbers(hdsl.Model(TEXT.format(**PLAIN)).fit(frame()))


def assert_is_inert(source: str) -> None:
    """The emitted source compiles, and the canary's name stands in comments and docstrings only."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node) is not None:
            node.body[0] = ast.Pass()
    assert "hdsl_canary" not in ast.dump(tree)
    comments = {tokenize.COMMENT, tokenize.STRING}
    others = [t.string for t in tokenize.generate_tokens(io.StringIO(source).readline) if t.type not in comments]
    assert not any("hdsl_canary" in token for token in others)


@pytest.mark.parametrize("text", HOSTILE)
def test_labels_that_look_like_code_are_labels(text: str, plain: np.ndarray, canary: list[str]) -> None:
    data = frame().assign(school=lambda d: d["school"].map(lambda g: text if g == 3 else f"s{g}"))
    model = hdsl.Model(TEXT.format(**PLAIN))
    fit = model.fit(data)
    order = fit.ranef["b0[j]"]
    assert text in order.index
    np.testing.assert_allclose(fit.params.to_numpy(), plain[1 : 1 + len(fit.params)], rtol=1e-6)
    assert_is_inert(model.emit(data))
    assert_is_inert(model.emit(data, standalone=True))
    fit.summary()
    str(fit.summary())
    fit._repr_html_()


@pytest.mark.parametrize("text", HOSTILE)
def test_levels_of_unmodelled_sets_that_look_like_code_are_labels(
    text: str, plain: np.ndarray, canary: list[str]
) -> None:
    data = frame().assign(town=lambda d: d["town"].map({"t0": "t0", "t1": "t1", "t2": text}))
    model = hdsl.Model(TEXT.format(**PLAIN))
    fit = model.fit(data)
    assert f"b_town[{text}]" in fit.params.index
    assert_is_inert(model.emit(data))
    assert fit.loglik == pytest.approx(plain[0], abs=1e-6)
    np.testing.assert_allclose(np.sort(fit.params), np.sort(plain[1 : 1 + len(fit.params)]), rtol=1e-6)
    str(fit.summary())
    fit._repr_html_()


WRITABLE = [text for text in HOSTILE if text and not set(text) & set('"\\\n\r\x0c\u2028\u2029\u202e\ufeff')]


@pytest.mark.parametrize(
    "text", [*WRITABLE, "__import__('builtins').hdsl_canary()", "'''", "#", "x]", "[", "a;b", "日本", "x" * 500]
)
@pytest.mark.parametrize("role", ["school", "x", "y", "town"])
def test_columns_that_look_like_code_are_columns(text: str, role: str, plain: np.ndarray, canary: list[str]) -> None:
    data = frame().rename(columns={role: text})
    model = hdsl.Model(TEXT.format(**{**PLAIN, role: text}))
    fit = model.fit(data)
    np.testing.assert_allclose(numbers(fit), plain, rtol=1e-6, atol=1e-8)
    assert_is_inert(model.emit(data))
    str(model.composite)
    model.composite.latex()
    fit._repr_html_()


@pytest.mark.parametrize("text", HOSTILE)
def test_columns_that_the_model_does_not_use_do_no_harm(text: str, plain: np.ndarray, canary: list[str]) -> None:
    fit = hdsl.Model(TEXT.format(**PLAIN)).fit(frame().assign(**{text: 1}))
    np.testing.assert_allclose(numbers(fit), plain, rtol=1e-12)


@pytest.mark.parametrize("text", HOSTILE)
def test_names_of_files_that_look_like_code_are_names(text: str, canary: list[str]) -> None:
    model = hdsl.Model(TEXT.format(**PLAIN), name=text)
    for source in (model.emit(frame()), model.emit(frame(), standalone=True), model.emit()):
        assert_is_inert(source)
    model.fit(frame())
    with pytest.raises(hdsl.ModelError) as caught:
        hdsl.Model("y[i] ~ norml(b0, sd)\n", name=text)
    str(caught.value)


@pytest.mark.parametrize("text", HOSTILE)
def test_comments_that_look_like_code_are_comments(text: str, plain: np.ndarray, canary: list[str]) -> None:
    line = text.replace("\n", " ").replace("\r", " ").replace("\u2028", " ").replace("\u2029", " ").replace("\x0c", " ")
    model = hdsl.Model(f"# {line}\n" + TEXT.format(**PLAIN).replace("sd_j)\n", f"sd_j)  # {line}\n"))
    np.testing.assert_allclose(numbers(model.fit(frame())), plain, rtol=1e-12)
    assert_is_inert(model.emit(frame()))


# ------------------------------------------------------------ names of the language

NAMES = [
    *keyword.kwlist,
    "match",
    "np",
    "numpy",
    "__builtins__",
    "__import__",
    "__name__",
    "__class__",
    "self",
    "exec",
    "eval",
    "print",
    "theta",
    "beta",
    "sigma",
    "Lambda",
    "X",
    "Z",
    "n",
    "p",
    "q",
    "L",
    "objective",
    "gradient",
    "arrays",
    "Arrays",
    "runtime",
    "hdsl",
    "E",
    "I",
    "S",
    "N",
    "pi2",
    "oo",
    "zoo",
    "O",
    "Q",
    "Symbol",
    "_",
    "__",
    "β",
    "данные",
    "变量",
]
RESERVED = {"in", "index", "data", "pi"}
NAMED = """\
y[i] ~ normal({b0}[j] + {b1}*{x}[i], {sd})
{b0}[j] ~ normal({g0}, {sd_j})
"""
USUAL = {"b0": "b0", "b1": "b1", "x": "x", "sd": "sd", "g0": "g0", "sd_j": "sd_j"}


@pytest.fixture(scope="module")
def usual() -> pd.Series:
    return hdsl.Model("index j = school\n" + NAMED.format(**USUAL)).fit(frame()).params


@pytest.mark.parametrize("name", [n for n in NAMES if n not in RESERVED])
def test_names_of_python_and_of_the_program_are_names(name: str, usual: pd.Series, canary: list[str]) -> None:
    """As a coefficient, a parameter, a standard deviation, a data column: the numbers are those of plain names."""
    for role in USUAL:
        model = hdsl.Model("index j = school\n" + NAMED.format(**{**USUAL, role: name}))
        data = frame().rename(columns={"x": name}) if role == "x" else frame()
        if role == "b1":
            fit = model.fit(data)
            np.testing.assert_allclose(fit.params.to_numpy(), usual.to_numpy(), rtol=1e-6)
            assert name in fit.params.index
        if role in ("b0", "x"):
            ast.parse(model.emit(data))
            model.composite.latex()


@pytest.mark.parametrize("name", ["lambda", "class", "np", "None", "__builtins__", "Σ"])
def test_names_of_python_are_names_of_indices(name: str, usual: pd.Series, canary: list[str]) -> None:
    text = f"index {name} = school\n" + NAMED.format(**USUAL).replace("[j]", f"[{name}]")
    model = hdsl.Model(text)
    fit = model.fit(frame())
    np.testing.assert_allclose(fit.params.to_numpy(), usual.to_numpy(), rtol=1e-6)
    assert f"b0[{name}]" in fit.ranef
    bare = hdsl.Model(NAMED.format(**USUAL).replace("[j]", f"[{name}]")).fit(frame().rename(columns={"school": name}))
    np.testing.assert_allclose(bare.params.to_numpy(), usual.to_numpy(), rtol=1e-6)


LOOK_ALIKES = [
    ("\ufb01", "fi"),  # a ligature
    ("\u00b5", "\u03bc"),  # micro sign, mu
    ("\U0001d4311", "x1"),  # mathematical bold
    ("\u017f", "s"),  # long s
    ("\u0430", "a"),  # Cyrillic
]


@pytest.mark.parametrize("pair", LOOK_ALIKES, ids=[ascii("-".join(pair)) for pair in LOOK_ALIKES])
def test_names_that_look_alike_are_two_names(pair: tuple[str, str], canary: list[str]) -> None:
    """Python folds such names into one (NFKC); here each is the coefficient that it is written as."""
    one, two = pair
    assert one != two
    data = frame().assign(z=lambda d: d["x"] ** 2)
    text = "y[i] ~ normal(b0 + {one}*x[i] + {two}*z[i] + u[school], sd)\nu[school] ~ normal(0, s_u)\n"
    fit = hdsl.Model(text.format(one=one, two=two)).fit(data)
    plain_fit = hdsl.Model(text.format(one="b1", two="b2")).fit(data)
    np.testing.assert_allclose(fit.params.to_numpy(), plain_fit.params.to_numpy(), rtol=1e-8)
    assert list(fit.params.index[1:3]) == [one, two]


SAME = [("\u212a", "K"), ("e\u0301", "\u00e9"), ("\u1100\u1161", "\uac00")]
"""Spellings that Unicode calls canonically equivalent: no reader can tell them apart, and so they are one name."""


@pytest.mark.parametrize("pair", SAME, ids=[ascii("-".join(pair)) for pair in SAME])
def test_spellings_of_one_name_are_one_name(pair: tuple[str, str]) -> None:
    one, two = pair
    with pytest.raises(hdsl.ModelError) as caught:
        hdsl.Model(f"y[i] ~ normal(b0 + b1*{one}[i], sd)\n{one}[i] = x[i]/2\n{two}[i] = x[i]/3\n")
    assert caught.value.code == "HM101"
    assert caught.value.span is not None
    assert caught.value.span.line == 3


@pytest.mark.parametrize("text", [spelling for pair in SAME for spelling in pair], ids=ascii)
@pytest.mark.parametrize("quoted", [False, True])
@pytest.mark.parametrize("other", [False, True])
def test_a_column_is_found_in_either_spelling(text: str, quoted: bool, other: bool, usual: pd.Series) -> None:
    pair = next(pair for pair in SAME if text in pair)
    column = pair[1 - pair.index(text)] if other else text
    head = f'data x[i] = "{text}"\n' if quoted else ""
    model = hdsl.Model(f"{head}index j = school\n" + NAMED.format(**{**USUAL, "x": "x" if quoted else text}))
    fit = model.fit(frame().rename(columns={"x": column}))
    np.testing.assert_allclose(fit.params.to_numpy(), usual.to_numpy(), rtol=1e-8)


@pytest.mark.parametrize("name", ["in", "index", "data"])
def test_reserved_words_are_refused_as_names(name: str) -> None:
    with pytest.raises(hdsl.ModelError) as caught:
        hdsl.Model(f"y[i] ~ normal(b0 + {name}*x[i], sd)\n")
    assert caught.value.code.startswith(("HM0", "HM1"))
    assert name in str(caught.value)
