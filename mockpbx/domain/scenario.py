"""What the other end of a call does, as steps. A scenario is any iterable of steps; logic belongs to generators."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mockpbx.contract.vocabulary import Party

# --- what the callee's side of the line carries ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Echo:
    """What the callee hears in one frame it says in the next."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing."""


@dataclass(frozen=True, slots=True)
class Tone:
    """A sine of `hertz`."""

    hertz: int


@dataclass(frozen=True, slots=True)
class Noise:
    """White noise, from the workspace's seed."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A packaged clip by its name, or a WAV or MP3 file by its path; once, or again and again after `pause` ms."""

    name: str
    loop: bool = False
    pause: int = 1_000


Sound = Echo | Silence | Tone | Noise | Clip

# --- steps -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wait:
    """Let `duration` ms pass."""

    duration: int


@dataclass(frozen=True, slots=True)
class Ring:
    """The callee's phone rings."""


@dataclass(frozen=True, slots=True)
class FindBusy:
    """The callee's phone is busy."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The callee answers."""


@dataclass(frozen=True, slots=True)
class Speak:
    """The callee's side of the line carries `sound` from here on."""

    sound: Sound


@dataclass(frozen=True, slots=True)
class Press:
    """The callee presses a key; the scenario goes on at once."""

    digit: str
    duration: int = 200


@dataclass(frozen=True, slots=True)
class End:
    """The call ends here: hung up or declined by `by`, or failed with `cause` where `by` is None."""

    cause: int
    by: Party | None = None


Step = Wait | Ring | FindBusy | Answer | Speak | Press | End
Scenario = Iterable[Step]
