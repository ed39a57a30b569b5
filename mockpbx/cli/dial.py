"""`mockpbx dial`."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import click
import numpy as np

from mockpbx.cli.dial_view import LiveView, PlainView, Progress, View
from mockpbx.cli.finite import Finite
from mockpbx.client import (
    Call,
    Client,
    ClientError,
    ConnectionFailed,
    ConnectionRefused,
    RequestFailed,
    TimedOut,
)
from mockpbx.contract import messages as m
from mockpbx.contract.vocabulary import DTMF_DEFAULT_MS, DTMF_DIGITS, AudioFormat, DialStatus, Disposition
from mockpbx.media.framing import RATE
from mockpbx.media.wav import NotAudio, read_audio, write_wav

PACKET = 2_560  # bytes of pcm16: the contract's recommendation, section "Audio Packet Timing Table"
MP3_PIECE = 65_536  # bytes: a whole file may exceed the socket's limit of 1,000,000
LEAD = 5.0  # s of sound that may be on its way before it is due
KEY_GAP = 0.1  # s between two keys; the contract asks for about 50 ms
MOMENT = 1.0  # s between the last checkpoint and hanging up: what the callee says last comes after it
RECORD_WITHIN = 30.0  # s from the end of the call to its record
TICK = 0.1  # s between two looks at the time, and two pictures


class Exit(IntEnum):
    """The exit statuses."""

    ANSWERED = 0
    UNEXPECTED = 1
    NOT_TRIED = 2
    BUSY = 3
    NO_ANSWER = 4
    FAILED = 5
    CANCELLED = 6


EXIT_OF = {
    Disposition.ANSWERED: Exit.ANSWERED,
    Disposition.BUSY: Exit.BUSY,
    Disposition.NO_ANSWER: Exit.NO_ANSWER,
    Disposition.FAILED: Exit.FAILED,
    Disposition.CANCEL: Exit.CANCELLED,
}


class Stopped(Exception):
    """The call ends without a record; the exit status and the sentence say how."""

    def __init__(self, exit_status: Exit, sentence: str) -> None:
        super().__init__(sentence)
        self.exit_status = exit_status


@dataclass(frozen=True, slots=True)
class Piece:
    """A message of audio and how long it sounds, in seconds."""

    data: bytes
    seconds: float


@dataclass(frozen=True, slots=True)
class Sound:
    """What --play sends."""

    name: str
    format: AudioFormat
    pieces: list[Piece]

    @property
    def seconds(self) -> float:
        """How long all of it sounds."""
        return sum(piece.seconds for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do in the call."""

    number: str
    sound: Sound | None
    keys: str
    recording: Path | None
    hangup_after: float | None
    answer_within: float


def _keys(ctx: click.Context, param: click.Parameter, value: str) -> str:
    wrong = next((key for key in value if key.upper() not in DTMF_DIGITS), None)
    if wrong is not None:
        raise click.BadParameter(f"{wrong!r} is no key; expected digits, *, # or A to D, for instance 12#")
    return value


def _sound(ctx: click.Context, param: click.Parameter, value: Path | None) -> Sound | None:
    try:
        return None if value is None else sound_of(value)
    except NotAudio as error:
        raise click.BadParameter(str(error)) from None


def _recording(ctx: click.Context, param: click.Parameter, value: Path | None) -> Path | None:
    if value is not None and not value.absolute().parent.is_dir():
        raise click.BadParameter(f"the directory {value.absolute().parent} does not exist")
    return value


_FILE = click.Path(path_type=Path, dir_okay=False)
_SECONDS = Finite(min=0, max=86_400)


