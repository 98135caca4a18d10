"""Fits in files: what comes back answers as it did, and a file that is no fit is refused in one sentence."""

from __future__ import annotations

import io
import json
import pickle
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import hdsl
from hdsl import FitError, Model
from hdsl.design.record import Design
from hdsl.fit.outcome import FitOutcome
from hdsl.results import FittedModel

TEXT = """\
index j = school in k
index k = district

y[i] ~ normal(b0[j] + b1[j]*x[i] + b_town[town] + o[i], sd)
(b0[j], b1[j]) ~ mvnormal((a[k] + g*xbar[j], b1), Omega)
a[k] ~ normal(a, sd_k)
xbar[j] = mean(x[i])
b_town[town] ~ flat(ref = "Ærø")
"""


def made_up() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    n = 240
    school = np.arange(n) % 24
    data = pd.DataFrame({"school": [f"s{s}" for s in school], "district": school // 4, "x": rng.normal(size=n)})
    data["town"] = rng.choice(["Ærø", "Fyn", "Als"], size=n)
    data["o"] = data["x"] * 0.5
    effects = rng.normal(size=(24, 2))
    data["y"] = 1 + effects[school, 0] + (2 + 0.5 * effects[school, 1]) * data["x"] + rng.normal(size=n)
    data.loc[3, "x"] = np.nan
    return data


@pytest.fixture(scope="module", params=["ml", "reml"])
def fit(request: pytest.FixtureRequest) -> FittedModel:
    return Model(TEXT, name="schools.hm").fit(made_up(), method=request.param)


@pytest.fixture
def path(fit: FittedModel, tmp_path: Path) -> Path:
    fit.save(tmp_path / "schools.hmfit")
    return tmp_path / "schools.hmfit"


def same(a: Any, b: Any) -> bool:
    if isinstance(a, tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, np.ndarray):
        return bool(np.array_equal(a, b, equal_nan=a.dtype.kind == "f"))
    return bool(a == b or (a != a and b != b))  # noqa: PLR0124 - NaN


def test_every_field_of_the_outcome_comes_back(fit: FittedModel, path: Path) -> None:
    again = hdsl.load(path)
    for field in fields(FitOutcome):
        if field.name != "fixed_variation":
            assert same(getattr(fit.outcome, field.name), getattr(again.outcome, field.name)), field.name
    assert fit.outcome.fixed_variation is not None
    assert again.outcome.fixed_variation is not None
    assert same(fit.outcome.fixed_variation.slopes, again.outcome.fixed_variation.slopes)


def test_every_field_of_the_design_comes_back(fit: FittedModel, path: Path) -> None:
    again = hdsl.load(path)
    for field in fields(Design):
        if field.name not in ("arrays", "units", "row_labels"):
            assert getattr(fit.design, field.name) == getattr(again.design, field.name), field.name
    for field in fields(type(fit.design.arrays)):
        assert same(getattr(fit.design.arrays, field.name), getattr(again.design.arrays, field.name)), field.name
    assert fit.design.row_labels.equals(again.design.row_labels)
    assert fit.design.units is not None
    assert again.design.units is not None
    for index_set in fit.design.form.index_sets:
        assert fit.design.units.labels(index_set) == again.design.units.labels(index_set)


def test_what_users_read_is_the_same(fit: FittedModel, path: Path) -> None:
    again = hdsl.load(path)
    assert str(again.summary()) == str(fit.summary())
    assert again.equations_latex() == fit.equations_latex()
    for name in ("params", "bse", "pvalues", "var_corr", "fitted"):
        assert getattr(again, name).equals(getattr(fit, name)), name
    assert again.conf_int().equals(fit.conf_int())
    assert again.cov_params().equals(fit.cov_params())
    assert [again.ranef[e].equals(fit.ranef[e]) for e in fit.ranef] == [True] * 3
    assert [again.coef[e].equals(fit.coef[e]) for e in fit.coef] == [True] * 3
    new = pd.DataFrame({"school": ["s1", "new"], "district": [0, 99], "x": [1.0, 2.0], "o": 0.0, "town": "Fyn"})
    assert again.predictions(new).equals(fit.predictions(new))
    assert again.predict(new, include=["k"]).equals(fit.predict(new, include=["k"]))


def test_a_fit_is_read_where_its_data_are_not(path: Path) -> None:
    program = f"import hdsl; print(hdsl.load({str(path)!r}).params['g'])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert float(done.stdout) == hdsl.load(path).params["g"]


OTHERS = [
    "count[i] ~ zero_inflated(negative_binomial(m[i], size), p)\nlog(m[i]) = b0 + b1*x[i] + u[school]",
    "grade[i] ~ ordered_logit(eta[i], cut)\neta[i] = b1*x[i] + u[school]",
    "wins[i] ~ binomial(trials[i], p[i])\nlogit(p[i]) = b0 + b1*x[i] + u[school]",
]


@pytest.mark.parametrize("text", OTHERS, ids=[text.split("[")[0] for text in OTHERS])
def test_a_fit_of_another_outcome_comes_back(text: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    data = made_up().assign(trials=5)
    eta = 0.3 * data["y"].fillna(0).clip(-4, 4)
    data["count"] = rng.poisson(np.exp(eta)) * (rng.random(len(data)) > 0.2)
    data["wins"] = rng.binomial(5, 1 / (1 + np.exp(-eta)))
    data["grade"] = pd.cut(eta + rng.logistic(size=len(data)), [-np.inf, -0.5, 1, np.inf], labels=["c", "b", "a"])
    fit = Model(text + "\nu[school] ~ normal(0, s)").fit(data)
    fit.save(tmp_path / "a.hmfit")
    again = hdsl.load(tmp_path / "a.hmfit")
    assert str(again.summary()) == str(fit.summary())
    assert again.cov_params().equals(fit.cov_params())
    assert again.design.plan == fit.design.plan
    new = {"x": [0.0, 1.0], "school": ["s1", "new"]}
    assert again.predict(new).equals(fit.predict(new))
    assert again.predictions(new, scale="link").equals(fit.predictions(new, scale="link"))


@pytest.mark.parametrize("index", [pd.Index(list("abcdef")), pd.RangeIndex(6), pd.Index([5, 3, 1, 7, 9, 2])])
def test_row_labels(index: pd.Index, tmp_path: Path) -> None:
    data = pd.DataFrame({"y": [1.0, 2.0, 4.0, 3.0, 5.5, 7.0], "x": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]}, index=index)
    fit = Model("y[i] ~ normal(b0 + b1*x[i], sd)").fit(data)
    fit.save(tmp_path / "a.hmfit")
    assert hdsl.load(tmp_path / "a.hmfit").fitted.equals(fit.fitted)


def test_a_file_is_replaced_as_a_whole_or_not_at_all(
    fit: FittedModel, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = path.read_bytes()
    monkeypatch.setattr("hdsl.results.keeping.archive._npy", lambda array: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        fit.save(path)
    assert path.read_bytes() == before
    assert [item.name for item in path.parent.iterdir()] == [path.name]


def refused(path: Path) -> str:
    """The reason that loading a file gives."""
    with pytest.raises(FitError) as caught:
        hdsl.load(path)
    assert caught.value.code == "HM513"
    assert "no fit that can be loaded" in caught.value.message
    return caught.value.first.notes[0]


def rewritten(path: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """The archive with its members changed."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def record_changed(**changes: Any) -> Callable[[dict[str, bytes]], None]:
    def change(members: dict[str, bytes]) -> None:
        head = json.loads(members["fit.json"])
        for name, value in changes.items():
            parts = [head, *head["fit"].values()]
            next((part for part in parts if name in part), head["fit"]["outcome"])[name] = value
        members["fit.json"] = json.dumps(head).encode()

    return change


def npy(array: np.ndarray, *, allow_pickle: bool = False) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=allow_pickle)
    return buffer.getvalue()


def header(shape: str, descr: str = "'<f8'") -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"version": 2}, "of version 2, this program reads version 1"),
        ({"version": True}, "of version True"),
        ({"format": "another"}, "does not say that it is a fit"),
        ({"sigma": "1"}, "$.sigma: a number is expected, not text"),
        ({"status": "fine"}, "$.status: one of"),
        ({"__class__": "os.system"}, "has no field"),
        ({"n_read": 10**15}, "too large"),
        ({"n_read": -5}, "negative"),
        ({"fixed_labels": ["a"]}, "is not of shape"),
        ({"levels": []}, "do not fit together"),
        ({"x_symbols": ["x"] * 20}, "has no x"),
    ],
)
def test_a_record_that_says_something_else_is_refused(path: Path, changes: dict[str, Any], says: str) -> None:
    assert says in refused(rewritten(path, record_changed(**changes)))


class Payload:
    """Would run on unpickling."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (Path.touch, (Path("/tmp/hdsl-was-here"),))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (npy(np.array([Payload()], dtype=object), allow_pickle=True), "beta.npy"),
        (pickle.dumps(Payload()), "beta.npy is no array"),
        (npy(np.zeros(3)), "beta.npy is not of shape"),
        (npy(np.zeros(6, dtype=np.float32)), "beta.npy is not of shape"),
        (npy(np.zeros(6, dtype=np.complex128)), "beta.npy"),
        (header("(1000000000000,)") + b"0" * 48, "not as long as its header says"),
        (header("(-6,)"), "not as long as its header says"),
        (header("(6,)", "'|O'") + b"0" * 48, "objects"),
        (header("(9**9**9,)") + b"0" * 48, "beta.npy is no array"),
        (b"", "beta.npy is no array"),
    ],
)
def test_an_array_that_is_something_else_is_refused(path: Path, content: bytes, says: str) -> None:
    assert says in refused(rewritten(path, lambda members: members.update({"beta.npy": content})))


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("y.npy", np.nan, "outcome"),
        ("x0.npy", np.inf, "covariate"),
        ("beta.npy", np.nan, "coefficient"),
        ("theta.npy", np.nan, "covariance factor"),
        ("sd0.npy", -1.0, "standard deviation"),
        ("cor0.npy", 2.0, "correlation"),
        ("modes0.npy", np.nan, "random effect"),
        ("cov_beta.npy", 1e200, "too large"),
        ("varied_slopes.npy", -1e200, "too large"),
    ],
)
def test_numbers_that_no_fit_has_are_refused(path: Path, name: str, change: float, says: str) -> None:
    def changed(members: dict[str, bytes]) -> None:
        array = np.load(io.BytesIO(members[name]))
        array.ravel()[-1] = change
        members[name] = npy(array)

    assert says in refused(rewritten(path, changed))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"variance_parameters": [[0, 9, 9]]}, "a variance parameter has no name"),
        ({"variance_names": [[[0, 0, 10**9], "sd_u"]]}, "an effect that is not there"),
        ({"aliased": [10**6]}, "of shape"),
        ({"group_counts": [[["nowhere"], 3]]}, "an index that units are counted of"),
    ],
)
def test_names_that_stand_for_nothing_are_refused(path: Path, changes: dict[str, Any], says: str) -> None:
    assert says in refused(rewritten(path, record_changed(**changes)))


