"""A fault and the conditions under which it strikes: what a test sets, and the API lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field, Strict, StringConstraints, WithJsonSchema

from mockpbx.domain.plan import NUMBER_PATTERN
from mockpbx.domain.scenario import seconds_of

MS_PER_SECOND = 1_000

_SECONDS = {"type": "number", "minimum": 0, "maximum": 86_400}
_PHRASE = {"type": "string", "description": "a duration such as 200ms, 2s or 1m30s"}
Duration = Annotated[
    float,
    Strict(),
    BeforeValidator(seconds_of),
    Field(ge=0, le=86_400, allow_inf_nan=False),
    WithJsonSchema({"anyOf": [_SECONDS, _PHRASE]}),
]
Count = Annotated[int, Strict(), Field(ge=0, le=1_000_000_000)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=1_000)]
Glob = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Numbers = Annotated[str, StringConstraints(pattern=NUMBER_PATTERN)]


def to_ms(seconds: float) -> int:
    """Return seconds in whole milliseconds."""
    return round(seconds * MS_PER_SECOND)


class Fault:
    """Base of all faults. Each family adds the one method that its hook calls."""

    #: Whether what it strikes belongs to a call, so that a rule may name one.
    of_calls: ClassVar[bool] = True

    def concerns(self, what: str) -> bool:
        """Return whether it may strike this: the event's name, or method and path of a request."""
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """Whom a fault strikes, when, and how often; what is left out is no condition. Times are the workspace's.

    `call` is a session id, `number` a pattern of dialled numbers such as 0896*. The rule holds from `after` it was set,
    or from `after_connected` each call's answer, `lasts` long (`for` in JSON). Of what it then concerns, `skip` pass
    first, and then `times` are struck at most, each with this `probability`.
    """

    call: Annotated[Text | None, Field(description="only this call, by its session id")] = None
    number: Annotated[Numbers | None, Field(description="only calls to such numbers: a pattern, 0896*")] = None
    after: Annotated[Duration, Field(description="so long after it was set")] = 0.0
    after_connected: Annotated[Duration | None, Field(description="so long after each call's answer")] = None
    lasts: Annotated[Duration | None, Field(alias="for", description="for so long from then on")] = None
    skip: Annotated[Count, Field(description="let so many pass first")] = 0
    times: Annotated[Count | None, Field(ge=1, description="strike so often at most")] = None
    probability: Annotated[float, Strict(), Field(ge=0, le=1, description="strike this share, by the seed")] = 1.0


ALWAYS = When()


@dataclass(frozen=True, slots=True)
class Rule:
    """One fault, and when it strikes."""

    fault: Fault
    when: When = ALWAYS


@dataclass(frozen=True, slots=True)
class FaultStruck:
    """A fault of this word struck: what it concerned. Of frames, the first in each call is told, and their number."""

    fault: str
    what: str