@click.command()
@click.argument("number")
@click.option("--url", envvar="MOCKPBX_URL", default="http://127.0.0.1:7290", show_default=True, help="the server")
@click.option("--token", envvar="MOCKPBX_TOKEN", default="dev", show_default=True, help="bearer token")
@click.option("--play", "sound", type=_FILE, callback=_sound, help="WAV or MP3 to play to the callee when it answers")
@click.option("--record", "recording", type=_FILE, callback=_recording, help="WAV to write what the callee says to")
@click.option("--dtmf", "keys", callback=_keys, default="", metavar="KEYS", help="keys to press after that, e.g. 12#")
@click.option("--hangup-after", type=_SECONDS, metavar="SECONDS", help="hang up so long after the answer")
@click.option(
    "--answer-within",
    type=_SECONDS,
    metavar="SECONDS",
    default=120,
    show_default=True,
    help="give up when nobody has answered by then",
)
def command(url: str, token: str, **plan: Any) -> None:
    """Place a call to NUMBER on any server of the API, and show it live until its record comes.

    Without --hangup-after, a call with --play ends a second after the callee has heard all of it; any other lasts
    until the callee hangs up or Ctrl-C, which hangs up and waits for the record (again: leave at once).

    \b
    Exit status:
      0  answered           4  no answer
      1  anything else      5  failed
      2  not tried: a bad flag, no server, token or number refused
      3  busy               6  cancelled before the answer
    """
    progress = Progress(plan["number"], url, time.monotonic)
    view: View = LiveView(progress) if sys.stdout.isatty() else PlainView(progress)
    try:
        with view:
            status = asyncio.run(_dial(Client(url, token), Plan(**plan), progress, view))
    except Stopped as stopped:
        click.echo(f"mockpbx: {stopped}", err=True)
        status = stopped.exit_status
    raise SystemExit(int(status))


def sound_of(path: Path) -> Sound:
    """Return a file cut into messages: MP3 as it is, anything else as pcm16. Raises NotAudio."""
    samples = read_audio(path)
    data = path.read_bytes()
    if data[:4] == b"RIFF":
        data, size, kind = samples.astype("<i2").tobytes(), PACKET, AudioFormat.PCM16
    else:
        size, kind = MP3_PIECE, AudioFormat.MP3
    per_byte = len(samples) / RATE / len(data)
    cut = [data[start : start + size] for start in range(0, len(data), size)]
    return Sound(path.name, kind, [Piece(piece, len(piece) * per_byte) for piece in cut])


async def _dial(client: Client, plan: Plan, progress: Progress, view: View) -> Exit:
    """Place the call, and turn what went wrong into one sentence and an exit status."""
    dialler = Dialler(plan, progress, view)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, dialler.interrupt)
    try:
        async with client:
            return await dialler.run(client)
    except ConnectionRefused as error:
        raise Stopped(Exit.NOT_TRIED, f"the server refused the token: {error}") from None
    except ClientError as error:
        raise Stopped(Exit.NOT_TRIED if dialler.call is None else Exit.UNEXPECTED, str(error)) from None
    except asyncio.CancelledError:
        if dialler.call is None:
            raise Stopped(Exit.CANCELLED, "cancelled before the call was placed") from None
        raise Stopped(Exit.UNEXPECTED, "left at once, without the record") from None


