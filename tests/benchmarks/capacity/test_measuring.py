"""What measures is measured: by arrivals whose figures are known, by bytes taken apart, on a real server."""

import ast
import asyncio
import json
import os
import runpy
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from benchmarks.capacity import cadence, profiling, servers
from benchmarks.capacity.__main__ import read
from benchmarks.capacity.load import Load, LoadClient
from benchmarks.capacity.report import judged, text
from benchmarks.capacity.search import Capacity, _next, breaches
from benchmarks.capacity.suite import DOWNLINK, DUPLEX, QUICK, Options
from benchmarks.capacity.targets import Summary, doubts
from benchmarks.capacity.wire import FIRST_ACK, AudioPacket, emit, frames, masked_digits

BENCHMARKS = Path(__file__).parents[1]
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
    talking = Load(pbx.url, calls=3, seconds=1, pid=os.getpid(), per_token=2)
    listening = Load(pbx.url, calls=1, seconds=0.1, uplink="none")
    clients = (asyncio.to_thread(LoadClient(load).run) for load in (talking, listening))
    figures, listened = await asyncio.gather(*clients)
    assert figures["lost_calls"] == figures["strange_messages"] == 0
    assert figures["frames"]["received"] > 0
    acks = figures["acks"]
    assert acks["refused"] == 0 < acks["confirmed"]
    assert acks["confirmed"] + acks["missing"] == acks["asked"] <= 3 * int(2 / 0.16)
    assert listened["acks"]["ms"]["p99"] is None
    assert listened["drift_ms_per_minute"] is None
    json.dumps([figures, listened], allow_nan=False)


async def test_a_server_keeps_its_records_in_a_file_that_is_gone_with_it():
    def run() -> tuple[Path, list[str]]:
        with servers.running("mockpbx", "asyncio") as up:
            folder = Path(f"/proc/{up.pid}/cwd").readlink()
            return folder, [file.name for file in folder.iterdir()]

    folder, files = await asyncio.to_thread(run)
    assert {"records.db", "records.db-wal"} <= set(files)
    assert not folder.exists()


def test_calls_that_were_not_held_say_why():
    figures = {
        "lost_calls": 1,
        "strange_messages": 0,
        "frames": {"delivered_worst_call": 0.98},
        "deviation_ms": {"p99": 7.5},
        "acks": {"asked": 1_000, "refused": 1, "missing": 3},
    }
    silent = figures | {"lost_calls": 0, "strange_messages": 0, "deviation_ms": cadence.summary(np.empty(0))}
    assert "no frame came while it was measured" in breaches(silent)
    assert breaches(figures) == [
        "1 calls lost",
        "98.00% of frames to the worst call",
        "p99 7.5 ms off the grid",
        "4 of 1000 packets unconfirmed",
    ]


MACHINE = {"cpu": "", "cores": 2, "kernel": "", "python": "", "event_loop": "asyncio", "node": None, "load_before": 0.0,
           "apart": True}  # fmt: skip
NOTHING = {
    "machine": MACHINE, "options": {"fixed_calls": 100, "servers": ["mockpbx"], "modes": [DUPLEX]},
    "around": {}, "fixed": [], "capacity": [], "left_out": ["everything"], "seconds": 0.0,
}  # fmt: skip


def test_a_report_of_nothing_is_a_report():
    assert "not measured: calls held" in text(NOTHING)
    assert judged(NOTHING)["doubts"] == []


