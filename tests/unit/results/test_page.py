"""The report: one page that holds everything, fetches nothing, and says what is wrong."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

import hdsl
from hdsl.cli import main
from hdsl.results import FittedModel
from hdsl.results.page import Request, page_html, pictures
from hdsl.results.page.compose import SECTIONS
from hdsl.results.page.data import fingerprint
from tests.unit.results.pages import FITS, HOSTILE, LONG, ROOT, SCHOOL, SLEEPSTUDY, TOWN, Node, read_page

BARE = Request(with_plots=False)
TROUBLED = {"separated": "SEPARATION", "unfinished": "NOT CONVERGED"}


@pytest.fixture(scope="module")
def fits() -> dict[str, FittedModel]:
    return {name: make() for name, make in FITS.items()}


@pytest.fixture(scope="module")
def pages(fits: dict[str, FittedModel]) -> dict[str, Node]:
    return {name: read_page(page_html(fit, BARE)) for name, fit in fits.items()}


@pytest.fixture(params=FITS)
def page(request: pytest.FixtureRequest, pages: dict[str, Node]) -> Node:
    return pages[request.param]


class TestEveryPage:
    def test_it_has_every_section_once_in_order(self, page: Node) -> None:
        ids = [node.attributes["id"] for node in page.all("section")]
        has_codes = bool(page.of_class("diagnostic"))
        assert ids == ["messages", *(place for place, _, _ in SECTIONS), *["meanings"] * has_codes]
        assert all(node.text.strip() for node in page.all("section"))
        assert [a.attributes["href"] for a in page.all("nav")[0].all("a")] == [f"#{place}" for place in ids]

    def test_its_headings_are_in_order(self, page: Node) -> None:
        levels = [int(node.tag[1]) for node in page.all("h1", "h2", "h3", "h4", "h5", "h6")]
        assert levels.count(1) == 1
        assert levels[0] == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))

    def test_it_fetches_nothing_and_runs_nothing(self, page: Node) -> None:
        assert not page.all(
            "script", "link", "iframe", "object", "embed", "form", "base", "audio", "video", "foreignobject"
        )
        for node in page.all():
            for name, value in node.attributes.items():
                assert not name.startswith("on")
                if name in ("href", "src", "srcset", "action", "xlink:href", "data", "poster", "background"):
                    assert (value or "").startswith(("#", "data:"))
                assert "url(" not in (value or "")
        (style,) = page.all("style")
        assert not re.search(r"url\(|@import|https?:", style.text)
        policy = next(m for m in page.all("meta") if m.attributes.get("http-equiv"))
        assert policy.attributes["http-equiv"] == "Content-Security-Policy"
        assert "default-src 'none'" in (policy.attributes["content"] or "")
        assert "script-src" not in (policy.attributes["content"] or "")

    def test_its_ids_are_unique_and_every_link_has_its_end(self, page: Node) -> None:
        ids = [node.attributes["id"] for node in page.all() if "id" in node.attributes]
        assert len(ids) == len(set(ids))
        for node in page.all():
            for name in ("aria-labelledby", "aria-describedby", "for"):
                assert set((node.attributes.get(name) or "").split()) <= set(ids)
            href = node.attributes.get("href") or ""
            if href.startswith("#"):
                assert href[1:] in ids

    def test_its_tables_say_what_they_are(self, page: Node) -> None:
        tables = page.all("table")
        assert tables
        for table in tables:
            assert table.all("caption") or table.attributes.get("class") == "facts"
            assert all(head.attributes.get("scope") in ("row", "col") for head in table.all("th"))
            assert table.all("th")

    def test_what_can_be_wide_scrolls_by_itself(self, page: Node) -> None:
        for node in page.all("table", "pre", "math", "svg"):
            if node.tag == "table" and node.attributes.get("class") == "facts":
                continue
            above = node.parent
            while above is not None and above.attributes.get("class") != "scroll":
                above = above.parent
            assert above is not None, node.text[:60]
            assert above.attributes["aria-label"]
            assert above.attributes["tabindex"] == "0"

    def test_it_has_its_language_its_title_and_a_width(self, page: Node) -> None:
        assert page.all("html")[0].attributes["lang"] == "en"
        assert page.all("title")[0].text.strip()
        viewport = next(m for m in page.all("meta") if m.attributes.get("name") == "viewport")
        assert "width=device-width" in (viewport.attributes["content"] or "")

    def test_its_mathematics_is_not_empty(self, page: Node) -> None:
        shown = page.all("math")
        assert len(shown) >= 3
        assert all(node.all("mi", "mn") for node in shown)
        assert all(node.all("annotation")[0].text for node in shown)


@pytest.mark.parametrize("name", FITS)
def test_the_model_text_and_the_source_can_be_taken_from_it(
    name: str, fits: dict[str, FittedModel], pages: dict[str, Node]
) -> None:
    fit, page = fits[name], pages[name]
    (code,) = page.named("model").all("code")
    assert code.text == fit.design.form.source.text
    (link,) = page.named("model").all("a")
    content = base64.b64decode((link.attributes["href"] or "").partition("base64,")[2])
    assert content.decode("utf-8") == fit.design.form.source.text
    (code,) = page.named("source").all("code")
    compile(code.text, "source", "exec")
    assert "def " in code.text


@pytest.mark.parametrize(("name", "word"), TROUBLED.items())
def test_a_fit_without_estimates_says_so_wherever_there_are_numbers(
    name: str, word: str, pages: dict[str, Node]
) -> None:
    page = pages[name]
    assert page.all("title")[0].text.startswith(word)
    header = page.all("header")[0]
    (state,) = header.of_class("bad")
    assert word in state.text
    assert header.all().index(state) < header.all().index(header.all("table")[0])
    assert len(page.named("estimates").of_class("alarm")) == 2
    assert page.named("tests").of_class("alarm")
    assert page.named("equations").of_class("alarm")
    assert page.named("messages").of_class("is-warning")


def test_a_boundary_is_told_before_the_numbers(pages: dict[str, Node]) -> None:
    (state,) = pages["hostile"].all("header")[0].of_class("state")
    assert "boundary: sd_school" in state.text
    assert "HM503" in pages["hostile"].named("messages").text


def test_a_fit_without_trouble_raises_no_alarm(pages: dict[str, Node]) -> None:
    page = pages["plain"]
    assert not page.of_class("alarm")
    assert page.all("header")[0].of_class("good")
    assert page.named("messages").text.count("None") == 1


class TestMessages:
    def test_what_is_worst_comes_first(self, pages: dict[str, Node]) -> None:
        kinds = [node.attributes["class"] for node in pages["hostile"].of_class("diagnostic")]
        assert kinds == ["diagnostic is-warning", "diagnostic is-note", "diagnostic is-note"]

    def test_the_place_is_marked_and_leads_to_the_line(self, pages: dict[str, Node]) -> None:
        page = pages["hostile"]
        (note,) = (node for node in page.of_class("diagnostic") if "HM410" in node.text)
        assert note.all("mark")[0].text == "b_t[t]"
        link = next(a for a in note.all("a") if (a.attributes["href"] or "").startswith("#model-"))
        line = page.named((link.attributes["href"] or "")[1:])
        assert line.text == HOSTILE.splitlines()[6]

    def test_what_a_code_means_is_on_the_page(self, pages: dict[str, Node]) -> None:
        meaning = pages["hostile"].named("meaning-HM503")
        assert meaning.parent is not None
        assert meaning.parent.tag == "details"
        assert "likelihood-ratio test" in meaning.text

    def test_warnings_of_the_model_text_are_there(self) -> None:
        fit = hdsl.read(SLEEPSTUDY / "model.hm").pooled().fit(SLEEPSTUDY / "sleepstudy.csv")
        assert [d.code for d in fit.remarks] == ["HM119"]
        assert "HM119" in read_page(page_html(fit, BARE)).named("messages").text


class TestStrangers:
    def test_nothing_of_theirs_is_markup(self, pages: dict[str, Node]) -> None:
        page = pages["hostile"]
        assert not page.all("script", "img")
        assert {b.text for b in page.all("b")} == set()

    @pytest.mark.parametrize("text", [SCHOOL, TOWN, LONG.split()[0], 'y <b>"q"</b>', "t&<i>", HOSTILE])
    def test_it_is_there_as_text(self, text: str, pages: dict[str, Node]) -> None:
        assert text in pages["hostile"].all("body")[0].text

    def test_titles_and_dates_are_text(self, fits: dict[str, FittedModel]) -> None:
        asked = Request(title="<b>A</b> & B", date="<i>today</i>", with_plots=False)
        page = read_page(page_html(fits["plain"], asked))
        assert page.all("h1")[0].text == "<b>A</b> & B"
        assert page.all("title")[0].text == "<b>A</b> & B"
        assert not page.all("b", "i")


class TestContent:
    def test_estimates_are_those_of_the_summary(self, fits: dict[str, FittedModel], pages: dict[str, Node]) -> None:
        text = pages["plain"].named("estimates").text
        for table in fits["plain"].summary().report.tables[1:]:
            assert all(cell in text for row in table.rows for cell in row)

    def test_what_was_asked_for_is_tested(self, fits: dict[str, FittedModel]) -> None:
        asked = Request(tests=("b1 = 10",), df="kenward-roger", with_plots=False)
        text = read_page(page_html(fits["plain"], asked)).named("tests").text
        assert "Hypothesis: b1 = 10" in text
        assert str(fits["plain"].test("b1 = 10", "kenward-roger")).splitlines()[-1] in text
        assert "Kenward-Roger" in text

    @pytest.mark.parametrize("asked", [Request(tests=("b9 = 0",)), Request(intervals="guess"), Request(df="residue")])  # type: ignore[arg-type]
    def test_what_cannot_be_had_is_refused_not_left_out(self, asked: Request, fits: dict[str, FittedModel]) -> None:
        with pytest.raises(hdsl.FitError):
            page_html(fits["plain"], asked)

    def test_the_data_contract_names_columns_and_lost_rows(self, pages: dict[str, Node]) -> None:
        text = pages["hostile"].named("data").text
        assert "59 rows used of 60 read. 1 row dropped for missing values in x (1)." in text
        assert "y[i], the outcome" in text
        assert "index j" in text
        assert "set to zero" in text

    def test_every_column_is_named(self, fits: dict[str, FittedModel], pages: dict[str, Node]) -> None:
        for name, fit in fits.items():
            form = fit.design.form
            wanted = {c.column for c in form.data} | {i.column for i in form.indices if i.column is not None}
            cells = {row.all("th", "td")[0].text for row in pages[name].named("data").all("tr")[1:]}
            assert wanted <= cells

    def test_it_holds_what_makes_it_again(self, fits: dict[str, FittedModel], pages: dict[str, Node]) -> None:
        text = pages["plain"].named("reproduce").text
        assert fingerprint(fits["plain"].design) in text
        assert hdsl.__version__ in text
        assert "model.fit(data, method='reml')" in text
        assert repr(float(fits["plain"].loglik)) in text
        assert all(repr(float(value)) in text for value in fits["plain"].params)


class TestFingerprint:
    DATA = pd.DataFrame({"g": list("aabbcc"), "x": [1.0, 2, 3, 4, 5, 7], "y": [1.0, 2, 4, 3, 5, 9]})
    MODEL = "y[i] ~ normal(b0[g] + b1*x[i], sd)\nb0[g] ~ normal(b0, sd_g)\n"

    def of(self, data: pd.DataFrame | Path) -> str:
        return fingerprint(hdsl.Model(self.MODEL).bind(data))

    def test_it_is_of_the_rows_used(self, tmp_path: Path) -> None:
        path = tmp_path / "d.csv"
        self.DATA.assign(unused=1).to_csv(path, index=False)
        assert self.of(path) == self.of(self.DATA)

    @pytest.mark.parametrize(("column", "value"), [("x", 2.0000001), ("y", 0.0), ("g", "d")])
    def test_any_change_changes_it(self, column: str, value: object) -> None:
        changed = self.DATA.copy()
        changed.loc[1, column] = value
        assert self.of(changed) != self.of(self.DATA)

    def test_other_labels_change_it(self) -> None:
        assert self.of(self.DATA.assign(g=list("aabbdd"))) != self.of(self.DATA)


class TestPictures:
    def test_every_picture_has_its_words(self, fits: dict[str, FittedModel]) -> None:
        pytest.importorskip("matplotlib")
        page = read_page(page_html(fits["without_groups"]))
        images = page.named("pictures").all("img")
        assert images
        assert len(images) == len(set(fits["without_groups"].plot.available()) - pictures.ELSEWHERE)
        for image in images:
            assert len(image.attributes["alt"] or "") > 20
            content = base64.b64decode((image.attributes["src"] or "").removeprefix("data:image/svg+xml;base64,"))
            assert b"<svg" in content

    def test_a_picture_of_very_many_lines_is_made_of_points(self, monkeypatch: pytest.MonkeyPatch) -> None:
        pytest.importorskip("matplotlib")
        monkeypatch.setattr(pictures, "LARGEST", 5_000)
        page = read_page(page_html(FITS["without_groups"]()))
        kinds = {(image.attributes["src"] or "").partition(";")[0] for image in page.named("pictures").all("img")}
        assert "data:image/png" in kinds

    def test_without_the_library_the_page_says_how_to_get_it(
        self, fits: dict[str, FittedModel], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pictures, "find_spec", lambda name: None)
        section = read_page(page_html(fits["plain"])).named("pictures")
        assert "pip install 'hdsl[plots]'" in section.text
        assert not section.all("img")


class TestSame:
    def test_equal_fits_have_equal_pages(self, fits: dict[str, FittedModel]) -> None:
        assert page_html(FITS["plain"](), BARE) == page_html(fits["plain"], BARE)

    @pytest.mark.slow
    def test_equal_fits_have_equal_pictures(self, fits: dict[str, FittedModel]) -> None:
        pytest.importorskip("matplotlib")
        assert page_html(FITS["plain"]()) == page_html(fits["plain"])

    @pytest.mark.parametrize("name", ["plain", "hostile", "ordinal", "pooled"])
    def test_a_fit_that_was_kept_has_the_page_that_it_had(
        self, name: str, fits: dict[str, FittedModel], tmp_path: Path
    ) -> None:
        model = hdsl.read(SLEEPSTUDY / "model.hm")
        fit = model.pooled().fit(SLEEPSTUDY / "sleepstudy.csv") if name == "pooled" else fits[name]
        fit.save(tmp_path / "fit.hmfit")
        assert page_html(hdsl.load(tmp_path / "fit.hmfit"), BARE) == page_html(fit, BARE)

    @pytest.mark.slow
    def test_it_does_not_hang_on_the_order_of_sets(self, tmp_path: Path) -> None:
        pages = []
        for seed in ("1", "2"):
            path = tmp_path / "page.html"
            command = [
                sys.executable,
                "-m",
                "hdsl",
                "report",
                "model.hm",
                "sleepstudy.csv",
                "-o",
                str(path),
                "--no-plots",
            ]
            environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
            subprocess.run(command, cwd=SLEEPSTUDY, env=environment, check=True, capture_output=True)
            pages.append(path.read_bytes())
        assert pages[0] == pages[1]

    def test_it_holds_no_time_unless_asked(self, fits: dict[str, FittedModel]) -> None:
        assert not re.search(r"20\d\d-\d\d-\d\d", page_html(fits["plain"], BARE))
        assert "2026-11-23" in page_html(fits["plain"], Request(date="2026-11-23", with_plots=False))


class TestFile:
    def test_it_is_replaced_as_a_whole(self, fits: dict[str, FittedModel], tmp_path: Path) -> None:
        path = tmp_path / "page.html"
        path.write_text("old")
        fits["plain"].report(path, plots=False)
        assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
        assert list(tmp_path.iterdir()) == [path]

    def test_a_folder_that_is_not_there_is_told(self, fits: dict[str, FittedModel], tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            fits["plain"].report(tmp_path / "no" / "page.html", plots=False)


class TestCommand:
    def test_it_says_which_files_and_how(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        output, data = tmp_path / "page.html", SLEEPSTUDY / "sleepstudy.csv"
        asked = ["--method", "reml", "--test", "b1 = 10", "--title", "Sleep & days", "--no-plots"]
        assert main(["report", str(SLEEPSTUDY / "model.hm"), str(data), "-o", str(output), *asked]) == 0
        assert "converged" in capsys.readouterr().out
        page = read_page(output.read_text(encoding="utf-8"))
        assert hashlib.sha256(data.read_bytes()).hexdigest() in page.named("data").text
        assert "--method reml --title 'Sleep & days' --test 'b1 = 10' --no-plots" in page.named("reproduce").text
        assert page.all("h1")[0].text == "Sleep & days"
        assert "Hypothesis: b1 = 10" in page.named("tests").text

    def test_levels_in_files_of_their_own(self, tmp_path: Path) -> None:
        (tmp_path / "i.csv").write_text("g,x,y\n" + "\n".join(f"{k % 4},{k * 0.3:.1f},{k * k % 7}" for k in range(20)))
        (tmp_path / "g.csv").write_text("g,z\n0,1\n1,2\n2,2.5\n3,4\n")
        (tmp_path / "m.hm").write_text("y[i] ~ normal(b0[g] + b1*x[i], sd)\nb0[g] ~ normal(g0 + g1*z[g], sd_g)\n")
        output = tmp_path / "page.html"
        files = [f"i={tmp_path / 'i.csv'}", f"g={tmp_path / 'g.csv'}"]
        assert main(["report", str(tmp_path / "m.hm"), *files, "-o", str(output), "--no-plots", "--date"]) == 0
        text = read_page(output.read_text(encoding="utf-8")).named("data").text
        assert "i.csv" in text
        assert "g.csv" in text

    def test_a_fit_without_estimates_has_its_page_and_is_a_mistake(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        rows = "\n".join(f"{k % 5},{k - 20},{int(k > 20)}" for k in range(40))
        (tmp_path / "d.csv").write_text(f"g,x,y\n{rows}\n")
        (tmp_path / "m.hm").write_text(
            "y[i] ~ bernoulli(p[i])\nlogit(p[i]) = b0[g] + b1*x[i]\nb0[g] ~ normal(b0, sd_g)\n"
        )
        output = tmp_path / "page.html"
        arguments = ["report", str(tmp_path / "m.hm"), str(tmp_path / "d.csv"), "-o", str(output), "--no-plots"]
        assert main(arguments) == 1
        assert "HM514" in capsys.readouterr().err
        assert "SEPARATION" in output.read_text(encoding="utf-8")

    def test_a_kept_fit_needs_no_data(self, fits: dict[str, FittedModel], tmp_path: Path) -> None:
        kept, output = tmp_path / "fit.hmfit", tmp_path / "page.html"
        fits["plain"].save(kept)
        assert main(["report", str(kept), "-o", str(output), "--no-plots", "--test", "b1 = 10"]) == 0
        page = read_page(output.read_text(encoding="utf-8"))
        assert fingerprint(fits["plain"].design) in page.named("reproduce").text
        assert "Hypothesis: b1 = 10" in page.named("tests").text

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["model.hm"], "needs DATA"),
            (["fit.hmfit", str(SLEEPSTUDY / "sleepstudy.csv")], "is a fit"),
            (["fit.hmfit", "--method", "reml"], "is a fit"),
            (["nowhere.hmfit"], "cannot read nowhere.hmfit"),
        ],
    )
    def test_what_makes_no_sense_is_wrong_usage(
        self, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["report", *arguments, "-o", "page.html"]) == 2
        assert said in capsys.readouterr().err

    def test_it_needs_to_know_where_to_write(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["report", "model.hm", "data.csv"]) == 2
        assert "--output" in capsys.readouterr().err
