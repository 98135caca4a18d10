"""``%%hm`` and rich display, through a real shell."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import hdsl
from hdsl.results import FittedModel

pytest.importorskip("IPython", reason="IPython is not installed: `pip install 'hdsl[notebook]'`")

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import CapturedIO, capture_output

TEXT = "index j = school\ny[i] ~ normal(b0[j] + b1*x[i], sd)\nb0[j] ~ normal(b0, sd_school)\n"
WRONG = "index j = school\ny[i] ~ normal(b0[j] + b1*x[i], sd)\nb0[j] ~ normla(b0, sd_<b>)\n"
SLEEPSTUDY = Path(__file__).resolve().parents[2] / "examples" / "sleepstudy"


@pytest.fixture(scope="module")
def one_shell() -> Iterator[InteractiveShell]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shell = InteractiveShell.instance()
        shell.history_manager.enabled = False  # type: ignore[union-attr]
        yield shell
        shell.history_manager.end_session()  # type: ignore[union-attr]
        InteractiveShell.clear_instance()


@pytest.fixture
def shell(one_shell: InteractiveShell, voters: pd.DataFrame) -> InteractiveShell:
    one_shell.reset(new_session=False)
    one_shell.user_ns["voters"] = voters
    one_shell.run_line_magic("reload_ext", "hdsl")
    return one_shell


@pytest.fixture
def voters() -> pd.DataFrame:
    rows = [(f"s{k // 6}", k % 6, (k * 7) % 11 + k // 6 * 3.0) for k in range(48)]
    return pd.DataFrame(rows, columns=["school", "x", "y"])


def run(shell: InteractiveShell, line: str, cell: str) -> CapturedIO:
    """Run a cell and return what it shows."""
    with capture_output() as shown:
        shell.run_cell_magic("hm", line, cell)
    return shown


def kinds(shown: CapturedIO) -> list[str]:
    """Return the types of what is shown, by a word that only each of them has."""
    words = {"hdsl-messages": "messages", "hdsl-model": "model", "hdsl-report": "fit"}
    return [next(kind for word, kind in words.items() if word in o.data["text/html"]) for o in shown.outputs]


def test_a_cell_becomes_a_model(shell: InteractiveShell) -> None:
    shown = run(shell, "party", TEXT)
    model = shell.user_ns["party"]
    assert isinstance(model, hdsl.Model)
    assert model.text == TEXT
    assert kinds(shown) == ["model"]
    assert "fit" not in shell.user_ns


def test_without_a_name_it_is_called_model(shell: InteractiveShell) -> None:
    run(shell, "", TEXT)
    assert shell.user_ns["model"].text == TEXT


def test_data_are_fitted_at_once(shell: InteractiveShell, voters: pd.DataFrame) -> None:
    shown = run(shell, "party --data voters --fit fit1 --method reml", TEXT)
    fit = shell.user_ns["fit1"]
    assert isinstance(fit, FittedModel)
    assert fit.method == "reml"
    assert fit.loglik == hdsl.Model(TEXT).fit(voters, "reml").loglik
    assert kinds(shown) == ["model", "fit"]


def test_files_and_levels_are_data_too(shell: InteractiveShell, voters: pd.DataFrame, tmp_path: Path) -> None:
    voters.to_csv(tmp_path / "my voters.csv", index=False)
    run(shell, f"--data '{tmp_path / 'my voters.csv'}' --quiet", TEXT)
    whole = shell.user_ns["fit"].loglik
    schools = pd.DataFrame({"school": voters["school"].unique()}).assign(z=range(8))
    shell.user_ns["schools"] = schools
    text = TEXT.replace("normal(b0, sd_school)", "normal(b0 + g1*z[j], sd_school)")
    shown = run(shell, "--data i=voters school=schools --fit fit2 --quiet", text)
    assert shell.user_ns["fit2"].loglik > whole
    assert shown.outputs == []


def test_a_mistake_is_shown_and_stores_nothing(shell: InteractiveShell) -> None:
    shell.user_ns["party"] = "as it was"
    with capture_output() as shown, pytest.raises(UsageError, match="shown above"):
        shell.run_cell_magic("hm", "party --data voters", WRONG)
    assert shell.user_ns["party"] == "as it was"
    assert "fit" not in shell.user_ns
    assert kinds(shown) == ["messages"]
    page = shown.outputs[0].data["text/html"]
    assert "<mark>" in page
    assert "sd_&lt;" in page
    assert "<b>" not in page
    assert "error[HM" in shown.outputs[0].data["text/plain"]


def test_a_mistake_fails_its_cell_without_a_traceback(shell: InteractiveShell) -> None:
    with capture_output() as shown:
        result = shell.run_cell(f"%%hm party\n{WRONG}")
    assert result.error_in_exec is not None
    assert "Traceback" not in shown.stdout + shown.stderr
    assert "shown above" in shown.stdout + shown.stderr


def test_a_mistake_in_the_data_is_shown_like_one_in_the_model(shell: InteractiveShell, voters: pd.DataFrame) -> None:
    shell.user_ns["voters"] = voters.drop(columns="x")
    with capture_output() as shown, pytest.raises(UsageError):
        shell.run_cell_magic("hm", "party --data voters", TEXT)
    assert "HM401" in shown.outputs[-1].data["text/plain"]
    assert isinstance(shell.user_ns["party"], hdsl.Model)
    assert "fit" not in shell.user_ns


def test_warnings_are_shown_before_the_model(shell: InteractiveShell) -> None:
    shown = run(shell, "", (SLEEPSTUDY / "model.hm").read_text(encoding="utf-8") + "unused = 3\n")
    diagnostics = shell.user_ns["model"].diagnostics
    assert diagnostics
    assert kinds(shown) == ["messages", "model"]
    assert diagnostics[0].code in shown.outputs[0].data["text/html"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a b", "unrecognized"),
        ("2nd", "no name of a variable"),
        ("class", "no name of a variable"),
        ("m --fit import --data voters", "no name of a variable"),
        ("m --data nowhere", "no variable and no file"),
        ("m --data __import__('os')", "no variable and no file"),
        ("m --data voters schools", "level of its own"),
        ("m --data i=voters i=voters", "level of its own"),
        ("m --method reml", "need --data"),
        ("m --data voters --nodes many", "invalid int"),
        ("m --data 'voters", "No closing quotation"),
        ("m --na skip", "invalid choice"),
    ],
)
def test_wrong_usage_is_told_in_a_line(line: str, said: str, shell: InteractiveShell) -> None:
    with capture_output(), pytest.raises(UsageError, match=said):
        shell.run_cell_magic("hm", line, TEXT)


def test_its_help_is_its_docstring(shell: InteractiveShell) -> None:
    found = shell.find_magic("hm", "cell")
    assert "--data" in (found.__doc__ or "")


class TestDisplay:
    """What a notebook takes of each object, of the richest kind first."""

    @pytest.fixture
    def bundle(self, shell: InteractiveShell) -> Any:
        def made(value: object) -> dict[str, str]:
            assert shell.display_formatter is not None
            return dict(shell.display_formatter.format(value)[0])

        return made

    def test_a_model_is_its_equations(self, bundle: Any) -> None:
        found = bundle(hdsl.Model(TEXT))
        assert found["text/html"].count("<math") == 2
        assert "One equation" in found["text/html"]
        assert found["text/latex"].count("aligned") == 4
        assert "Model" in found["text/plain"]

    @pytest.mark.parametrize("face", ["composite", "equations"])
    def test_equations_are_latex_and_mathematics_that_needs_no_script(self, face: str, bundle: Any) -> None:
        shown = getattr(hdsl.Model(TEXT), face)
        assert bundle(shown)["text/latex"] == f"$\\displaystyle {shown.latex()}$"
        assert bundle(shown)["text/html"].count("<math") == 1
        assert "<strong>" not in bundle(shown)["text/html"]

    def test_levels_are_a_picture(self, bundle: Any) -> None:
        levels = hdsl.Model(TEXT).levels
        assert bundle(levels)["image/svg+xml"] == levels.to_svg()

    def test_a_fit_is_its_summary_in_tables(self, bundle: Any, voters: pd.DataFrame) -> None:
        fit = hdsl.Model(TEXT).fit(voters)
        found = bundle(fit)
        assert found["text/html"].count("<table") >= 4
        assert "sd_school" in found["text/html"]
        assert bundle(fit.summary())["text/html"] == found["text/html"]

    def test_a_plan_is_its_text(self, bundle: Any) -> None:
        assert "Method" in bundle(hdsl.Model(TEXT).plan())["text/html"]

    def test_a_model_without_one_equation_shows_its_levels(self, bundle: Any) -> None:
        text = "y[i] ~ normal(mu[i], sd)\nmu[i] = a[j]*exp(b*x[i])\na[j] ~ normal(a0, s)\n"
        assert "<math" in bundle(hdsl.Model(text))["text/html"]
