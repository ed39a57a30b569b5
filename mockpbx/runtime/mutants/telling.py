"""How the events that leave are broken: the classes that several areas share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mockpbx.contract.messages import Message
from mockpbx.runtime.journal import Entry
from mockpbx.runtime.mutants.mutation import Mutation, Payload

Events = Sequence[tuple[str, Payload]]
Told = Sequence[tuple[int, Message]]


@dataclass
class Of(Mutation):
    """Base of what strikes events of one name, of these only where all of the fields `where` are so."""

    event: str
    where: Mapping[str, object] = field(default_factory=dict)

    def events(self, event: str, payload: Payload) -> Events:
        """Change the events that this is about."""
        if event != self.event or any(payload.get(name) != value for name, value in self.where.items()):
            return [(event, payload)]
        return self.changed(payload)

    def changed(self, payload: Payload) -> Events:
        """Return what leaves in place of such an event."""
        raise NotImplementedError


@dataclass
class Lost(Of):
    """Such events never leave."""

    def changed(self, payload: Payload) -> Events:
        """Return none."""
        return []


@dataclass
class Twice(Of):
    """Such events leave twice."""

    def changed(self, payload: Payload) -> Events:
        """Return two."""
        return [(self.event, payload)] * 2


@dataclass
class Renamed(Of):
    """Such events bear another name."""

    name: str = ""

    def changed(self, payload: Payload) -> Events:
        """Return the event by its new name."""
        return [(self.name, payload)]


@dataclass
class Rewritten(Of):
    """A field of such events has another value: `change` makes it of the right one."""

    name: str = ""
    change: Callable[[Any], Any] = str

    def changed(self, payload: Payload) -> Events:
        """Return the event with the field changed."""
        return [(self.event, payload | {self.name: self.change(payload[self.name])})]


@dataclass
class Without(Of):
    """A field is missing from such events."""

    name: str = ""

    def changed(self, payload: Payload) -> Events:
        """Return the event without the field."""
        return [(self.event, without(payload, self.name))]


@dataclass
class Refielded(Of):
    """A field of such events bears another name."""

    name: str = ""
    other: str = ""

    def changed(self, payload: Payload) -> Events:
        """Return the event with the field renamed."""
        return [(self.event, {self.other if name == self.name else name: value for name, value in payload.items()})]


@dataclass
class Behind(Of):
    """Such events leave right behind the next event `then` of their session, whose fields `after` are so.

    Where none comes, they leave before the call's hangup.
    """

    then: str = ""
    after: Mapping[str, object] = field(default_factory=dict)
    _held: dict[object, Payload] = field(default_factory=dict)

    def events(self, event: str, payload: Payload) -> Events:
        """Hold such an event, and let it leave behind the other."""
        leaving = list(super().events(event, payload))
        comes = event == self.then and all(payload.get(name) == value for name, value in self.after.items())
        ends = event == "hangup" != self.event
        if (comes or ends) and payload["sessionId"] in self._held:
            held = (self.event, self._held.pop(payload["sessionId"]))
            return [held, *leaving] if ends else [*leaving, held]
        return leaving

    def changed(self, payload: Payload) -> Events:
        """Hold it."""
        self._held[payload["sessionId"]] = payload
        return []


@dataclass
class Late(Mutation):
    """Messages of a kind leave `ms` late, of these only where the field values `where` are so."""

    kind: type[Message]
    ms: int
    where: Mapping[str, object] = field(default_factory=dict)

    def messages(self, entry: Entry, message: Message | None) -> Told:
        """Delay such messages."""
        if isinstance(message, self.kind) and all(getattr(message, name) == v for name, v in self.where.items()):
            return [(self.ms, message)]
        return super().messages(entry, message)


def without(payload: Payload, *names: str) -> Payload:
    """Return a payload without some of its fields."""
    return {name: value for name, value in payload.items() if name not in names}
