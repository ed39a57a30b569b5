"""What the other end of a call does, as steps.

A scenario is a list of steps, or a generator of them: logic belongs to generators, which get the outcome of every step
that they yield (`heard = yield ExpectDigit(within=5)`). The words of a scenario file are the names of these classes in
small letters (`expect_digit`), and its values are their fields; times are seconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, fields
from functools import cache
from typing import Annotated, Any, Literal, Protocol, get_args

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, TypeAdapter, ValidationError

from mockpbx.contract.vocabulary import DTMF_DIGITS, HANGUP_CAUSES, LONGEST_NAME

_UNITS = {"h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}  # in ms
_PARTS = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")


def seconds_of(value: object) -> object:
    """Return the seconds of a duration such as `200ms`, `2s` or `1m30s`; anything else as it is."""
    if not isinstance(value, str):
        return value
    parts = _PARTS.findall(value.replace(" ", ""))
    if not parts or "".join(number + unit for number, unit in parts) != value.replace(" ", ""):
        raise ValueError("expected seconds as a number, or a duration such as 200ms, 2s or 1m30s")
    return round(sum(float(number) * _UNITS[unit] for number, unit in parts)) / 1_000


def _known(cause: int) -> int:
    if cause not in HANGUP_CAUSES:
        raise ValueError(f"expected one of the contract's causes {', '.join(map(str, HANGUP_CAUSES))}")
    return cause


Seconds = Annotated[float, BeforeValidator(seconds_of), Field(ge=0, le=86_400, allow_inf_nan=False)]
Cause = Annotated[int, AfterValidator(_known)]
Keys = Annotated[str, StringConstraints(pattern=rf"^[{DTMF_DIGITS}a-d]{{1,64}}$")]
Words = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_NAME)]
Hertz = Annotated[int, Field(ge=50, le=3_900)]
Otherwise = Literal["fail", "go_on", "hang_up"]

# --- the life of the call --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wait:
    """Let time pass."""

    seconds: Seconds


@dataclass(frozen=True, slots=True)
class Ring:
    """The callee's phone begins to ring after `setup`, and rings for `seconds` before the next step."""

    seconds: Seconds = 2.0
    setup: Seconds = 0.5


@dataclass(frozen=True, slots=True)
class Answer:
    """The callee answers its ringing phone."""


@dataclass(frozen=True, slots=True)
class Busy:
    """The callee's phone is found busy after `setup`; the call ends with cause 17 `seconds` later."""

    setup: Seconds = 0.5
    seconds: Seconds = 1.0


@dataclass(frozen=True, slots=True)
class Reject:
    """The callee declines its ringing phone: cause 21."""


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Nobody answers the ringing phone: cause 19."""


@dataclass(frozen=True, slots=True)
class Fail:
    """The call fails, or breaks where it was answered, with a cause of the contract's table."""

    cause: Cause


@dataclass(frozen=True, slots=True)
class HangUp:
    """The callee hangs up: cause 16."""


# --- what the callee's side of the line carries ----------------------------------------------------------------------
# A sound with an end is waited for; one without sounds on, under the steps that follow, until another takes its place.


@dataclass(frozen=True, slots=True)
class Play:
    """A packaged clip by its name, or a WAV or MP3 file by its path.

    The next step comes when the clip is over, or at once where `wait` is false or it plays in a `loop`, with `pause`
    between two rounds.
    """

    clip: Words
    loop: bool = False
    pause: Seconds = 1.0
    wait: bool = True


@dataclass(frozen=True, slots=True)
class Say:
    """Words, spoken by the offline synthesiser (the extra `speech`) in the voice of a language such as id or en-us."""

    words: Words
    voice: Words = "id"
    wait: bool = True


@dataclass(frozen=True, slots=True)
class Tone:
    """A sine."""

    hertz: Hertz
    seconds: Seconds | None = None


@dataclass(frozen=True, slots=True)
class CallProgress:
    """A call-progress tone as heard in a country: Indonesia (id) or the United States (us)."""

    tone: Literal["ringback", "busy", "congestion", "sit"]
    seconds: Seconds | None = None
    country: Literal["id", "us"] = "id"