class Dialler:
    """One call, from the POST to the record."""

    def __init__(self, plan: Plan, progress: Progress, view: View) -> None:
        self.call: Call | None = None
        self._plan = plan
        self._progress = progress
        self._view = view
        self._task = asyncio.current_task()
        self._ending = False
        self._deadline = 0.0
        self._errands: set[asyncio.Task[None]] = set()
        self._heard = asyncio.Event()
        self._last_mark: str | None = None
        self._frames: list[bytes] = []

    def interrupt(self) -> None:
        """Take a Ctrl-C: the first hangs up, the next one leaves."""
        if self.call is None or self._ending:
            assert self._task is not None
            self._task.cancel()
        else:
            self._note("interrupted, hanging up")
            self._end()

    async def run(self, client: Client) -> Exit:
        """Hold the call and return how it went."""
        self._client = client
        self._progress.begin()
        try:
            self.call = await client.place_call(self._plan.number)
        except RequestFailed as error:
            raise Stopped(Exit.NOT_TRIED, f"the server refused the call: {error}") from None
        self._progress.session_id = self.call.session_id
        self._note(f"session {self.call.session_id}")
        self._deadline = time.monotonic() + self._plan.answer_within
        try:
            record = await self._converse(self.call)
        except ConnectionFailed as error:
            with contextlib.suppress(ClientError):
                await client.hang_up(self.call.session_id)
            raise Stopped(Exit.UNEXPECTED, str(error)) from None
        finally:
            await self._drop_errands()
            self._save()
        self._progress.record = record
        return EXIT_OF[record.disposition]

    async def _converse(self, call: Call) -> m.CdrEvent:
        while True:
            try:
                event = await call.next_event(within=TICK)
            except TimedOut:
                self._watch_the_time()
                self._view.refresh()
                continue
            if event is None:
                return call.record or await self._missed_record(call)
            self._progress.take(event)
            self._react(event)
            self._watch_the_time()
            self._view.refresh()

    def _react(self, event: object) -> None:
        match event:
            case m.CalleeAudio(audio_data=sound):
                self._frames.append(sound)
            case m.DialStatusChange(status=DialStatus.CONNECTED):
                self._deadline = float("inf")
                self._run(self._speak())
                if self._plan.hangup_after is not None:
                    self._run(self._hang_up_after(self._plan.hangup_after))
            case m.CheckPointReached(name=name) if name == self._last_mark:
                self._heard.set()
            case m.CallEnded():
                self._ending = True
                self._deadline = time.monotonic() + RECORD_WITHIN

    def _watch_the_time(self) -> None:
        if time.monotonic() < self._deadline:
            return
        if self._ending:
            raise Stopped(Exit.UNEXPECTED, f"no record of the call came within {RECORD_WITHIN:g} s of its end")
        self._note(f"nobody answered within {self._plan.answer_within:g} s, hanging up")
        self._end()

    def _end(self) -> None:
        self._ending = True
        self._deadline = time.monotonic() + RECORD_WITHIN
        self._run(self._hang_up())

    async def _hang_up(self) -> None:
        assert self.call is not None
        try:
            await self.call.hang_up()
        except ClientError:  # the socket is down; REST may not be
            with contextlib.suppress(ClientError):
                await self._client.hang_up(self.call.session_id)

    async def _hang_up_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if not self._ending:
            self._note("hanging up")
            self._end()

    async def _missed_record(self, call: Call) -> m.CdrEvent:
        """Fetch the record of a call whose room could not be joined: it ended while the connection was down."""
        self._note("the room is closed, asking for the record")
        return await call.finished(within=RECORD_WITHIN)

    # --- what the caller says ----------------------------------------------------------------------------------------

    async def _speak(self) -> None:
        """Play, mark, press the keys, mark, and hang up when the last mark has been heard."""
        plan, call = self._plan, self.call
        assert call is not None
        try:
            if plan.sound is not None:
                await self._play(call, plan.sound)
                await self._mark(call, f"{plan.sound.name} heard")
            for at, key in enumerate(plan.keys):
                if at:
                    await asyncio.sleep(DTMF_DEFAULT_MS / 1_000 + KEY_GAP)
                await call.press(key)
                self._note(f"pressed {key}")
            if plan.keys:
                await self._mark(call, "keys heard")
        except ClientError as error:
            self._note(f"not all was sent: {error}")
            return
        if plan.sound is not None and plan.hangup_after is None:
            await self._heard.wait()
            await self._hang_up_after(MOMENT)

    async def _mark(self, call: Call, name: str) -> None:
        self._heard.clear()
        self._last_mark = name
        await call.check_point(name)

    async def _play(self, call: Call, sound: Sound) -> None:
        self._note(f"playing {sound.name}, {sound.seconds:.1f} s as {sound.format}")
        begun, sent = time.monotonic(), 0.0
        for piece in sound.pieces:
            await asyncio.sleep(max(0.0, sent - LEAD - (time.monotonic() - begun)))
            ack = await call.send_audio(piece.data, sound.format)
            if not ack.success:
                self._note(f"audio refused: {ack.error}")
                return
            sent += piece.seconds
            self._progress.sent(piece.seconds)

    # --- the rest -----------------------------------------------------------------------------------------------------

    def _note(self, text: str) -> None:
        self._progress.note(text)
        self._view.refresh()

    def _run(self, errand: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(errand)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def _drop_errands(self) -> None:
        errands = list(self._errands)
        for errand in errands:
            errand.cancel()
        await asyncio.gather(*errands, return_exceptions=True)

    def _save(self) -> None:
        path = self._plan.recording
        if path is None:
            return
        if not self._frames:
            self._note(f"nothing was heard, so {path} was not written")
            return
        data = b"".join(self._frames)
        try:
            write_wav(path, np.frombuffer(data[: len(data) & ~1], "<i2"))
        except OSError as error:
            raise Stopped(Exit.UNEXPECTED, f"{path} cannot be written: {error.strerror}") from None
        self._note(f"recorded {len(data) / 2 / RATE:.1f} s to {path}")
