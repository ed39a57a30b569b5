"""Frames: what they are, when they come, at which pace."""

import random
from base64 import b64encode
from dataclasses import replace
from itertools import accumulate

import pytest
from conformance.builders import a_run, edited, judge, late, listening, lost, outcomes, renamed, rewritten, without

from mockpbx.conformance.check import Outcome
from mockpbx.conformance.checks import frames

CHECKS = frames.CHECKS


def _paced(pace):
    """Frames come at another pace: `pace` makes the moment of each of its number and its own moment."""

    def broken(run):
        for take in run.takes.values():
            sounds = [item for item in take.transcript.items if getattr(item, "event", "") == "audio"]
            for socket in {item.socket for item in sounds}:
                mine = [item for item in sounds if item.socket == socket]
                moments = accumulate(
                    (pace(n, item.at, mine[0].at) for n, item in enumerate(mine)), max
                )  # none overtakes
                moved = [replace(item, at=at) for item, at in zip(mine, moments, strict=True)]
                moved = [item for item in moved if item.at < take.call.heard("hangup")[0].at]
                kept = [item for item in take.transcript.items if item not in mine]
                take.transcript.items[:] = sorted(kept + moved, key=lambda item: item.at)

    return broken


def _stray(call_event, by):
    def broken(run):
        call = run.take("listening").call
        moment = call.heard(call_event)[0].at
        strays = [replace(item, at=moment + by + n / 50) for n, item in enumerate(call.heard("audio")[:10])]
        items = run.take("listening").transcript.items
        items[:] = sorted([*items, *strays], key=lambda item: item.at)

    return broken


def test_a_right_server_passes_every_check():
    assert outcomes(CHECKS, a_run(), Outcome.PASSED) == {check.id for check in CHECKS}


@pytest.mark.parametrize(
    ("broken", "fails"),
    [
        (renamed("audio", "media"), {"frames-come"}),
        (without("audio", "audioFormat"), {"frame-shape"}),
        (without("audio", "audioData"), {"frame-shape"}),
        (rewritten("audio", audioFormat="PCM16"), {"frame-shape"}),
        (rewritten("audio", audioData=b64encode(bytes(320)).decode()), {"frame-is-binary"}),
        (rewritten("audio", audioData={"type": "Buffer", "data": [0] * 320}), {"frame-is-binary"}),
        (rewritten("audio", audioData=bytes(160)), {"frame-is-320-bytes"}),
        (rewritten("audio", audioData=bytes(640)), {"frame-is-320-bytes"}),
        (_stray("dialStatus", 0.2), {"audio-only-while-connected"}),
        (_stray("hangup", 0.02), {"no-audio-after-hangup"}),
        (_paced(lambda n, at, first: first + n * 0.0204), {"cadence-mean"}),
        (_paced(lambda n, at, first: first + n * 0.0197), {"cadence-mean"}),
        (_paced(lambda n, at, first: at - 0.02 * (n % 2)), {"frames-come-singly"}),
        (
            _paced(lambda n, at, first: at + (0.15 if n % 40 == 0 else 0)),
            {"cadence-p99", "cadence-jitter"},
        ),
        (_paced(lambda n, at, first: at + (0.04 if n % 20 == 0 else 0)), {"cadence-jitter"}),
    ],
)
def test_a_breach_fails_the_check_that_names_it(broken, fails):
    run = a_run()
    broken(run)
    assert outcomes(CHECKS, run) == fails


def test_every_other_frame_is_half_the_pace():
    run = a_run()
    count = 0

    def half(item):
        nonlocal count
        count += 1
        return [item] if count % 2 else []

    edited(run, "audio", half)
    assert "cadence-mean" in outcomes(CHECKS, run)


def test_ordinary_jitter_is_no_breach():
    run = a_run()
    luck = random.Random(1)
    _paced(lambda n, at, first: at + abs(luck.gauss(0, 0.004)))(run)
    assert outcomes(CHECKS, run) == set()


def test_one_hiccup_of_a_busy_machine_is_no_habit():
    run = a_run()
    _paced(lambda n, at, first: max(at, first + 3.3) if at > first + 3 else at)(run)
    assert outcomes(CHECKS, run) == set()


def test_a_pace_that_changes_and_is_not_made_up_for_drifts():
    run = a_run(listening())
    _paced(lambda n, at, first: first + 0.02 * n if n < 190 else first + 0.02 * 190 + 0.0206 * (n - 190))(run)
    assert "cadence-no-drift" in outcomes(CHECKS, run)


def test_a_stall_that_is_made_up_for_is_no_drift():
    run = a_run(listening())
    _paced(lambda n, at, first: first + 0.0206 * n if n < 190 else max(at, first + 0.0206 * 190))(run)
    assert "cadence-no-drift" not in outcomes(CHECKS, run)


def test_a_checker_that_is_late_itself_says_nothing_of_the_pace():
    run = a_run()
    run.lag._late += [(n * 0.02, 0.05) for n in range(1_000)]  # its own measure: late by 50 ms, always
    _paced(lambda n, at, first: at - 0.02 * (n % 2))(run)
    pace = {"cadence-mean", "frames-come-singly", "cadence-p99", "cadence-jitter", "cadence-no-drift"}
    assert outcomes(CHECKS, run, Outcome.INCONCLUSIVE) == pace
    assert outcomes(CHECKS, run) == set()


def test_a_late_answer_is_not_sound_of_a_ringing_phone():
    run = a_run()
    late("dialStatus", 1.0, status="Connected")(run)
    assert judge(frames.while_connected, run).outcome is Outcome.PASSED


def test_without_sound_there_is_no_pace():
    run = a_run()
    lost("audio")(run)
    assert outcomes(CHECKS, run) == {"frames-come"}
