"""A YAML or JSON text as a value, and the sentences about what is wrong in it, which name file, line and part."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mockpbx.contract.errors import PBXError
from mockpbx.domain.scenario import Step

if TYPE_CHECKING:  # neither it nor the parser is needed before the first file
    from mockpbx.runtime.files.outline import Outline

LARGEST = 1_000_000  # characters of a file

# What the parser takes without a word, and should not: it ends a text at a NUL, and exhausts the stack on a deep
# nesting and the memory on a billion laughs.
_CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
_NESTED = r"(?m)^(?:[-?:]?[ \t]){64}|(?:[-?:][ \t]+){16}"
_ANCHOR = r"(?<![\w\"'])&\S"
_ALIAS = r"(?<![\w\"'])\*\S"

_BROKEN = r"(?s)YAML parse error: (?P<what>.*) at byte \d+ line (?P<line>\d+) column (?P<column>\d+)"


class ScenarioError(PBXError):
    """A scenario or a dial plan that cannot be used: its sentence names the file, the line, and the step or rule."""


#: Finds what a step names and tries whether it can be had. Raises a PBXError where it cannot.
Sounds = Callable[[Step], Step]


def as_it_is(step: Step) -> Step:
    """Return a step whose sounds nobody tries before it is taken."""
    return step


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands, as errors name it; `outline` is None for a value that came without a text.

    `sounds` finds and tries what the steps of this document name.
    """

    file: str
    outline: Outline | None = None
    trail: tuple[str, ...] = ()
    sounds: Sounds = as_it_is

    def part(self, key: str | int, label: str = "") -> Place:
        """Return the place of a value's part, where `label` is worth naming as one more stop of the way there."""
        part = None if self.outline is None else self.outline.part(key)
        return replace(self, outline=part, trail=(*self.trail, label) if label else self.trail)

    def labelled(self, label: str) -> Place:
        """Return this place with another name for its last stop."""
        return replace(self, trail=(*self.trail[:-1], label))

    def error(self, sentence: str) -> ScenarioError:
        """Return the error that something is wrong here."""
        line = () if self.outline is None else (f"line {self.outline.line}",)
        return ScenarioError(f"{', '.join((self.file, *line, *self.trail))}: {sentence}")


def read_file(path: Path, name: str) -> str:
    """Return a file's text. Raises ScenarioError where it cannot be read, is not UTF-8 or is too long."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            return _of_usable_length(file.read(LARGEST + 1), name)
    except OSError as error:
        raise Place(name).error(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise Place(name).error(f"expected text in UTF-8, got the byte 0x{error.object[error.start]:02x}") from None


def read_document(text: str, name: str, sounds: Sounds = as_it_is) -> tuple[object, Place]:
    """Return the value of a YAML or JSON text, None for an empty one, and its place. Raises ScenarioError."""
    from mockpbx.runtime.files.outline import DuplicateKey, outline

    text = _of_usable_length(text, name).removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    value = _parse(text, name)
    try:
        return value, Place(name, outline(text), sounds=sounds)
    except DuplicateKey as twice:
        sentence = f"{plain(twice.key)} stands here for the second time (first in line {twice.first})"
        raise _at(name, twice.line).error(sentence) from None


def written(value: object) -> str:
    """Return a JSON value as YAML in blocks, which `read_document` reads as that value."""
    from yaml12 import format_yaml

    text = f"{format_yaml(value, width=None)}\n"
    try:
        same = _parse(text, "") == value
    except ScenarioError:
        same = False
    # JSON where the text looks as if it had what is not read: an alias, a deep nesting.
    return text if same else f"{json.dumps(value, ensure_ascii=False, indent=2)}\n"


def _of_usable_length(text: str, name: str) -> str:
    if len(text) > LARGEST:
        raise Place(name).error(f"expected at most {LARGEST:,} characters; split it")
    return text


def _parse(text: str, name: str) -> object:
    if text.lstrip()[:1] in ("[", "{"):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            pass  # YAML in brackets, or broken JSON: then YAML's sentence names the line, too
    for pattern, sentence in (
        (_CONTROL, "control characters are not read; remove them"),
        (_NESTED, "nested or indented too deeply"),
    ):
        if found := re.search(pattern, text):
            raise _at(name, _line(text, found)).error(sentence)
    if (alias := re.search(_ALIAS, text)) and re.search(_ANCHOR, text):
        raise _at(name, _line(text, alias)).error("aliases (*name) are not read; write out what they stand for")
    return _parse_yaml(text, name)


def _parse_yaml(text: str, name: str) -> object:
    from yaml12 import parse_yaml

    try:
        documents = parse_yaml(text, multi=True)
    except ValueError as error:
        broken = re.match(_BROKEN, str(error))
        if broken is None:
            raise Place(name).error(f"not YAML: {error}") from None
        line = min(int(broken["line"]), text.rstrip("\n").count("\n") + 1)  # what is missing at the end, misses there
        what = " ".join(broken["what"].split())
        raise _at(name, line).error(f"not YAML: {what} (column {broken['column']})") from None
    if len(documents) > 1:
        raise Place(name).error("expected one document, got several; remove the lines --- between them")
    return documents[0] if documents else None


def _at(name: str, line: int) -> Place:
    from mockpbx.runtime.files.outline import Outline

    return Place(name, Outline(line))


def _line(text: str, found: re.Match[str]) -> int:
    return text.count("\n", 0, found.start()) + 1


# --- words of the sentences ------------------------------------------------------------------------------------------


def check_fields(value: dict[object, object], known: Collection[str], place: Place) -> None:
    """Refuse a mapping's keys that are not among the known ones. Raises ScenarioError."""
    for key in value:
        if key not in known:
            raise place.part(str(key)).error(f"{plain(key)}: no such field{hint(key, known)}")


def hint(word: object, known: Collection[str]) -> str:
    """Return the end of a sentence about an unknown word: the nearest known one, or all of them."""
    from difflib import get_close_matches

    if not known:
        return ""
    near = get_close_matches(str(word)[:64], known, 1)
    return f"; did you mean {near[0]}?" if near else f"; expected {listed(known)}"


def listed(words: Collection[str], last: str = "or") -> str:
    """Return words as `a, b or c`."""
    *most, final = words or ("",)
    return f"{', '.join(most)} {last} {final}" if most else final


def plain(word: object) -> str:
    """Return a word of the user's as it is where it is one, and otherwise what it is."""
    return word if isinstance(word, str) and word.isprintable() and 0 < len(word) <= 40 else shown(word)


def shown(value: object) -> str:
    """Return a few words on one line that say what a value is."""
    match value:
        case None:
            return "nothing"
        case str():
            return json.dumps(value if len(value) <= 40 else value[:37] + "...", ensure_ascii=not value.isprintable())
        case bool():
            return json.dumps(value)
        case int() | float():
            return f"the number {value}" if abs(value) < 1e15 else "a number beyond measure"
        case list() | tuple():
            return "a list"
        case dict():
            return "a mapping"
        case _:
            return "a tagged value"
