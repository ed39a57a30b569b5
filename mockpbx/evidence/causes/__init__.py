"""Why something that was expected of a call did not happen: small rules, the most specific first."""

from __future__ import annotations

from mockpbx.evidence.causes import course, refusals, sound
from mockpbx.evidence.causes.case import Case, Rule
from mockpbx.evidence.patterns import FACTS

__all__ = ["Case", "causes"]

_CHECKPOINT = ("CheckpointReached", "CheckpointQueued", "CheckpointCleared")
_SOUND = ("PlayoutStarted", "PlayoutDrained")
_PRESSED = ("Digit", "CalleePressed")
_DIALLING = ("DialStatus", "Dialing", "Ringing", "Connected")
_CALLEE = (*_PRESSED, "CalleeSpoke", "CalleeSoundEnded", "CalleeListens", "ExpectationMet", "ScenarioFinished")
_CLIENT = ("Joined", *_CHECKPOINT, *_SOUND, "Interrupted", "DigitQueued", "DigitHeard", "ExpectationMet")
_HEARD = (*_SOUND, *_CHECKPOINT, "ExpectationMet", "DigitHeard", "Interrupted")


def _came_before(case: Case) -> str | None:
    return None if sound.fired_at_once(case) else course.came_before(case)


#: Which facts a rule explains, the most specific rule first.
RULES: tuple[tuple[tuple[str, ...], Rule], ...] = (
    (("CheckpointReached",), sound.fired_at_once),
    (tuple(FACTS), _came_before),
    (("CheckpointReached",), sound.cleared),
    (("CheckpointReached",), sound.behind_sound),
    (_CHECKPOINT, sound.misspelt),
    (tuple({*refusals.SENT_AS, *_CLIENT, *_CALLEE}), course.left_behind),
    (_CHECKPOINT, sound.other_name),
    (tuple(refusals.SENT_AS), refusals.event_refused),
    (("DigitHeard",), sound.digit_waits),
    (("Interrupted",), sound.nothing_to_interrupt),
    (_HEARD, refusals.audio_refused),
    (_CLIENT, refusals.unknown_session),
    (("RecordIssued",), course.record_due),
    (_PRESSED, course.press_unheard),
    (_PRESSED, course.no_such_press),
    (_CALLEE, course.scenario_waits),
    (("Joined",), course.never_joined),
    ((*_DIALLING, "Ended"), course.ended_otherwise),
    ((*_DIALLING, "Ended"), course.not_ended),
    (_CALLEE, course.scenario_cut),
    (_CLIENT, course.never_joined),
    (_CLIENT, course.joined_late),
    ((*_CLIENT, "Ended"), course.fault),
    (_CLIENT, refusals.never_sent),
)
#: What there is to say where none of them knows.
OTHERWISE: tuple[Rule, ...] = (course.ended_otherwise, course.not_yet)


def causes(case: Case, most: int = 2) -> list[str]:
    """Return why the fact is likely to be missing, the likeliest first, `most` reasons at most."""
    found = [rule(case) for names, rule in RULES if case.missing.name in names]
    told = list(dict.fromkeys(cause for cause in found if cause is not None))
    return told[:most] or [cause for rule in OTHERWISE if (cause := rule(case)) is not None][:1]
