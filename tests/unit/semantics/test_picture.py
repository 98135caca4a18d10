"""The picture of the levels: well-formed SVG that says all, boxes that do not overlap, arrows that point up."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

import hdsl
from hdsl.semantics.picture import Arrow, Box, cells, draw

SVG = "{http://www.w3.org/2000/svg}"
THREE = """index j = class in k
index k = school
y[i] ~ normal(b[j] + c*x[i], sd)
b[j] ~ normal(b[k], s)
b[k] ~ normal(g + h*z[k], t)
"""
CROSSED = "y[i] ~ normal(b + u[r] + v[o] + w[r,o], sd)\nu[r] ~ normal(0, s)\nv[o] ~ normal(0, t)\nw[r,o] ~ normal(0, z)"
MANY = """index a = a in b
index b = b in c
index c = c in d
y[i] ~ normal(m + u[a] + v[b] + w[c] + x[d] + r[e] + q[f] + p[e,d] + t[town], sd)
u[a] ~ normal(0, s1)
v[b] ~ normal(0, s2)
w[c] ~ normal(0, s3)
x[d] ~ normal(0, s4)
r[e] ~ normal(0, s5)
q[f] ~ normal(0, s6)
p[e,d] ~ normal(0, s7)
t[town] ~ flat()
"""


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def boxes(svg: str) -> list[tuple[float, float, float, float]]:
    """Left, top, right and bottom of every box."""
    found = []
    for rect in parsed(svg).iter(f"{SVG}rect"):
        x, y, width, height = (float(rect.attrib[name]) for name in ("x", "y", "width", "height"))
        found.append((x, y, x + width, y + height))
    return found


def words(svg: str) -> list[str]:
    return [text.text or "" for text in parsed(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize("text", [THREE, CROSSED, MANY, "y[i] ~ normal(b, sd)"])
def test_boxes_stand_apart_and_within_the_picture(text: str) -> None:
    svg = hdsl.Model(text).levels.to_svg()
    placed = boxes(svg)
    assert len(placed) == len(hdsl.Model(text).levels.index_sets)
    for number, (left, top, right, bottom) in enumerate(placed):
        for other in placed[number + 1 :]:
            assert right < other[0] or other[2] < left or bottom < other[1] or other[3] < top
    width, height = (float(parsed(svg).attrib[name]) for name in ("width", "height"))
    assert all(left > 0 and top > 0 and right < width and bottom < height for left, top, right, bottom in placed)


@pytest.mark.parametrize("text", [THREE, CROSSED, MANY])
def test_arrows_point_up(text: str) -> None:
    svg = hdsl.Model(text).levels.to_svg()
    paths = [path.attrib["d"] for path in parsed(svg).iter(f"{SVG}path") if " C" in path.attrib["d"]]
    assert len(paths) == hdsl.Model(text).levels.graph.number_of_edges()
    for path in paths:
        heights = [float(y) for y in re.findall(r",(-?[\d.]+)", path)]
        assert heights == sorted(heights, reverse=True)


def test_it_says_what_the_levels_are() -> None:
    shown = words(hdsl.Model(THREE).levels.to_svg({("i",): 7230, ("j",): 60}))
    assert {"[i]", "[j]", "[k]", "class", "school", "7,230", "60", "line 1"} <= set(shown)
    assert "b, z" in shown


def test_crossed_sets_are_marked_and_told() -> None:
    svg = hdsl.Model(CROSSED).levels.to_svg()
    assert "stroke-dasharray" in svg
    assert "crossed, unless the data show them nested" in " ".join(words(svg))
    assert "stroke-dasharray" not in hdsl.Model(THREE).levels.to_svg()


def test_it_has_a_title_and_a_description() -> None:
    root = parsed(hdsl.Model(THREE).levels.to_svg())
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert description is not None
    assert title.text == "Levels: [i], [j], [k]"
    assert description.text == str(hdsl.Model(THREE).levels)
    assert root.attrib["aria-labelledby"].split() == [title.attrib["id"], description.attrib["id"]]


def test_names_are_escaped_and_wide_letters_counted() -> None:
    levels = hdsl.Model('index j = "<b> & \\"学校\\""\ny[i] ~ normal(u[j], sd)\nu[j] ~ normal(0, s)').levels
    assert '<b> & "学校"' in words(levels.to_svg())
    assert cells("学校 e\N{COMBINING ACUTE ACCENT}") == 6


def test_control_characters_do_not_spoil_it() -> None:
    box = Box(name="[i]", count="", lines=("a\x00\x1bb",), kind="rows")
    assert "a\ufffd\ufffdb" in words(draw([box], [], [], [], title="\x01", description="\x02"))


def test_it_is_the_same_each_time_and_needs_nothing_from_elsewhere() -> None:
    first, second = (hdsl.Model(MANY).levels.to_svg() for _ in range(2))
    assert first == second
    assert not re.findall(r"<(?:script|style|image|use|link)|href|url\(|@import", first)
    assert re.findall(r"https?://[^\"]*", first) == ["http://www.w3.org/2000/svg"]


def test_pictures_on_one_page_have_ids_of_their_own() -> None:
    ids = [set(re.findall(r' id="(\w+)"', hdsl.Model(text).levels.to_svg())) for text in (THREE, CROSSED)]
    assert not ids[0] & ids[1]


def test_notebooks_show_it() -> None:
    levels = hdsl.Model(THREE).levels
    assert levels._repr_svg_() == levels._repr_html_() == levels.to_svg()


def test_long_arrows_go_round_boxes() -> None:
    wide = [Box(name=name, count="", lines=("x" * 30,), kind="other") for name in ("[a]", "[b]", "[c]")]
    arrows = [Arrow(finer=a, coarser=b, label="") for a, b in (("[a]", "[b]"), ("[b]", "[c]"), ("[a]", "[c]"))]
    svg = draw(wide, arrows, [], [], title="t", description="d")
    left, top, right, bottom = boxes(svg)[1]
    long = next(p.attrib["d"] for p in parsed(svg).iter(f"{SVG}path") if p.attrib["d"].count(" C") == 2)
    corner = re.findall(r"(-?[\d.]+),(-?[\d.]+)", long)[3]
    assert not (left < float(corner[0]) < right and top < float(corner[1]) < bottom)
