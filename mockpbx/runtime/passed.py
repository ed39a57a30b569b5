"""Messages between a workspace's clients and its service, and the runs of sound that become one message each."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Literal

from mockpbx.contract.channels import EVENT_OF
from mockpbx.contract.messages import CalleeAudio
from mockpbx.runtime.shortened import shortened

Direction = Literal["in", "out"]

AUDIO = EVENT_OF[CalleeAudio]
#: Names of audio formats that a run tells of.
MOST_FORMATS = 8
#: Memory of a message without its texts, in bytes, about.
OVERHEAD = 600


@dataclass(slots=True)
class Passed:
    """One message, a request of REST with its reply, or a run of sound.

    `at` and `until` are virtual ms of its beginning and its end, `wall` is the wall time of the former. `payload` and
    `reply` are JSON text (see `shortened`): a run has the payload of its first message and its last acknowledgment.
    `client` is the one socket that sent or got it, `clients` how many got it, `ms` the wall time that a reply took.
    `number` is None as long as a run grows.
    """

    at: int
    until: int
    wall: int
    direction: Direction
    via: Literal["rest", "socket"]
    name: str
    call: str | None
    number: int | None = None
    client: str | None = None
    clients: int | None = None
    payload: str | None = None
    reply: str | None = None
    shortened: bool = False
    status: int | None = None
    ms: float | None = None
    count: int = 1
    bytes: int = 0
    formats: tuple[str, ...] = ()
    refused: int = 0
    acks: int | None = None
    error: str | None = None
    written: int = 0  # wall ms

    def say(self, payload: object, reply: object) -> None:
        """Keep what it said and what was replied; None where there was nothing."""
        if payload is not None:
            self.payload, self.shortened = shortened(payload)
        if reply is not None:
            self.reply, cut = shortened(reply)
            self.shortened |= cut

    @property
    def size(self) -> int:
        """The memory that it takes in bytes, about."""
        return OVERHEAD + sum(sys.getsizeof(text) for text in (self.name, self.payload, self.reply) if text)


@dataclass(slots=True)
class Run:
    """Sound that is still being sent, of one call and direction.

    `each` is the size of a message in bytes where all are alike: then `count` is all there is to count.
    """

    direction: Direction
    call: str | None
    at: int
    wall: int
    each: int = 0
    client: str | None = None
    payload: str | None = None
    shortened: bool = False
    count: int = 0
    until: int | None = None
    odd: int = 0  # bytes beyond those
    refused: int = 0
    error: str | None = None
    acks: int = 0
    ack: object = None  # the last one
    formats: dict[str, None] = field(default_factory=dict)

    def add(self, payload: object, size: int, audio_format: object) -> None:
        """Count one more message."""
        if not self.count:
            self.payload, self.shortened = shortened(payload)
        self.add_known(size)
        if isinstance(audio_format, str) and audio_format not in self.formats and len(self.formats) < MOST_FORMATS:
            self.formats[audio_format[:16]] = None

    def has(self, client: str, audio_format: str) -> bool:
        """Whether one more message of a client's, in that format, would tell nothing new but its size."""
        return self.client == client and audio_format in self.formats

    def add_known(self, size: int, now: int | None = None) -> None:
        """Count such a message, sent `now` where that matters."""
        self.count += 1
        self.odd += size - self.each
        self.until = now

    def acknowledged(self, ack: object) -> None:
        """Note that an acknowledgment has left."""
        self.acks += 1
        self.ack = ack

    def begin(self, at: int, wall: int) -> None:
        """Count anew from here on."""
        self.at, self.wall, self.count, self.odd = at, wall, 0, 0

    def passed(self, now: int) -> Passed:
        """Return it as the message that it is up to now."""
        until = now if self.until is None else self.until
        message = Passed(self.at, until, self.wall, self.direction, "socket", AUDIO, self.call, client=self.client)
        message.say(None, self.ack)
        message.payload = self.payload
        message.shortened |= self.shortened
        message.count = self.count
        message.bytes = self.each * self.count + self.odd
        message.formats = tuple(self.formats)
        message.refused, message.error = self.refused, self.error
        message.acks = self.acks if self.direction == "in" else None
        return message
