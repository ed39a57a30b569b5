"""The magic numbers: what they do needs no configuration, and no dial plan changes it.

One table, in this file; `mockpbx numbers` and the README show it and are tested against it.
"""

from __future__ import annotations

from dataclasses import dataclass

from mockpbx.contract.vocabulary import HANGUP_CAUSES
from mockpbx.domain.scenario import (
    Answer,
    Busy,
    Echo,
    Fail,
    HangUp,
    NoAnswer,
    Noise,
    Play,
    Press,
    Reject,
    Ring,
    Silence,
    Step,
    Tone,
    Wait,
)

# Built-in times in seconds; those of Ring and Busy are their defaults.
FAIL_AFTER = 1  # last status to the end
RING_OUT_AFTER = 10  # cause 19
NO_RESPONSE_AFTER = 5  # cause 18
CALLEE_HANGS_UP_AFTER = 5  # 08000000016

CAUSE_PREFIX = "08000000"
CALLEE_PREFIX = "0800000100"
REFUSED_NUMBER = "08000000500"

Steps = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class MagicNumber:
    """A number with a fixed behaviour: what it does in a few words, its steps, and the cause that they end with."""

    number: str
    behaviour: str
    steps: Steps
    cause: int | None = None

    @property
    def about(self) -> str:
        """What it does, and the cause that its call ends with, in the contract's words."""
        named = "" if self.cause is None else f": cause {self.cause}, {HANGUP_CAUSES[self.cause].contract}"
        return self.behaviour + named


def answered(*then: Step) -> Steps:
    """Return the steps of a callee that rings for 2 s, answers and goes on with `then`."""
    return (Ring(), Answer(), *then)


def _ended(cause: int) -> Steps:
    match cause:
        case 16:
            return answered(Echo(), Wait(CALLEE_HANGS_UP_AFTER), HangUp())
        case 17:
            return (Busy(),)
        case 18:
            return (Ring(NO_RESPONSE_AFTER), Fail(18))
        case 19:
            return (Ring(RING_OUT_AFTER), NoAnswer())
        case 21:
            return (Ring(FAIL_AFTER), Reject())
        case _:
            return (Wait(FAIL_AFTER), Fail(cause))


_BEHAVIOUR = {
    16: "answers, hangs up after 5 s",
    17: "is busy",
    18: "rings 5 s, no response",
    19: "rings 10 s, nobody answers",
    21: "rings, declines after 1 s",
}

MAGIC_NUMBERS = (
    *(
        MagicNumber(f"{CAUSE_PREFIX}{cause:03d}", _BEHAVIOUR.get(cause, "fails after 1 s"), _ended(cause), cause)
        for cause in HANGUP_CAUSES
    ),
    MagicNumber(REFUSED_NUMBER, "makes POST /pbx/call itself answer 500", ()),
    MagicNumber(f"{CALLEE_PREFIX}0", "answers and echoes", answered(Echo())),
    MagicNumber(f"{CALLEE_PREFIX}1", "answers with a 1000 Hz tone", answered(Tone(1_000))),
    MagicNumber(f"{CALLEE_PREFIX}2", "answers and is silent", answered(Silence())),
    MagicNumber(f"{CALLEE_PREFIX}3", "answers and speaks", answered(Play("speech", loop=True))),
    MagicNumber(
        f"{CALLEE_PREFIX}4",
        "answers and presses 1 to 9, *, 0, #",
        answered(Wait(1), Press("123456789*0#", seconds=0.2, gap=0.3)),
    ),
    MagicNumber(f"{CALLEE_PREFIX}5", "is a voicemail: greeting, beep, silence", answered(Play("voicemail"))),
    MagicNumber(f"{CALLEE_PREFIX}6", "answers with noise", answered(Noise())),
)

_BY_NUMBER = {magic.number: magic for magic in MAGIC_NUMBERS}


def magic_number(number: str) -> MagicNumber | None:
    """Return what is magic about a number, None for an ordinary one."""
    return _BY_NUMBER.get(number)
