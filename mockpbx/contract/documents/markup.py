"""HTML from values and from the documents' Markdown: everything that goes in is escaped."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator

from mockpbx.contract.documents.prose import SILENT


class Markup(str):
    """A string that is HTML already."""

    __slots__ = ()


def text(value: object) -> Markup:
    """Return a value as HTML: markup as it is, anything else escaped."""
    return value if isinstance(value, Markup) else Markup(html.escape(str(value)))


def tag(name: str, *inside: object, **attributes: object) -> Markup:
    """Return an element; `class_` stands for `class`, and None leaves an attribute out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{given}>{joined(inside)}</{name}>")


def joined(parts: Iterable[object]) -> Markup:
    """Return parts one after the other."""
    return Markup("".join(text(part) for part in parts))


def table(heads: Iterable[object], rows: Iterable[Iterable[object]], **attributes: object) -> Markup:
    """Return a table that scrolls by itself where it is too wide."""
    head = tag("tr", *(tag("th", each, scope="col") for each in heads))
    body = (tag("tr", *(tag("td", cell) for cell in row)) for row in rows)
    return tag("div", tag("table", tag("thead", head), tag("tbody", *body), **attributes), class_="scroll", tabindex=0)


def inline(sentence: str) -> Markup:
    """Return a sentence in which words between backticks are code."""
    parts = sentence.split("`")
    return joined(tag("code", part) if index % 2 else part for index, part in enumerate(parts))


def markdown(source: str) -> Markup:
    """Return blocks of Markdown as HTML: paragraphs, lists, numbered lists and tables, with code in them."""
    return joined(_block(block) for block in source.split("\n\n") if block.strip())


def sections(source: str) -> Iterator[tuple[str, str]]:
    """Yield the sections of a Markdown text with their headings of the second level; the first has none."""
    head, *rest = re.split(r"(?m)^## (.+)\n", source)
    yield "", head
    yield from zip(rest[::2], rest[1::2], strict=True)


def _block(block: str) -> Markup:
    lines = block.strip().splitlines()
    if lines[0].startswith("|"):
        heads, _, *rows = ([inline(cell.strip()) for cell in line.strip("|").split("|")] for line in lines)
        return table(heads, rows)
    if re.match(r"- |\d+\. ", lines[0]):
        items = re.split(r"(?m)^(?:- |\d+\. )", block.strip())[1:]
        kind = "ul" if lines[0].startswith("- ") else "ol"
        return tag(kind, *(tag("li", inline(" ".join(item.split()))) for item in items))
    return tag("p", inline(" ".join(lines)), class_="silent" if block.strip() == SILENT else None)
