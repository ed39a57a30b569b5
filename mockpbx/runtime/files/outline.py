"""The lines on which the values of a YAML or JSON text begin, which the YAML parser does not tell.

The scan follows indentation, dashes, keys, brackets and quotes, and makes nothing of the values. It is meant for a text
that the parser has taken already; in YAML's rare corners (explicit keys, tagged collections) it knows fewer parts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

# No possessive quantifiers: Python 3.11.2, which Debian 12 has, gets them wrong where a group repeats.
_COMMON = r"""
    (?P<skip>  \s+ | \#[^\n]* | ^(?:---|\.\.\.)(?=\s|\Z) | ^%[^\n]* )
  | (?P<open>  [\[{] )
  | (?P<quoted> "[^"\\]*(?:\\.[^"\\]*)*" | '[^']*(?:''[^']*)*' )
"""
_IN_BLOCK = re.compile(
    _COMMON
    + r"""
  | (?P<dash>  -(?=\s|\Z) )
  | (?P<plain> \S(?:(?!:(?:\s|\Z)|\s\#)[^\n])* )""",
    re.M | re.S | re.X,
)
_IN_FLOW = re.compile(
    _COMMON
    + r"""
  | (?P<close> [\]}] )
  | (?P<comma> , )
  | (?P<plain> \S(?:(?!:(?:[\s,\[\]{}]|\Z)|\s\#)[^\n,\[\]{}])* )""",
    re.M | re.S | re.X,
)
_AFTER_KEY = re.compile(r"[ \t]*:(?=\s|\Z)")
_AFTER_FLOW_KEY = re.compile(r"\s*:")
_LINE = re.compile(r"\n( *)([^\n]*)")


class DuplicateKey(ValueError):
    """A mapping has a key twice; the parser would take the second without a word."""

    def __init__(self, key: str, line: int, first: int) -> None:
        super().__init__(key)
        self.key, self.line, self.first = key, line, first


@dataclass(slots=True)
class Outline:
    """Where a value begins (lines count from 1), and its parts by key or by index from 0."""

    line: int
    parts: dict[str | int, Outline] = field(default_factory=dict)

    def part(self, key: str | int) -> Outline:
        """Return a part, or a stand-in on this line for one that the scan does not know."""
        return self.parts.get(key) or Outline(self.line)


@dataclass(slots=True)
class _Open:
    """A collection that is being read, and the key or index of its part that comes next."""

    outline: Outline
    kind: Literal["text", "-", ":", "[", "{", "pair"]
    column: int = -1  # of the dashes or keys in a block
    key: str | int = 0

    @property
    def flow(self) -> bool:
        return self.kind in ("[", "{", "pair")

    def begin(self, line: int) -> Outline:
        """Return the part that comes next; it begins here unless its dash or key began it."""
        return self.outline.parts.setdefault(self.key, Outline(line))

    def name(self, key: str, line: int) -> None:
        if key in self.outline.parts:
            raise DuplicateKey(key, line, self.outline.parts[key].line)
        self.outline.parts[key] = Outline(line)
        self.key = key


def outline(text: str) -> Outline:
    """Return the outline of a text with `\\n` for line ends. Raises DuplicateKey."""
    scan = _Scan(text)
    while scan.position < len(text):
        scan.step()
    return scan.stack[0].begin(1)


class _Scan:
    """One reading of a text: where it is, and the collections that are open there."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.line = 1
        self.stack = [_Open(Outline(1), "text")]

    def step(self) -> None:
        """Read one token."""
        flow = self.stack[-1].flow
        token = (_IN_FLOW if flow else _IN_BLOCK).match(self.text, self.position)
        assert token is not None  # whatever is no space begins a plain scalar
        start, line = token.start(), self.line
        self._move(token.end())
        match token.lastgroup:
            case "dash":
                self._item(line, self._column(start))
            case "open":
                self.stack.append(_Open(self.stack[-1].begin(line), "[" if token[0] == "[" else "{"))
            case "close":
                self._end_pair()
                self.stack.pop()
            case "comma":
                self._end_pair()
                if self.stack[-1].kind == "[":
                    self.stack[-1].key = len(self.stack[-1].outline.parts)
            case "quoted" | "plain":
                self._scalar(token[0], token.lastgroup == "quoted", line, self._column(start))

    def _scalar(self, text: str, quoted: bool, line: int, column: int) -> None:
        flow = self.stack[-1].flow
        colon = (_AFTER_FLOW_KEY if flow else _AFTER_KEY).match(self.text, self.position)
        if colon:
            self._move(colon.end())
            (self._flow_key if flow else self._block_key)(text[1:-1] if quoted else text.rstrip(), line, column)
        else:
            self.stack[-1].begin(line)
            if not flow:
                self._skip_rest()

    def _item(self, line: int, column: int) -> None:
        while self.stack[-1].column > column:
            self.stack.pop()
        top = self.stack[-1]
        if top.kind == "-" and top.column == column:
            top.key = len(top.outline.parts)
        else:
            self.stack.append(_Open(top.begin(line), "-", column))
        self.stack[-1].begin(line)

    def _block_key(self, key: str, line: int, column: int) -> None:
        # A list may stand at the column of the key that it belongs to; the next key there ends it.
        while (top := self.stack[-1]).column > column or (top.column == column and top.kind == "-"):
            self.stack.pop()
        if top.column < column:
            self.stack.append(_Open(top.begin(line), ":", column))
        self.stack[-1].name(key, line)

    def _flow_key(self, key: str, line: int, column: int) -> None:
        if self.stack[-1].kind == "[":  # [ring: 2s]: a mapping of one key without braces
            self.stack.append(_Open(self.stack[-1].begin(line), "pair"))
        self.stack[-1].name(key, line)

    def _end_pair(self) -> None:
        if self.stack[-1].kind == "pair":
            self.stack.pop()

    def _skip_rest(self) -> None:
        """Skip a scalar's further lines: all that are deeper than the collection it is in."""
        end = self.text.find("\n", self.position)
        column = self.stack[-1].column
        while end >= 0 and (line := _LINE.match(self.text, end)) and (not line[2] or len(line[1]) > column):
            end = line.end() if line.end() < len(self.text) else -1
        self._move(end if end >= 0 else len(self.text))

    def _move(self, position: int) -> None:
        self.line += self.text.count("\n", self.position, position)
        self.position = position

    def _column(self, position: int) -> int:
        return position - self.text.rfind("\n", 0, position) - 1
