"""HTML from values: every string that goes in is escaped."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable

from mockpbx.evidence.page.words import visible


class Markup(str):
    """A string that is HTML already."""

    __slots__ = ()


def text(value: object) -> Markup:
    """Return a value as HTML: markup as it is, anything else escaped, its control characters spelt out."""
    return value if isinstance(value, Markup) else Markup(html.escape(visible(str(value))))


def tag(name: str, *inside: object, **attributes: object) -> Markup:
    """Return an element. `class_` and `data_at` stand for `class` and `data-at`; None leaves an attribute out."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{given}>{joined(inside)}</{name}>")


def prose(sentence: str) -> Markup:
    """Return a sentence of ours, in which words between backticks are code."""
    parts = sentence.split("`")
    return joined(tag("code", part) if index % 2 else part for index, part in enumerate(parts))


def joined(parts: Iterable[object]) -> Markup:
    """Return parts one after the other."""
    return Markup("".join(text(part) for part in parts))


def table(caption: str, heads: Iterable[object], rows: Iterable[Iterable[object]], **attributes: object) -> Markup:
    """Return a table of cells; its rows' first cells head them."""
    head = tag("tr", *(tag("th", each, scope="col") for each in heads))
    body = (tag("tr", *(tag("td", cell) for cell in row)) for row in rows)
    return tag("table", tag("caption", caption), tag("thead", head), tag("tbody", *body), **attributes)


def moment(ms: int | None) -> Markup:
    """Return a moment of the call, in ms since it was placed, as a button that goes there; a dash for None."""
    if ms is None:
        return Markup("—")
    shown = f"{ms / 1_000:.3f}"
    return tag("button", shown, type="button", class_="at", data_at=ms, aria_label=f"go to {shown} s")


def json_text(value: object) -> str:
    """Return JSON that may stand inside a script element: no `<`, `>` or `&` in it."""
    written = json.dumps(value, separators=(",", ":"))
    return written.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
