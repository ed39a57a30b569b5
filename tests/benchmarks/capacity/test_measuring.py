"""What measures is measured: by arrivals whose figures are known, by bytes taken apart, on a real server."""

import asyncio
import json
import os

import numpy as np
import pytest
from benchmarks.capacity import cadence
from benchmarks.capacity.load import Load, LoadClient
from benchmarks.capacity.report import judged, text
from benchmarks.capacity.search import Capacity, _next, breaches
from benchmarks.capacity.wire import FIRST_ACK, AudioPacket, emit, frames, masked_digits

GRID = 1_000 + 0.020 * np.arange(300)  # six seconds


def test_a_steady_call_is_whole_and_on_its_grid():
    assert cadence.delivered(GRID, 1_000.5, 4) == 1
    assert cadence.deviations(GRID, 1_000.5, 1_004.5).max() < 1e-9
    assert cadence.drift_ms_per_minute(GRID, 1_000, 1_006) == pytest.approx(0, abs=1e-6)


def test_a_frame_that_is_lost_counts_and_one_that_is_late_does_not():
    assert cadence.delivered(np.delete(GRID, 100), 1_000, 4) == pytest.approx(0.995, abs=1e-4)
    late = GRID.copy()
    late[[198, 199]] += 0.030  # behind the end of the window, as a reader of TCP sees it: in order, at once
    assert cadence.delivered(np.sort(late), 1_000, 4) == 1


def test_a_call_that_falls_silent_owes_the_rest():
    assert cadence.delivered(GRID[:150], 1_000, 4) == pytest.approx(0.75, abs=0.01)
    assert cadence.delivered(GRID, 2_000, 4) == 0


def test_lateness_and_drift_are_seen():
    late = GRID.copy()
    late[::10] += 0.004
    assert cadence.summary(cadence.deviations(late, 1_000, 1_006))["p99"] == pytest.approx(4)
    slow = 1_000 + 0.0201 * np.arange(300)  # 5 ms too much each second
    assert cadence.drift_ms_per_minute(slow, 1_000, 1_006) == pytest.approx(300)


def unmasked(frame: bytes) -> tuple[bytes, bytes]:
    """Return the payload of a client's first frame, and what follows it."""
    length, key = frame[1] & 0x7F, 2
    if length == 126:
        length, key = int.from_bytes(frame[2:4], "big"), 4
    mask, payload = frame[key : key + 4], frame[key + 4 : key + 4 + length]
    return bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload)), frame[key + 4 + length :]


def test_a_packet_says_what_a_client_says_with_an_id_of_its_own():
    packet = AudioPacket("a-session", b"\x01\x02" * 1_280)
    for number in (FIRST_ACK, 123_456, 999_999):
        said, rest = unmasked(bytes(packet.with_id(masked_digits(number))))
        head, comma, event = said.partition(b"[")
        assert head == b"451-%d" % number
        assert json.loads(comma + event) == [
            "audio",
            {"sessionId": "a-session", "audioData": {"_placeholder": True, "num": 0}, "audioFormat": "pcm16"},
        ]
        assert unmasked(rest) == (b"\x01\x02" * 1_280, b"")
    assert unmasked(emit("hangup", {"sessionId": "x"})) == (b'42["hangup",{"sessionId":"x"}]', b"")


def test_frames_are_found_however_they_are_cut():
    data = b"\x81\x022a" + b"\x82\x7e\x01\x40" + bytes(320) + b"\x81\x01"
    assert [(opcode, end - payload) for opcode, _, payload, end in frames(data, 0)] == [(0x81, 2), (0x82, 320)]
    assert [opcode for opcode, *_ in frames(data[:20], 0)] == [0x81]


def test_the_search_steps_up_by_the_cpu_and_ends_between_held_and_failed():
    light = {"server": {"core_share": 0.3}}
    assert _next(Capacity(held=100), light) == 300
    assert _next(Capacity(held=100, failed=200), light) == 150
    assert _next(Capacity(held=100, failed=105), light) is None
    assert _next(Capacity(failed=5), light) is None


async def test_the_load_client_holds_calls_with_a_real_server(serve):
    pbx = await serve(dial_delay=600)
    load = Load(pbx.url, calls=3, seconds=1, pid=os.getpid(), per_token=2)
    figures = await asyncio.to_thread(LoadClient(load).run)
    assert figures["lost_calls"] == figures["strange_messages"] == 0
    assert figures["frames"]["received"] > 0
    acks = figures["acks"]
    assert acks["refused"] == 0 < acks["confirmed"]
    assert acks["confirmed"] + acks["missing"] == acks["asked"] <= 3 * int(2 / 0.16)


def test_calls_that_were_not_held_say_why():
    figures = {
        "lost_calls": 1,
        "strange_messages": 0,
        "frames": {"delivered_worst_call": 0.98},
        "deviation_ms": {"p99": 7.5},
        "acks": {"asked": 1_000, "refused": 1, "missing": 3},
    }
    assert breaches(figures) == [
        "1 calls lost",
        "98.00% of frames to the worst call",
        "p99 7.5 ms off the grid",
        "4 of 1000 packets unconfirmed",
    ]


def test_a_report_of_nothing_is_a_report():
    found = {
        "machine": {"cpu": "", "cores": 2, "kernel": "", "python": "", "event_loop": "asyncio", "node": None,
                    "load_before": 0.0, "apart": True},
        "options": {"fixed_calls": 100, "servers": ["mockpbx"], "modes": ["none"]},
        "around": {}, "fixed": [], "capacity": [], "left_out": ["everything"], "seconds": 0.0,
    }  # fmt: skip
    assert "not measured" in text(found)
    assert judged(found)["doubts"] == []