def test_what_was_not_measured_is_a_dash_and_not_a_number():
    nothing = cadence.summary(np.empty(0))
    assert set(nothing.values()) == {None}
    assert cadence.drift_ms_per_minute(GRID[:50], 1_000, 1_006) is None
    used = {"ms_per_call_second": 1.0, "us_per_frame": 20.0, "core_taken_by_others": 0.0, "core_share": 0.1}
    silent = {"name": "mockpbx", "uplink": DUPLEX, "deviation_ms": nothing, "server": used}
    found = judged(NOTHING | {"fixed": [silent], "long": {"deviation_ms": nothing, "drift_ms_per_minute": None}})
    row = next(line for line in text(found).splitlines() if line.startswith("mockpbx   "))
    assert row.split() == ["mockpbx", DUPLEX, "-", "-", "1.000", "1.00", "20.0", "1000", "-", "-"]
    assert {target["met"] for target in found["targets"]} == {None}
    json.dumps(found, allow_nan=False)

    stacks = {"samples": 0, "functions": {"downlink": {}}}
    load = {"server": used, "frames": {"delivered_worst_call": 0.0}, "deviation_ms": nothing, "stacks": stacks}
    profile = {"calls": 5, "loop": "asyncio", "sampler": "signals", "loads": {DOWNLINK: load}}
    assert "p99 - ms off the grid" in profiling.text(profile)


def test_a_search_that_ended_early_does_not_say_that_no_calls_are_held():
    early = {"run": 0, "name": "mockpbx", "mode": DUPLEX} | asdict(Capacity(failed=115, probes=[{"broken": "it fell"}]))
    found = NOTHING | {"capacity": [early]}
    assert Summary(found).held("mockpbx", DUPLEX) is None
    assert doubts(found)[0].endswith("ended early: no number of calls was found that is held, 115 were not")
    early["complete"] = True
    assert (Summary(found).held("mockpbx", DUPLEX), doubts(found)) == (0, [])


# --- what somebody asks for -------------------------------------------------------------------------------------------


def test_quick_leaves_alone_what_was_given():
    _, quick = read(["--quick", "--modes", "none", "--seconds", "1", "--runs", "2", "--limit", "30"])
    assert (quick.modes, quick.seconds, quick.runs, quick.limit) == (["none"], 1, 2, 30)
    assert (quick.probes, quick.fixed_calls, quick.around) == (QUICK.probes, QUICK.fixed_calls, True)
    assert read(["--quick"])[1] == QUICK
    assert read([])[1] == Options()
    assert (read(["--profile"])[1].seconds, read(["--profile", "--seconds", "2"])[1].seconds) == (5, 2)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--json nowhere/x.json", "cannot write nowhere/x.json: No such file or directory; name another file"),
        ("--json .", "cannot write .: Is a directory; name another file"),
        ("--seconds nan", "'nan' is no number above 0"),
        ("--limit inf", "'inf' is no number above 0"),
        ("--runs 0", "'0' is no whole number above 0"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_measured(words, sentence, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as left:
        read(words.split())
    assert left.value.code == 2
    assert capsys.readouterr().err.rstrip().endswith(sentence)


def test_a_file_for_the_figures_is_not_touched_before_there_are_any(tmp_path):
    file, new = tmp_path / "old.json", tmp_path / "new.json"
    file.write_text("{}")
    assert read(["--json", str(file)])[0].json == file
    assert file.read_text() == "{}"
    read(["--json", str(new)])
    assert not new.exists()


@pytest.mark.parametrize("name", ["double", "figures", "recorder", "records", "soak", "ten_minutes"])
def test_the_other_benchmarks_say_what_they_measure_when_asked(name, capsys, monkeypatch):
    file = BENCHMARKS / f"{name}.py"
    monkeypatch.setattr(sys, "argv", [file.name, "--help"])
    with pytest.raises(SystemExit) as left:
        runpy.run_path(str(file), run_name="__main__")
    assert left.value.code == 0
    described = ast.get_docstring(ast.parse(file.read_text())).splitlines()[0]
    assert described in " ".join(capsys.readouterr().out.split())


def test_every_benchmark_is_in_the_list_for_contributors():
    told = (BENCHMARKS.parents[1] / "CONTRIBUTING.md").read_text()
    scripts = {path.name for path in BENCHMARKS.glob("*.py")} - {"records_burst.py"}  # a part of records.py
    assert len(scripts) >= 8
    assert sorted(name for name in scripts if f"| `python tests/benchmarks/{name}" not in told) == []
