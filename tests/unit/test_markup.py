"""HTML by elements: what is text stays text."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from hdsl.markup import append, element, html, parsed


class Seen(HTMLParser):
    """What a browser would see: tags, attributes, text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: dict[str, str | None] = {}
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= dict(attrs)

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.mark.parametrize(
    "text", ["<b>x</b>", "&amp;", "\"quoted\" 'too'", "</p><script>alert(1)</script>", "größe 年齢 \U0001f600", "a\nb"]
)
def test_text_is_text_and_attributes_are_attributes(text: str) -> None:
    made = html(element("p", text, title=text))
    found = Seen()
    found.feed(made)
    assert found.tags == ["p"]
    assert found.attributes == {"title": text}
    assert "".join(found.text).rstrip("\n") == text


def test_what_html_has_no_character_for_is_replaced() -> None:
    assert html(element("span", "a\x00b\x1bc\ud800d\x9fe")) == "<span>a�b�c�d�e</span>"
    assert html(element("span", title="\x08")) == '<span title="�"></span>'
    html(element("span", "\ud800")).encode("utf-8")


def test_children_are_elements_text_nothing_and_lists_of_them() -> None:
    made = element(
        "p", "a", None, ["b", element("b", "c"), ["d"]], element("i"), "e", class_="x", aria_label="y", id=None
    )
    assert html(made) == '<p class="x" aria-label="y">ab<b>c</b>d<i></i>e</p>\n'


def test_elements_can_be_added_behind_others() -> None:
    made = element("span", element("b", "a"))
    append(made, "c", element("i", "d"))
    assert html(made) == "<span><b>a</b>c<i>d</i></span>"


def test_pictures_keep_their_attributes_and_lose_their_name_spaces() -> None:
    picture = parsed(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><text xml:space="preserve">&lt;b&gt;</text></svg>'
    )
    assert html(picture) == '<svg viewBox="0 0 1 1"><text xml:space="preserve">&lt;b&gt;</text></svg>'


def test_empty_elements_of_html_have_no_end() -> None:
    assert html(element("span", "a", element("br"), "b")) == "<span>a<br>b</span>"
