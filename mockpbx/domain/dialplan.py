"""The built-in dial plan: what a number does when it is called. Magic numbers need no configuration.

One table, in this file; `mockpbx numbers` and the README show it and are tested against it.
"""

from __future__ import annotations

from dataclasses import dataclass

from mockpbx.contract.vocabulary import HANGUP_CAUSES, Party
from mockpbx.domain.scenario import (
    Answer,
    Clip,
    Echo,
    End,
    FindBusy,
    Noise,
    Press,
    Ring,
    Silence,
    Sound,
    Speak,
    Step,
    Tone,
    Wait,
)

# Built-in times in ms.
SETUP = 500  # Dialing to Ringing or Busy
ANSWER_AFTER = 2_000  # Ringing to Connected
FAIL_AFTER = 1_000  # last status to the end
RING_OUT_AFTER = 10_000  # cause 19
NO_RESPONSE_AFTER = 5_000  # cause 18
CALLEE_HANGS_UP_AFTER = 5_000  # 08000000016

CAUSE_PREFIX = "08000000"
CALLEE_PREFIX = "0800000100"
REFUSED_NUMBER = "08000000500"

Steps = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class MagicNumber:
    """A number with a fixed behaviour: its digits, what it does in a few words, and its steps."""

    number: str
    behaviour: str
    steps: Steps


def answered(*then: Step) -> Steps:
    """Return the steps of a callee that rings for 2 s, answers and goes on with `then`."""
    return (Wait(SETUP), Ring(), Wait(ANSWER_AFTER), Answer(), *then)


def _ended(cause: int) -> Steps:
    match cause:
        case 16:
            return answered(Speak(Echo()), Wait(CALLEE_HANGS_UP_AFTER), End(16, Party.CALLEE))
        case 17:
            return (Wait(SETUP), FindBusy(), Wait(FAIL_AFTER), End(17))
        case 18:
            return (Wait(SETUP), Ring(), Wait(NO_RESPONSE_AFTER), End(18))
        case 19:
            return (Wait(SETUP), Ring(), Wait(RING_OUT_AFTER), End(19))
        case 21:
            return (Wait(SETUP), Ring(), Wait(FAIL_AFTER), End(21, Party.CALLEE))
        case _:
            return (Wait(FAIL_AFTER), End(cause))


def _keys() -> Steps:
    steps: list[Step] = [Speak(Silence()), Wait(1_000)]
    for digit in "123456789*0#":
        steps += [Press(digit, 200), Wait(500)]
    return tuple(steps)


_BEHAVIOUR = {
    16: "answers, hangs up after 5 s",
    17: "is busy",
    18: "rings 5 s, no response",
    19: "rings 10 s, nobody answers",
    21: "rings, declines after 1 s",
}

MAGIC_NUMBERS = (
    *(
        MagicNumber(f"{CAUSE_PREFIX}{cause:03d}", _BEHAVIOUR.get(cause, "fails after 1 s"), _ended(cause))
        for cause in HANGUP_CAUSES
    ),
    MagicNumber(REFUSED_NUMBER, "makes POST /pbx/call itself answer 500", ()),
    MagicNumber(f"{CALLEE_PREFIX}0", "answers and echoes", answered(Speak(Echo()))),
    MagicNumber(f"{CALLEE_PREFIX}1", "answers with a 1000 Hz tone", answered(Speak(Tone(1_000)))),
    MagicNumber(f"{CALLEE_PREFIX}2", "answers and is silent", answered(Speak(Silence()))),
    MagicNumber(f"{CALLEE_PREFIX}3", "answers and speaks", answered(Speak(Clip("speech", loop=True)))),
    MagicNumber(f"{CALLEE_PREFIX}4", "answers and presses 1 to 9, *, 0, #", answered(*_keys())),
    MagicNumber(f"{CALLEE_PREFIX}5", "is a voicemail: greeting, beep, silence", answered(Speak(Clip("voicemail")))),
    MagicNumber(f"{CALLEE_PREFIX}6", "answers with noise", answered(Speak(Noise()))),
)

_STEPS = {magic.number: magic.steps for magic in MAGIC_NUMBERS}


def scenario_for(number: str, callee: Sound) -> Steps:
    """Return what `number` does; any number that is not magic is answered by `callee`."""
    return _STEPS.get(number) or answered(Speak(callee))


def cause_of(number: str) -> int | None:
    """Return the cause that a magic number ends with by itself, None where the client decides."""
    last = _STEPS.get(number, ())[-1:]
    return last[0].cause if last and isinstance(last[0], End) else None
