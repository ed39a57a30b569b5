"""Questions to a journal, and answers that say whether they are complete."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from mockpbx.contract.errors import InvalidRequest
from mockpbx.domain import events
from mockpbx.media import facts
from mockpbx.runtime import entries
from mockpbx.runtime.faults import FaultStruck
from mockpbx.runtime.files.document import hint, shown
from mockpbx.runtime.journal import Entry, Excerpt, Journal
from mockpbx.runtime.journal_lines import Line, line_of, names_of
from mockpbx.runtime.workspace import Workspace

#: Entries that are looked at before the calls get their turn.
BREATH = 100

_POSITION = re.compile(r"(?:(?P<started>\d{1,18})-)?(?P<number>\d{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Position:
    """Behind the entry of a number, in the journal that `started` then; None: in whichever there is."""

    started: int | None
    number: int

    def __str__(self) -> str:
        return f"{self.started}-{self.number}"

    @classmethod
    def read(cls, text: str | None) -> Position:
        """Return what `after` says, the beginning where it says nothing. Raises InvalidRequest."""
        match = _POSITION.fullmatch(text or "0")
        if match is None:
            raise InvalidRequest(
                "after is not valid: expected the `next` of a reply, an id of the stream or an entry's number, "
                f"got {shown(text)}"
            )
        return cls(None if match["started"] is None else int(match["started"]), int(match["number"]))


@dataclass(frozen=True, slots=True)
class Question:
    """Which entries are asked for: those after a position, of one call, of some kinds."""

    after: Position
    call: str | None = None
    kinds: frozenset[str] = frozenset()

    @classmethod
    def of(cls, after: str | None, call: str | None, kinds: Collection[str]) -> Question:
        """Return the question that a request asks. Raises InvalidRequest."""
        for kind in kinds:
            if kind not in known_kinds():
                raise InvalidRequest(f"No fact is of kind {shown(kind)}{hint(kind, known_kinds())}")
        return cls(Position.read(after), call, frozenset(kinds))

    def about(self, entry: Entry) -> bool:
        """Return whether an entry is of this call and these kinds."""
        return self.call in (None, entry.session_id) and (not self.kinds or entry.kind in self.kinds)

    def behind(self, after: Position) -> Question:
        """Return the same question about what comes after another position."""
        return replace(self, after=after)


EVERYTHING = Question(Position(None, 0))


@dataclass(frozen=True, slots=True)
class Answer:
    """The entries after a question's position, those of other calls and kinds among them.

    `truncated` tells that entries which are asked for may be gone. `journal` is as it was then.
    """

    entries: list[Entry]
    truncated: bool
    started: int
    first: int
    last: int

    @classmethod
    def of(cls, excerpt: Excerpt, journal: Journal) -> Answer:
        """Return what an excerpt of a journal says, which has just been made."""
        return cls(excerpt.entries, excerpt.truncated, journal.started, journal.first, journal.next - 1)

    @property
    def end(self) -> Position:
        """The position behind all of it."""
        return Position(self.started, self.last)


def answer(workspace: Workspace, question: Question) -> Answer:
    """Return what a workspace's journal says to a question."""
    journal, after = workspace.journal, question.after
    foreign = after.started not in (None, journal.started) or after.number >= journal.next
    begin = 0 if foreign else after.number
    view = None if question.call is None else workspace.calls.find(question.call)
    # Of a call that is known, nothing is gone as long as its first entry is there; of any other nobody can tell but
    # who has followed this very journal: it may have been another's, before the workspace was forgotten.
    oldest = begin + 1 if view is None else max(begin + 1, view.entries[0].number)
    unsure = view is None and (foreign or (question.call is not None and after.started is None))
    first = journal.first
    gone = oldest < first or unsure
    return Answer(journal.after(begin).entries, gone, journal.started, first, journal.next - 1)


async def breathing(entries: list[Entry]) -> AsyncIterator[Entry]:
    """Go through entries; every now and then the event loop gets its turn, and the calls their 20 ms."""
    for index, entry in enumerate(entries):
        if index % BREATH == BREATH - 1:
            await asyncio.sleep(0)
        yield entry


async def page(
    workspace: Workspace, question: Question, limit: int, wanted: Callable[[Line], bool] = lambda line: True
) -> tuple[dict[str, Any], bool]:
    """Return one page of a journal (`messages.JournalPage`), and whether there is more behind it."""
    return await page_of(answer(workspace, question), question, limit, wanted)


async def page_of(
    found: Answer, question: Question, limit: int, wanted: Callable[[Line], bool] = lambda line: True
) -> tuple[dict[str, Any], bool]:
    """Return what is asked for of an answer as one page, and whether there is more behind it."""
    lines: list[Line] = []
    async for entry in breathing(found.entries):
        if question.about(entry) and wanted(line := line_of(entry)):
            if len(lines) == limit:
                return _page(found, lines, Position(found.started, lines[-1]["number"])), True
            lines.append(line)
    return _page(found, lines, found.end), False


def _page(found: Answer, lines: list[Line], end: Position) -> dict[str, Any]:
    return {"entries": lines, **edges(found, end)}


def edges(found: Answer, end: Position) -> dict[str, Any]:
    """Return what every answer tells of the journal itself."""
    return {"next": str(end), "first": found.first, "started": found.started, "truncated": found.truncated}


# --- kinds and patterns ----------------------------------------------------------------------------------------------


@cache
def known_kinds() -> dict[str, type]:
    """Return every kind of fact by its name."""
    return {kind.__name__: kind for kind in (*_declared(events), *_declared(facts), *_declared(entries), FaultStruck)}


def _declared(module: Any) -> Iterator[type]:
    for kind in vars(module).values():
        if isinstance(kind, type) and kind.__module__ == module.__name__ and kind not in (events.Event, facts.Ledger):
            yield kind  # the two are parts of facts


def pattern_of(pattern: dict[str, Any], kinds: Collection[str]) -> Callable[[Line], bool]:
    """Return what tells whether a line's `data` has all of a pattern. Raises InvalidRequest for a field of no fact."""
    asked = [kind for name, kind in known_kinds().items() if not kinds or name in kinds]
    known = sorted({shown_as for kind in asked for _, shown_as in names_of(kind)})
    for name in pattern:
        if name not in known:
            raise InvalidRequest(f"No such fact has {shown(name)} in its data{hint(name, known or ['no field'])}")
    return lambda line: matches(line["data"], pattern)


def matches(value: object, pattern: object) -> bool:
    """Return whether a value has all of a pattern; in its strings `*` stands for anything, and `\\*` for itself."""
    match pattern:
        case dict():
            return isinstance(value, dict) and all(n in value and matches(value[n], p) for n, p in pattern.items())
        case list():
            return isinstance(value, list) and len(value) == len(pattern) and all(map(matches, value, pattern))
        case str():
            return isinstance(value, str) and fits(value, pattern)
        case _:
            return value == pattern and isinstance(value, bool) is isinstance(pattern, bool)


def fits(text: str, pattern: str) -> bool:
    """Return whether a text is as a pattern says; in time that grows with their lengths alone."""
    first, *others = [part.replace(r"\*", "*") for part in re.split(r"(?<!\\)\*", pattern)]
    if not others:
        return text == first
    if not text.startswith(first):
        return False
    at = len(first)
    for part in others[:-1]:
        found = text.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return len(text) - at >= len(others[-1]) and text.endswith(others[-1])
