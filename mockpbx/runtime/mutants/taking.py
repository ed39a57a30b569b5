"""How the service's obedience to its clients' events is broken: the classes that several areas share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mockpbx.runtime.mutants.mutation import Mutation

Carried = Sequence[tuple[int, object]]


@dataclass
class Ignored(Mutation):
    """Such events of a client have no effect; audio is acknowledged as ever."""

    event: str

    def incoming(self, event: str, payload: object) -> Carried:
        """Carry nothing out."""
        return [] if event == self.event else [(0, payload)]


@dataclass
class Postponed(Mutation):
    """Such events of a client take effect `ms` late."""

    event: str
    ms: int

    def incoming(self, event: str, payload: object) -> Carried:
        """Put it off."""
        return [(self.ms if event == self.event else 0, payload)]


@dataclass
class Misread(Mutation):
    """A field of such events of a client is taken for another value: `change` makes it of the one that was sent.

    It strikes only events where the fields `where` are so.
    """

    event: str
    name: str
    change: Callable[[Any], Any]
    where: Mapping[str, object] = field(default_factory=dict)

    def incoming(self, event: str, payload: object) -> Carried:
        """Change the field, where it was sent."""
        if event != self.event or not isinstance(payload, dict) or self.name not in payload:
            return [(0, payload)]
        if all(payload.get(name) == value for name, value in self.where.items()):
            return [(0, payload | {self.name: self.change(payload[self.name])})]
        return [(0, payload)]


@dataclass
class Forced(Mutation):
    """Such events of a client are carried out with these fields, whatever was sent in them."""

    event: str
    fields: Mapping[str, object]

    def incoming(self, event: str, payload: object) -> Carried:
        """Put the fields in place."""
        if event == self.event and isinstance(payload, dict):
            return [(0, payload | dict(self.fields))]
        return [(0, payload)]
