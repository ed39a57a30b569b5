"""Faults of HTTP: requests of the contract's operations, before they are carried out."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import Field, Strict

from mockpbx.contract.errors import ServiceFailure
from mockpbx.runtime.faults.rule import Duration, Fault, Glob, Text, to_ms


class RequestRefused(Exception):
    """The request is answered by an error and not carried out."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


class RequestDropped(Exception):
    """The connection is closed without an answer; the request is not carried out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpFault(Fault):
    """Base of the faults of requests whose path matches `path`, letter case aside, and whose method is `method`."""

    path: Glob = "*"
    method: Literal["GET", "POST"] | None = None

    def concerns(self, what: str) -> bool:
        """Return whether `what`, such as `POST /pbx/call`, is of this path and method."""
        method, _, path = what.partition(" ")
        return self.method in (None, method) and fnmatchcase(path.lower(), self.path.lower())

    def hold(self) -> int:
        """Return how many ms the request has to wait. Raises RequestRefused or RequestDropped."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpDelay(HttpFault):
    """A request is taken up, and so answered, late."""

    seconds: Duration

    def hold(self) -> int:
        """Return the delay."""
        return to_ms(self.seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpError(HttpFault):
    """A request is answered by an error in the contract's envelope, and not carried out."""

    status: Annotated[int, Strict(), Field(ge=400, le=599)] = ServiceFailure.status
    sentence: Text = ServiceFailure.sentence

    def hold(self) -> int:
        """Raise RequestRefused."""
        raise RequestRefused(self.status, self.sentence)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpDrop(HttpFault):
    """A request's connection is closed without an answer, and the request is not carried out."""

    def hold(self) -> int:
        """Raise RequestDropped."""
        raise RequestDropped