def test_codes_that_stand_for_nothing_are_refused(path: Path) -> None:
    codes = np.full(239, 24)
    assert "a code that stands for nothing" in refused(
        rewritten(path, lambda members: members.update({"group0.npy": npy(codes)}))
    )


@pytest.mark.parametrize("name", ["../../evil.npy", "extra.npy", "/etc/passwd", "fit.py"])
def test_a_member_that_no_fit_has_is_refused(path: Path, name: str) -> None:
    assert "a member that no fit has" in refused(rewritten(path, lambda members: members.update({name: b""})))


def test_a_missing_member_is_refused(path: Path) -> None:
    assert "no theta.npy" in refused(rewritten(path, lambda members: members.pop("theta.npy") and None))
    assert "no fit.json" in refused(rewritten(path, lambda members: members.pop("fit.json") and None))


def test_a_member_that_stands_twice_is_refused(path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr("fit.json", "{}")
    assert "a name twice" in refused(path)


def test_a_bomb_is_refused_before_it_is_unpacked(path: Path) -> None:
    bomb = b"0" * 50_000_000
    assert "beta.npy is too large" in refused(rewritten(path, lambda members: members.update({"beta.npy": bomb})))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_half_a_file_is_refused(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert "no whole archive" in refused(path)


def test_a_flipped_byte_is_refused_or_changes_nothing(fit: FittedModel, path: Path) -> None:
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    n_refused = 0
    for place in rng.integers(0, len(content), size=60).tolist():
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        path.write_bytes(bytes(damaged))
        try:
            again = hdsl.load(path)
        except FitError as error:
            n_refused += error.code == "HM513"
        else:
            assert again.params.equals(fit.params)
    assert 30 < n_refused <= 60


def test_text_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.hmfit").write_text(TEXT, encoding="utf-8")
    assert "no whole archive" in refused(tmp_path / "a.hmfit")
    with pytest.raises(FileNotFoundError):
        hdsl.load(tmp_path / "b.hmfit")
