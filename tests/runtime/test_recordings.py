"""What is kept of a call's sound: both sides on their time, the queue, and the client's messages."""

import numpy as np
from lab import Lab

from mockpbx.media.recording import Arrival

SECOND = np.full(8_000, 1_000, dtype=np.int16)


def test_a_recording_holds_both_sides_the_queue_and_what_was_sent():
    lab = Lab(recording_limit=1_000_000)
    lab.connected().play("s", SECOND)
    lab.advance(2_000)
    sound = lab.workspace.recordings.find("s").sound()
    assert len(sound.callee) == len(sound.client) == 160 * len(sound.times)
    assert set(np.diff(sound.times)) == {20}
    assert sound.queue.max() == 8_000 - 160
    assert sound.queue[-1] == 0
    assert int((sound.client == 1_000).sum()) == 8_000
    assert sound.arrivals == (Arrival(2_500, "pcm16", SECOND.tobytes(), 8_000),)


def test_messages_count_against_the_budget_of_recordings():
    lab = Lab(recording_limit=20_000)
    workspace = lab.connected()
    workspace.play("s", SECOND)
    workspace.play("s", SECOND)
    lab.advance(100)
    recording = workspace.recordings.find("s")
    assert recording.truncated
    assert len(recording.sound().arrivals) == 2
    assert recording.size <= 20_000 + 16_200


def test_the_first_call_may_have_the_luck_of_a_later_one():
    several = Lab(seed=7)
    for name in ("a", "b", "c"):
        several.call(session=name)
    alone = Lab(seed=7, first_call=3)
    alone.call(session="c")
    placed = [event.ordinal for event in several.events(type(several.journal[0][2]))]
    assert placed == [1, 2, 3]
    assert alone.journal[0][2].ordinal == 3
