"""What the sandbox page asks for beside what tests do: numbers, plans to check, and calls as they sound."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, JsonValue

from mockpbx.adapters.control.messages import Body
from mockpbx.contract.messages import Message
from mockpbx.runtime.cadence import Pacing

#: Calls in one request: more than a page shows at once.
MOST_CALLS = 300


class NumberAbout(Message):
    """A number with a fixed behaviour."""

    number: str
    about: Annotated[str, Field(description="what it does, and the cause that its call ends with")]
    cause: int | None
    steps: Annotated[list[JsonValue], Field(description="of its scenario; none where no call comes to be")]


class Numbers(Message):
    """The magic numbers."""

    numbers: list[NumberAbout]


class PlanToCheck(Body):
    """A dial plan as its file has it, or such a file's text."""

    plan: JsonValue = None
    yaml: str | None = None


def _few(calls: dict[str, int]) -> dict[str, int]:
    if len(calls) > MOST_CALLS:
        raise ValueError(f"expected at most {MOST_CALLS} calls")
    return calls


class PulseOf(Body):
    """Which calls, each with the number of the last frame that is known already: 0 for none."""

    calls: Annotated[dict[str, Annotated[int, Field(ge=0)]], AfterValidator(_few)] = Field(default_factory=dict)


Peaks = Annotated[list[int], Field(description="0 to 255 per frame of 20 ms")]


class CallPulse(Message):
    """How a call sounded in its last frames, as far as it is recorded.

    `callee` is what was said to the client, `client` what was heard of it, `queue` the ms of its sound that waited.
    """

    status: str
    frames: Annotated[int, Field(description="since the answer; of an ended call, those that were recorded")]
    queue_ms: Annotated[float, Field(description="what waits to be heard by the callee, in ms")]
    refused: Annotated[int, Field(description="audio messages of its client that were refused; 0 once it has ended")]
    unread: Annotated[int, Field(description="bytes that wait for the slowest of its clients")]
    pacing: Annotated[Pacing | None, Field(description="how late the emulator's own frames left; null on virtual time")]
    begin: Annotated[int, Field(alias="from", description="number of the first frame in the lists, counted from 1")]
    callee: Peaks
    client: Peaks
    queue: list[int]


class Pulse(Message):
    """A workspace as it stands, and those of the calls that it knows."""

    now: Annotated[int, Field(description="virtual ms since 1970")]
    clients: Annotated[int, Field(description="sockets that are connected")]
    live: Annotated[int, Field(description="calls that have not ended")]
    calls: dict[str, CallPulse]
