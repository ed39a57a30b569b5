"""One call in a person's hand: loaded when one is picked up, since an idle server needs no numpy."""

from __future__ import annotations

from typing import Literal, Protocol

from mockpbx.media.handset import Microphone
from mockpbx.media.line import Line
from mockpbx.media.pcm import mixed, to_bytes
from mockpbx.media.playout import Frame
from mockpbx.media.sources import Silence

Farewell = Literal["taken", "ended", "clock"]

_SILENCE = Silence()


class Page(Protocol):
    """Where a person sits who holds a handset. None of its methods waits for anything."""

    def hear(self, frame: bytes) -> None:
        """Take 20 ms of the call, 320 bytes."""

    def voice(self, talking: bool) -> None:
        """Learn whether the person is what the client hears from here on, or something else is."""

    def dismiss(self, why: Farewell, sentence: str) -> None:
        """Learn that the handset is not its own any more."""


class Handset:
    """One call in a person's hand. It is `talking` while nothing else speaks in the person's place."""

    def __init__(self, session_id: str, line: Line, page: Page, *, wanted: bool) -> None:
        self.session_id = session_id
        self.line = line
        self.page = page
        self.microphone = Microphone()
        self.wanted = wanted  # the person asked to talk, and no scenario was asked for since
        self.told = False  # what the page knows of `talking`

    @property
    def talking(self) -> bool:
        """Whether the client hears the microphone, or will from the answer on."""
        return self.line.source is self.microphone

    def rest(self, *, wanted: bool) -> None:
        """Speak wherever nothing else does, if that is `wanted`; otherwise be silent there."""
        self.line.rest(self.microphone if wanted else _SILENCE)

    def hear(self, heard: Frame, said: Frame) -> None:
        """Let the person hear 20 ms: who talks hears the client, as a callee does; who listens hears both sides."""
        alone = self.talking or said.silent
        self.page.hear(heard.data if alone else to_bytes(mixed(heard.sound, said.sound)))
