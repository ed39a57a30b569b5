"""`mockpbx dial` as a process of its own, calling a real server."""

import asyncio
import contextlib
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mockpbx.cli import dial
from mockpbx.cli.dial_view import Cadence, PlainView, Progress, level_of, picture_of
from mockpbx.client import Client
from mockpbx.media.wav import read_wav, write_wav

NUMBER = "089608675796"
DIAL = (sys.executable, "-m", "mockpbx", "dial")


class Dialled:
    """A running `mockpbx dial`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.lines: list[str] = []

    async def until(self, text: str) -> None:
        while self.lines[-1:] == [] or text not in self.lines[-1]:
            line = await asyncio.wait_for(self._process.stdout.readline(), 20)
            assert line, f"it ended before {text!r}: {self.lines}"
            self.lines.append(line.decode().rstrip())

    def interrupt(self) -> None:
        self._process.send_signal(signal.SIGINT)

    async def end(self) -> tuple[int, str, str]:
        """Return the exit status, all of stdout and stderr."""
        out, err = await asyncio.wait_for(self._process.communicate(), 30)
        self.lines += out.decode().splitlines()
        return self._process.returncode, "\n".join(self.lines), err.decode()


@pytest.fixture
async def start():
    running = []

    async def begin(*arguments: str, **environment: str) -> Dialled:
        process = await asyncio.create_subprocess_exec(
            *DIAL,
            *arguments,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"COLUMNS": "200"} | environment,
        )
        running.append(process)
        return Dialled(process)

    yield begin
    for process in running:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        process._transport.close()


@pytest.fixture
def prompt(tmp_path: Path) -> Path:
    """A second of sound without a single sample of silence."""
    samples = np.random.default_rng(1).integers(1, 2_000, 8_000).astype(np.int16)
    write_wav(tmp_path / "prompt.wav", samples)
    return tmp_path / "prompt.wav"


@pytest.mark.parametrize(
    ("number", "status", "seen"),
    [
        ("08000000016", 0, ["Dialing", "Ringing", "Connected", "ended", "heard 2", "ANSWERED", "by CALLEE"]),
        ("08000000017", 3, ["Dialing", "Busy", "ended", "BUSY", "cause 17 (Destination busy)"]),
        ("08000000019", 4, ["Dialing", "Ringing", "ended", "NO ANSWER", "cause 19"]),
        ("08000000021", 4, ["Ringing", "NO ANSWER", "cause 21", "by CALLEE"]),
        ("08000000027", 5, ["Dialing", "ended", "FAILED", "cause 27"]),
    ],
)
async def test_the_exit_status_tells_the_outcome(serve, start, number, status, seen):
    pbx = await serve(clock="20x", dial_delay=3_600)

    code, out, err = await (await start(number, "--url", pbx.url)).end()

    assert (code, err) == (status, "")
    assert f"dialling {number} on {pbx.url}" in out
    rest = out
    for word in seen:
        assert word in rest, out
        rest = rest.partition(word)[2]
    assert len(out.splitlines()) < 15  # no line for frames


async def test_a_file_is_played_heard_and_recorded(serve, start, prompt, tmp_path):
    pbx = await serve(clock="20x", dial_delay=3_600)
    recording = tmp_path / "heard.wav"

    call = await start(NUMBER, "--url", pbx.url, "--play", str(prompt), "--record", str(recording))
    code, out, err = await call.end()

    assert (code, err) == (0, "")
    lines = [line.split(maxsplit=1)[1] for line in out.splitlines()]
    played = lines.index("playing prompt.wav, 1.0 s as pcm16")
    assert lines[played + 1 : played + 4] == ["checkpoint: prompt.wav heard", "hanging up", "ended"]
    heard = read_wav(recording)
    # Bit-exact; the fast clock may have drained the queue between two messages, which is heard as a pause.
    assert heard[heard != 0].tolist() == read_wav(prompt).tolist()


async def test_mp3_is_sent_as_it_is_in_messages_that_the_socket_takes(serve, start, tmp_path):
    pbx = await serve(clock="20x", dial_delay=3_600)
    song = tmp_path / "song"  # told apart by content
    encode_mp3(song, seconds=6)

    sound = dial.sound_of(song)
    code, out, err = await (await start(NUMBER, "--url", pbx.url, "--play", str(song))).end()

    assert [len(piece.data) for piece in sound.pieces][:-1] == [65_536] * (len(sound.pieces) - 1)
    assert b"".join(piece.data for piece in sound.pieces) == song.read_bytes()
    assert len(sound.pieces) > 1
    assert sound.seconds == pytest.approx(6, abs=0.2)
    assert (code, err) == (0, "")
    assert "as mp3" in out
    assert "checkpoint: song heard" in out
    assert "refused" not in out


async def test_keys_are_pressed_one_after_the_other_behind_the_sound(serve, start, prompt):
    pbx = await serve(clock="20x", dial_delay=3_600)

    call = await start(NUMBER, "--url", pbx.url, "--play", str(prompt), "--dtmf", "12#")
    code, out, _ = await call.end()

    assert code == 0
    pressed = [line.split()[-1] for line in out.splitlines() if "callee pressed" in line]
    assert pressed == ["1", "2", "#"]
    assert out.index("checkpoint: keys heard") < out.index("hanging up")


async def test_hanging_up_after_some_seconds(serve, start):
    pbx = await serve(clock="20x", dial_delay=3_600)

    code, out, _ = await (await start(NUMBER, "--url", pbx.url, "--hangup-after", "0")).end()

    assert code == 0
    assert "hung up by CALLER" in out


async def test_giving_up_when_nobody_answers(serve, start):
    pbx = await serve()

    call = await start("08000000019", "--url", pbx.url, "--answer-within", "0.1")
    code, out, _ = await call.end()

    assert code == 6
    assert "nobody answered within 0.1 s, hanging up" in out
    assert "CANCEL" in out


async def test_ctrl_c_before_the_answer(serve, start):
    pbx = await serve(dial_delay=3_600, record_delay=0)
    call = await start("08000000019", "--url", pbx.url)

    await call.until("Ringing")
    call.interrupt()
    code, out, err = await call.end()

    assert (code, err) == (6, "")
    assert "interrupted, hanging up" in out
    assert "CANCEL" in out


async def test_ctrl_c_in_the_call_hangs_up_and_waits_for_the_record(serve, start, tmp_path):
    pbx = await serve(clock="20x", dial_delay=3_600)
    call = await start(NUMBER, "--url", pbx.url, "--record", str(tmp_path / "heard.wav"))

    await call.until("Connected")
    call.interrupt()
    code, out, err = await call.end()

    assert (code, err) == (0, "")
    assert "record: ANSWERED" in out


async def test_a_second_ctrl_c_leaves_at_once(serve, start):
    pbx = await serve(clock="20x", dial_delay=3_600, record_delay=86_400)
    call = await start(NUMBER, "--url", pbx.url)

    await call.until("Connected")
    call.interrupt()
    await call.until("ended")
    call.interrupt()
    code, _, err = await call.end()

    assert (code, err) == (1, "mockpbx: left at once, without the record\n")


async def test_the_record_that_never_comes(serve, monkeypatch):
    pbx = await serve(clock="20x", dial_delay=3_600, record_delay=86_400)
    monkeypatch.setattr(dial, "RECORD_WITHIN", 0.2)
    progress = Progress("08000000017", pbx.url, time.monotonic)
    plan = dial.Plan("08000000017", None, "", None, None, 60)

    with PlainView(progress) as view, pytest.raises(dial.Stopped, match="no record of the call came within") as stopped:
        await dial._dial(Client(pbx.url, "dev"), plan, progress, view)

    assert stopped.value.exit_status is dial.Exit.UNEXPECTED


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("08",), "the server refused the call: Invalid phone number format (400)"),
        (("08000000500",), "the server refused the call: Failed to initiate call (500)"),
        ((NUMBER, "--token", "invalid-secret"), "the server refused the token: Authentication token is invalid"),
        ((NUMBER, "--url", "nonsense"), "'nonsense' is no address of a server"),
        ((NUMBER, "--dtmf", "1x"), "'x' is no key; expected digits, *, # or A to D"),
        ((NUMBER, "--play", __file__), "is neither a WAV nor an MP3 file"),
        ((NUMBER, "--play", "/none.wav"), "/none.wav cannot be read"),
        ((NUMBER, "--record", "/none/heard.wav"), "the directory /none does not exist"),
        ((NUMBER, "--hangup-after", "-1"), "--hangup-after"),
        ((), "NUMBER"),
    ],
)
async def test_what_cannot_be_tried_is_told_in_one_line(serve, start, arguments, sentence):
    pbx = await serve()

    code, out, err = await (await start(*arguments, MOCKPBX_URL=pbx.url, MOCKPBX_TOKEN="dev")).end()

    assert code == 2
    assert sentence in err
    assert "Traceback" not in err
    assert "secret" not in out + err


async def test_a_server_that_is_down(start, unused_tcp_port):
    code, _, err = await (await start(NUMBER, "--url", f"http://127.0.0.1:{unused_tcp_port}")).end()

    assert code == 2
    assert err == f"mockpbx: nothing answers at http://127.0.0.1:{unused_tcp_port}: Connection refused\n"


async def test_the_live_picture_on_a_terminal(serve):
    pbx = await serve(clock="20x", dial_delay=3_600)
    master, slave = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *DIAL,
        "08000001004",
        "--url",
        pbx.url,
        "--hangup-after",
        "0.6",
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "100", "LINES": "40"},
    )
    os.close(slave)
    shown = await asyncio.to_thread(everything, master)

    assert await process.wait() == 0
    process._transport.close()
    for word in (
        "Connected",
        "callee pressed 1",
        "digits",
        "123456789*0#",
        "level",
        "heard",
        "disposition",
        "ANSWERED",
    ):
        assert word in shown


def test_nothing_is_drawn_with_unless_it_draws():
    code = "import sys, mockpbx.cli.dial; sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_beat_of_frames():
    cadence = Cadence()
    for at in (1.000, 1.020, 1.045, 1.060):
        cadence.arrived(at)
    cadence.interrupted()
    cadence.arrived(9.0)

    assert cadence.worst == pytest.approx(5)
    assert cadence.mean == pytest.approx(10 / 3)


def test_the_level_of_a_sound():
    full = np.full(160, 32_767, "<i2").tobytes()

    assert level_of(full) == pytest.approx(0, abs=0.01)
    assert level_of(bytes(320)) == level_of(b"") == -60
    assert level_of(np.full(160, 3_277, "<i2").tobytes()) == pytest.approx(-20, abs=0.01)


def test_own_sound_is_counted_down_from_when_it_was_sent():
    now = [100.0]
    progress = Progress(NUMBER, "http://there", lambda: now[0])
    progress.begin()

    progress.sent(2.0)
    progress.sent(1.0)
    now[0] += 0.5
    assert progress.queued == pytest.approx(2.5)
    now[0] += 10
    assert progress.queued == 0
    progress.sent(1.0)
    assert progress.queued == pytest.approx(1.0)
    assert picture_of(progress)


def encode_mp3(path: Path, seconds: int) -> None:
    import av

    with av.open(str(path), "w", format="mp3") as out:
        stream = out.add_stream("libmp3lame", rate=44_100, layout="mono")
        stream.bit_rate = 320_000
        wave = (8_000 * np.sin(np.arange(44_100 * seconds) * 0.05)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(wave.reshape(1, -1), format="s16p", layout="mono")
        frame.sample_rate = 44_100
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            out.mux(packet)


def everything(terminal: int) -> str:
    """Read a pseudo terminal until its other side has gone."""
    shown = b""
    with contextlib.suppress(OSError):
        while data := os.read(terminal, 65_536):
            shown += data
    os.close(terminal)
    return shown.decode()
