"""The gallery of the documentation: each picture has its file, its line in the program, and its place on the page."""

from __future__ import annotations

import ast
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parents[4]
GALLERY = ROOT / "docs" / "guide" / "plots"
FIGURES = {"voting": ("shares", "ranked"), "sleepstudy": ("lines", "shrinkage")}

MOST_BYTES = 150_000


def names():
    """The names of the pictures in the program."""
    program = ast.parse((GALLERY / "gallery.py").read_text(encoding="utf-8"))
    pictures = next(n for n in program.body if isinstance(n, ast.Assign) and n.targets[0].id == "PICTURES")
    return [key.value for key in pictures.value.keys]


def test_every_picture_has_its_file_and_its_place_on_the_page():
    page = (GALLERY.parent / "plots.md").read_text(encoding="utf-8")
    assert {path.stem for path in GALLERY.glob("*.svg")} == set(names())
    assert [name for name in names() if f"(plots/{name}.svg)" not in page] == []


@pytest.mark.parametrize("study", FIGURES)
def test_figures_of_a_study_are_on_its_page(study):
    folder = ROOT / "examples" / study
    page = (folder / "README.md").read_text(encoding="utf-8")
    for name in FIGURES[study]:
        assert f"]({name}.svg)" in page
        assert (folder / f"{name}.svg").exists()


def test_files_are_small_and_whole():
    paths = [*GALLERY.glob("*.svg"), *(ROOT / "examples" / s / f"{n}.svg" for s, ns in FIGURES.items() for n in ns)]
    for path in paths:
        assert path.stat().st_size < MOST_BYTES, path.name
        assert ElementTree.parse(path).getroot().get("viewBox"), path.name
