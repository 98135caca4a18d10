"""The report in a real browser: nothing wider than a phone, equations drawn, no script run, all of it open in print.

Chromium is taken from the PATH; without it these tests are skipped. A page of our own holds the report in a frame of
the width of a screen, measures it, and prints what it found.
"""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from hdsl.results.page import Request, page_html
from tests.unit.results.pages import FITS

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium on the PATH: `apt install chromium`"),
]

PHONE, DESK = 360, 1280

MEASURE = """
const frame = document.getElementById("frame");
frame.onload = () => {
  const page = frame.contentDocument, view = frame.contentWindow;
  page.querySelectorAll("details").forEach(d => { d.open = true; });
  const wide = [...page.querySelectorAll("body *")]
    .filter(e => !e.closest(".scroll") || e.classList.contains("scroll"))
    .filter(e => e.getBoundingClientRect().right > page.documentElement.clientWidth + 0.5)
    .map(e => e.tagName + " " + e.className + " " + e.textContent.slice(0, 40));
  const tables = [...page.querySelectorAll("math mtable[columnalign]")].map(table =>
    [...table.children].map(row => {
      const cell = row.children[row.children.length - 1], sign = cell.querySelector("mo");
      const left = (sign || cell).getBoundingClientRect().left;
      return [sign ? sign.textContent : "", left, row.getBoundingClientRect().top];
    }));
  const heights = [...page.querySelectorAll("math")].map(m => m.getBoundingClientRect().height);
  const pictures = [...page.querySelectorAll("img")]
    .map(i => [i.complete, i.naturalWidth, i.getBoundingClientRect().right]);
  document.getElementById("found").textContent = JSON.stringify({
    width: page.documentElement.scrollWidth, wide, tables, heights, pictures,
    canary: view.hdsl_canary === undefined && window.hdsl_canary === undefined,
    fetched: view.performance.getEntriesByType("resource").map(r => r.name).filter(n => !n.startsWith("data:")),
    font: parseFloat(view.getComputedStyle(page.body).fontSize),
  });
};
"""


def run(*arguments: str) -> str:
    """Run the browser without a window; its own complaints are of no interest."""
    assert BROWSER is not None
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


def measured(page: str, width: int, folder: Path) -> dict[str, Any]:
    """Return what the browser says of a page on a screen of some width."""
    path = folder / f"frame{width}.html"
    path.write_text(
        f'<!DOCTYPE html><meta charset="utf-8"><body style="margin:0"><pre id="found"></pre>'
        f'<iframe id="frame" style="border:0;width:{width}px;height:800px" srcdoc="{html.escape(page)}"></iframe>'
        f"<script>{MEASURE}</script>",
        encoding="utf-8",
    )
    found = re.search(r'<pre id="found">(.*?)</pre>', run("--dump-dom", path.as_uri()), re.DOTALL)
    assert found is not None
    return dict(json.loads(html.unescape(found[1])))


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    bare = Request(with_plots=False)
    return {name: page_html(make(), bare if name != "without_groups" else Request()) for name, make in FITS.items()}


@pytest.mark.parametrize("name", FITS)
def test_a_phone_need_not_be_moved_sideways(name: str, pages: dict[str, str], tmp_path: Path) -> None:
    found = measured(pages[name], PHONE, tmp_path)
    assert found["width"] <= PHONE
    assert found["wide"] == []
    assert found["font"] >= 16.0


@pytest.mark.parametrize("name", FITS)
def test_equations_are_drawn_with_their_relations_under_each_other(
    name: str, pages: dict[str, str], tmp_path: Path
) -> None:
    found = measured(pages[name], DESK, tmp_path)
    assert min(found["heights"]) > 10.0
    assert found["tables"]
    for rows in found["tables"]:
        assert len({round(left) for sign, left, _ in rows if sign and sign in "=∼"}) == 1
        tops = [top for _, _, top in rows]
        assert tops == sorted(set(tops))


def test_nothing_runs_and_nothing_is_fetched(pages: dict[str, str], tmp_path: Path) -> None:
    found = measured(pages["hostile"], DESK, tmp_path)
    assert found["canary"]
    assert found["fetched"] == []


def test_pictures_are_drawn_and_fit(pages: dict[str, str], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    found = measured(pages["without_groups"], PHONE, tmp_path)
    assert found["pictures"]
    assert all(complete and width > 0 and right <= PHONE for complete, width, right in found["pictures"])


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="no pdftotext: `apt install poppler-utils`")
def test_print_opens_what_is_folded(pages: dict[str, str], tmp_path: Path) -> None:
    page, output = tmp_path / "page.html", tmp_path / "page.pdf"
    page.write_text(pages["plain"], encoding="utf-8")
    run(f"--print-to-pdf={output}", page.as_uri())
    text = subprocess.run(["pdftotext", "-layout", str(output), "-"], check=True, capture_output=True, text=True).stdout
    assert "def cross_products" in text
    assert "cor(b0[Subject], b1[Subject])" in text
    assert "save as model.hm" not in text
