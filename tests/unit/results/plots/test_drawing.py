"""Every picture of every kind of fit is drawn, without a warning; nothing of it lies where it should not."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from hdsl.cli.options import PLOTS as TYPED
from hdsl.diagnostics import FitError
from hdsl.results.plots import Plots
from hdsl.results.plots.table import PLOTS
from tests.unit.results.plots import conftest as made

FITS = ("sleepstudy", "voting", "ordinal", "nested", "plain")


def quick(fit, name):
    """Options of the plots that draw or refit."""
    return {"residuals": {"n": 20}, "profile": {"names": fit.params.index[-1]}}.get(name, {})


@pytest.fixture(scope="module", params=FITS)
def pictures(request):
    """Every picture of a fit, drawn once."""
    fit = request.getfixturevalue(request.param)
    return {name: fit.plot.draw(name, **quick(fit, name)) for name in fit.plot.available()}


def test_one_table_for_methods_and_command_line():
    assert tuple(PLOTS) == TYPED
    for name, plot in PLOTS.items():
        assert set(plot.options) <= set(inspect.signature(getattr(Plots, name)).parameters), name


def test_every_picture_is_drawn(pictures):
    for name, picture in pictures.items():
        assert picture.name == name
        assert len(picture.data), name
        root = ElementTree.fromstring(picture.to_svg())
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert picture.title.split()[0] in "".join(root.itertext())


def test_axes_have_names_and_nothing_is_cut_off(pictures):
    for name, picture in pictures.items():
        figure = picture.figure
        for axes in (axes for axes in figure.axes if axes.get_visible() and name != "levels"):
            assert axes.get_xlabel() or axes.get_title(loc="left"), name
            box = axes.get_tightbbox(for_layout_only=True)
            assert box.x0 > -2 and box.y0 > -2, name  # noqa: PT018
            assert box.x1 < figure.bbox.width + 2 and box.y1 < figure.bbox.height + 2, name  # noqa: PT018
            if picture.caption and name != "levels":
                title, caption = figure._suptitle.get_window_extent(), figure._supxlabel.get_window_extent()
                assert caption.y1 <= box.y0 + 1 and box.y1 <= title.y0 + 1, name  # noqa: PT018
                assert caption.x1 <= figure.bbox.width + 2 and caption.y0 >= -1, name  # noqa: PT018
                assert title.x1 <= figure.bbox.width + 2 and title.y1 <= figure.bbox.height + 1, name  # noqa: PT018


def test_legends_do_not_lie_on_the_data(pictures):
    for name, picture in pictures.items():
        figure = picture.figure
        for axes in figure.axes:
            if (legend := axes.get_legend()) is not None:
                assert legend.get_window_extent().y0 >= axes.get_window_extent().y1 - 1, name
                assert legend.get_window_extent().x1 <= figure.bbox.width + 2, name


def test_curves_by_colour_and_panel_are_drawn(nested, voting, ordinal):
    pictures = (
        voting.plot.effects("Age", ["Income", "Female"]),
        voting.plot.effects("Income", "Female"),
        ordinal.plot.effects("x", "f", scale="link"),
        ordinal.plot.effects("f"),
        nested.plot.lines("x", "school"),
        voting.plot.proportions("Income", "Female"),
        voting.plot.ranked(bins=5, order=None),
    )
    for picture in pictures:
        assert picture.figure.axes


def test_many_groups_are_drawn_without_their_names(monkeypatch, nested):
    from hdsl.results.plots import caterpillar, lines, shrinkage

    monkeypatch.setattr(caterpillar, "MOST_LABELS", 5)
    monkeypatch.setattr(shrinkage, "MOST_LABELS", 5)
    monkeypatch.setattr(lines, "SHADED", 5)
    for name in ("caterpillar", "shrinkage", "lines"):
        assert ">c00<" not in nested.plot.draw(name).to_svg()


def test_equal_fits_give_equal_files(sleepstudy):
    twice = [sleepstudy.plot.residuals(n=20).content("svg") for _ in range(2)]
    assert twice[0] == twice[1]


def test_files_by_their_endings(tmp_path, sleepstudy):
    picture = sleepstudy.plot.caterpillar()
    for ending, start in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF"), ("csv", b"effect,group")):
        path = tmp_path / f"modes.{ending}"
        picture.save(path)
        assert path.read_bytes().startswith(start)
    with pytest.raises(FitError, match="a picture is no 'gif'"):
        picture.save(tmp_path / "modes.gif")
    assert picture._repr_png_().startswith(b"\x89PNG")


def test_without_matplotlib_frames_are_there_and_the_way_out_is_said(monkeypatch, nested):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for name in nested.plot.available():
        picture = nested.plot.draw(name, **quick(nested, name))
        assert len(picture.data)
        with pytest.raises(FitError, match=r"pip install 'hdsl\[plots\]'") as caught:
            _ = picture.figure
        assert caught.value.code == "HM517"


def test_frames_load_no_matplotlib():
    path = Path(made.EXAMPLES) / "sleepstudy"
    program = (
        f"import sys, hdsl; fit = hdsl.read({str(path / 'model.hm')!r}).fit({str(path / 'sleepstudy.csv')!r}); "
        "[fit.plot.draw(name).data for name in fit.plot.available() if name != 'profile']; "
        "print('matplotlib' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False"]