@dataclass(frozen=True, slots=True)
class Noise:
    """White noise, from the workspace's seed."""

    seconds: Seconds | None = None


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing."""

    seconds: Seconds | None = None


@dataclass(frozen=True, slots=True)
class Echo:
    """What the callee hears in one frame it says in the next."""

    seconds: Seconds | None = None


Sound = Play | Say | Tone | CallProgress | Noise | Silence | Echo


@dataclass(frozen=True, slots=True)
class Press:
    """The callee presses keys, one after the other, over whatever it says. The next step comes after the last.

    Each key is held for `seconds`, then `gap` passes. `via` tells how it travels: as an event, as its tone in the sound
    (which the service detects, if it is long enough), or both. Its contact `bounces` so many times before it holds.
    """

    keys: Keys
    seconds: Seconds = 0.2
    gap: Seconds = 0.1
    via: Literal["both", "event", "in_band"] = "both"
    bounces: Annotated[int, Field(ge=0, le=5)] = 0


# --- what the callee expects of the client ---------------------------------------------------------------------------
# One that is not met within its time fails the scenario (which breaks the call with cause 127), or lets it go on, or
# makes the callee hang up. Digits, checkpoints and interruptions since the last one was decided count, too.


@dataclass(frozen=True, slots=True)
class ExpectSpeech:
    """The callee hears someone speak for `lasting`."""

    within: Seconds = 10.0
    lasting: Seconds = 0.2
    otherwise: Otherwise = "fail"


@dataclass(frozen=True, slots=True)
class ExpectSilence:
    """The callee hears nothing for `lasting`."""

    within: Seconds = 30.0
    lasting: Seconds = 1.0
    otherwise: Otherwise = "fail"


@dataclass(frozen=True, slots=True)
class ExpectClip:
    """The callee hears this clip, by its sound."""

    clip: Words
    within: Seconds = 30.0
    otherwise: Otherwise = "fail"


@dataclass(frozen=True, slots=True)
class ExpectTone:
    """The callee hears a steady tone for `lasting`."""

    hertz: Hertz
    within: Seconds = 10.0
    lasting: Seconds = 0.2
    otherwise: Otherwise = "fail"


@dataclass(frozen=True, slots=True)
class ExpectDigit:
    """The callee hears one of these DTMF digits, keyed or in band; any where none is named."""

    digits: Keys = DTMF_DIGITS
    within: Seconds = 10.0
    otherwise: Otherwise = "fail"


@dataclass(frozen=True, slots=True)
class ExpectCheckpoint:
    """The client's checkpoint of this name is reached; any where none is named."""

    name: Words | None = None
    within: Seconds = 30.0
    otherwise: Otherwise = "fail"


@dataclass(frozen=True, slots=True)
class ExpectInterruption:
    """The client interrupts what it has queued."""

    within: Seconds = 10.0
    otherwise: Otherwise = "fail"


@dataclass(frozen=True, slots=True)
class ExpectHangUp:
    """The client hangs up."""

    within: Seconds = 30.0
    otherwise: Otherwise = "fail"


Expectation = (
    ExpectSpeech
    | ExpectSilence
    | ExpectClip
    | ExpectTone
    | ExpectDigit
    | ExpectCheckpoint
    | ExpectInterruption
    | ExpectHangUp
)

# ---------------------------------------------------------------------------------------------------------------------

Step = Wait | Ring | Answer | Busy | Reject | NoAnswer | Fail | HangUp | Sound | Press | Expectation


@dataclass(frozen=True, slots=True)
class Heard:
    """The outcome of an expectation that was met: what it was (the digit, the checkpoint's name), and when."""

    what: str
    after: float  # seconds since it was expected


class Luck(Protocol):
    """Everything random in a scenario, from the workspace's seed: `random.Random` is one."""

    def random(self) -> float:
        """Return a number from 0 to 1."""

    def uniform(self, a: float, b: float) -> float:
        """Return a number from `a` to `b`."""

    def lognormvariate(self, mu: float, sigma: float) -> float:
        """Return a number whose logarithm is normal."""


#: A generator gets the outcome of each step: a Heard for an expectation that was met, None for everything else.
Script = Generator[Step, Heard | None, Any]
Scenario = Iterable[Step] | Callable[[Luck], Iterable[Step]]


def opened(scenario: Scenario, luck: Luck) -> Iterable[Step]:
    """Return a scenario's steps for one call. What breaks while they are made breaks as their first step."""
    if not callable(scenario):
        return scenario
    try:
        return scenario(luck)
    except Exception as error:
        return _broken(error)


def _broken(error: Exception) -> Iterator[Step]:
    yield from ()
    raise error


def word(step: type | Step) -> str:
    """Return the word of a step in a scenario file: `expect_digit` for ExpectDigit."""
    name = step.__name__ if isinstance(step, type) else type(step).__name__
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def checked(step: Step) -> Step:
    """Return a step whose fields are what their types say. Raises ValueError with a sentence that names the field."""
    try:
        return _adapter(word(step)).validate_python({field.name: getattr(step, field.name) for field in fields(step)})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        wrong = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ").removeprefix("expected ")
        raise ValueError(f"{word(step)}: {first['loc'][0]}: expected {wrong}, got {first['input']!r:.40}") from None


@cache
def _adapter(name: str) -> TypeAdapter[Step]:
    return TypeAdapter(STEPS[name])


#: Every step by its word, in the order in which they are declared here.
STEPS: dict[str, type[Step]] = {word(step): step for step in get_args(Step)}
EXPECTATIONS: tuple[type[Expectation], ...] = get_args(Expectation)
SOUNDS: tuple[type[Sound], ...] = get_args(Sound)
