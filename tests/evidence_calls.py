"""Calls that have something to show: for tests of what is written about them."""

from functools import cache

from lab import Lab, lab_of

from mockpbx.contract.errors import NotConnected
from mockpbx.domain.scenario import (
    Answer,
    Busy,
    ExpectHangUp,
    ExpectInterruption,
    ExpectSpeech,
    HangUp,
    Play,
    Press,
    Ring,
    Wait,
)
from mockpbx.evidence.dossier import Dossier, dossier_of
from mockpbx.runtime.clips import load

PACKET = 1_280  # samples


def told(lab: Lab) -> Dossier:
    dossier = dossier_of(lab.workspace, "s")
    assert dossier is not None
    return dossier


def say(lab: Lab, clip: str) -> None:
    samples = load(clip)
    for start in range(0, len(samples), PACKET):
        lab.workspace.play("s", samples[start : start + PACKET])


@cache
def conversation(checkpoint: str = "greeting", **switches) -> Dossier:
    """Audio before the answer, a greeting that is interrupted, digits both ways, and a goodbye that is cut."""
    steps = (Ring(2), Answer(), Play("hello"), ExpectSpeech(within=5), Wait(2), Play("wait-a-moment"))
    lab = lab_of((*steps, ExpectInterruption(within=5), Press("15#"), ExpectHangUp()), **switches)
    lab.call().advance(1_000)
    try:
        lab.workspace.play("s", load("hello"))
    except NotConnected as error:
        lab.workspace.refuse_audio("s", 7_736, str(error))
    lab.advance(2_700)
    say(lab, "bot-greeting")
    lab.workspace.mark("s", checkpoint)
    lab.advance(3_000).workspace.interrupt("s")
    lab.advance(3_000).workspace.press("s", "4", 120)
    lab.workspace.mark("s", "digit")
    lab.advance(1_000)
    say(lab, "goodbye")
    lab.advance(1_100).workspace.hang_up("s")
    return told(lab.advance(3_000))


def busy() -> Dossier:
    return told(lab_of((Busy(),)).call().advance(5_000))


def live() -> Dossier:
    return told(lab_of([Ring(1), Answer(), Play("speech")]).call().advance(4_000))


def unrecorded() -> Dossier:
    return told(lab_of([Ring(1), Answer(), Play("hello"), HangUp()], recording_limit=0).call().advance(9_000))


def lasting(seconds: int) -> Dossier:
    """Answered at once; both speak every 20 s or so."""
    lab = lab_of([Ring(0, setup=0), Answer(), Play("speech", loop=True, pause=4)]).call()
    lab.advance(100)
    for _ in range(max(1, seconds // 20)):
        say(lab, "speech")
        lab.workspace.mark("s", "turn")
        lab.advance(min(seconds, 20) * 1_000)
    lab.workspace.hang_up("s")
    return told(lab.advance(3_000))
