"""The outgoing call service as somebody who has only read its document would write it: aiohttp, python-socketio, lists.

What the document leaves open is done otherwise here than by the Node stranger.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import sys
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import socketio
import sound
import uuid_utils
from aiohttp import web
from breaches import BREACHES

TEXTS = {16: "Call completed successfully", 17: "Destination busy", 18: "No response from destination"}
ASTERISK_TEXTS = {16: "Normal Clearing", 17: "User busy", 18: "No user responding"}
QUEUE_LIMIT = 300 * sound.RATE


def flags() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--token", default="dev", help="several, separated by commas")
    parser.add_argument("--ring", type=float, help="seconds; 1 to 3 at random")
    parser.add_argument("--record-delay", type=float, help="seconds; 0.5 to 4 at random")
    parser.add_argument("--callee", choices=("echo", "silent", "music"), default="echo")
    parser.add_argument("--echo-delay", type=float, default=60, help="milliseconds")
    parser.add_argument("--ulaw", action="store_true", help="the echo goes through mu-law")
    parser.add_argument("--noise", type=int, default=0, help="peak of the line's noise, in samples")
    parser.add_argument("--hangup-delay", type=float, default=0, help="seconds that the exchange takes to hang up")
    parser.add_argument("--jitter-buffer", type=float, default=0, help="milliseconds that a silent line waits for more")
    parser.add_argument("--slow-join", action="store_true", help="joinRoom has to ask a database, 0 to 0.2 s at random")
    parser.add_argument("--busy-number")
    parser.add_argument("--no-answer-number")
    parser.add_argument("--no-answer-after", type=float, default=5, help="seconds")
    parser.add_argument("--callee-hangup-number")
    parser.add_argument("--talk", type=float, default=2.5, help="seconds until that callee hangs up")
    parser.add_argument("--ms", action="store_true", help="times with milliseconds: so it is")
    parser.add_argument("--whole-seconds", action="store_true")
    parser.add_argument("--asterisk-texts", action="store_true")
    parser.add_argument("--ids", choices=("v4", "v7", "sequential"), default="v7")
    parser.add_argument("--dtmf", choices=("mixed", "queued"), default="mixed", help="into what is played, or after it")
    parser.add_argument("--breach", choices=BREACHES)
    parser.add_argument("--breaches", action="store_true", help="list them as JSON")
    return parser.parse_args()


args = flags()
sio = socketio.AsyncServer(async_mode="aiohttp", cors_allowed_origins="*")
tokens = args.token.split(",")
calls: dict[str, Call] = {}
records: list[Record] = []
numbers = iter(range(1_000, sys.maxsize))


def wrong(name: str) -> bool:
    """Tell whether this is the breach that was chosen."""
    assert name in BREACHES, name
    return args.breach == name


# --- records ----------------------------------------------------------------------------------------------------------


def iso(moment: float | None) -> str | None:
    """Return a time as the contract writes it."""
    if moment is None:
        return None
    shown = datetime.fromtimestamp(int(moment) if args.whole_seconds else moment, UTC)
    return shown.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class Record:
    """A finished call."""

    id: int
    token: str
    created: float
    fields: dict[str, Any]

    def shown(self) -> dict[str, Any]:
        """Return the row of the list."""
        return self.fields | {"createdAt": iso(self.created), "updatedAt": iso(self.created)}


# --- calls ------------------------------------------------------------------------------------------------------------


@dataclass
class Call:
    """One call and the task that leads it through its life."""

    token: str
    number: str
    id: str
    joined: asyncio.Event = field(default_factory=asyncio.Event)
    started: float | None = None
    answered: float | None = None
    ended: float | None = None
    end: tuple[str, str, int] = ("NO ANSWER", "CALLER", 16)
    life: asyncio.Task[None] | None = None
    watch: asyncio.Task[None] | None = None
    first_member: str | None = None
    # What is played: pieces in order, positions in samples since the answer.
    pieces: deque[sound.Samples] = field(default_factory=deque)
    queued: int = 0
    played: int = 0  # given to the line
    heard_out: int = 0  # heard to its end
    checkpoints: list[tuple[int, str]] = field(default_factory=list)
    tones: list[sound.Samples] = field(default_factory=list)
    keys: deque[tuple[int, str]] = field(default_factory=deque)
    ticks: int = 0
    held: int = 0  # frames for which the line still waits
    interrupted: int = -1_000
    hanging_up: bool = False
    asker: str | None = None

    def __post_init__(self) -> None:
        self.mp3 = sound.Mp3(resampled=not wrong("mp3-not-resampled"))
        self.echo = deque([sound.SILENCE] * (1 + round(args.echo_delay / 20)))
        self.music = sound.Music()

    @property
    def room(self) -> str:
        """The Socket.IO room of the call."""
        return f"call:{self.id}"

    async def tell(self, event: str, **fields: Any) -> None:
        """Emit an event to the room."""
        await sio.emit(event, {"sessionId": self.id, **fields}, room=self.room)

    # --- life

    async def live(self) -> None:
        """Lead the call to its end. Cancelled, it was hung up by the client, which has noted how it ended."""
        with suppress(asyncio.CancelledError):
            await self.dial()
        await self.finish()

    async def dial(self) -> None:
        """Dial when somebody has joined; not for ever."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.joined.wait(), 5)
        self.started = time.time()
        await self.tell("dialStatus", status="Dialing")
        await asyncio.sleep(0.4)
        if self.number == args.busy_number:
            self.end = ("BUSY", "CALLEE", 17)
            if not wrong("busy-unsaid"):
                await self.tell("dialStatus", status="Busy")
            await asyncio.sleep(1)
            return
        await self.tell("dialStatus", status="Ringing")
        if self.number == args.no_answer_number:
            self.end = ("NO ANSWER", "CALLER", 18)
            await asyncio.sleep(args.no_answer_after)
            return
        await asyncio.sleep(random.uniform(1, 3) if args.ring is None else args.ring)
        self.answered = time.time()
        self.end = ("ANSWERED", "CALLEE", 16)
        await self.tell("dialStatus", status="Connected")
        talk = args.talk if self.number == args.callee_hangup_number else 3_600
        with suppress(TimeoutError):
            await asyncio.wait_for(self.media(), talk)

    def hang_up(self) -> None:
        """End the call for the client, as soon as the exchange does."""
        delay = 5 if wrong("hangup-slow") else args.hangup_delay
        if delay == 0:
            self.cut()
        elif not self.hanging_up:
            self.hanging_up = True
            asyncio.get_running_loop().call_later(delay, self.cut)

    def cut(self) -> None:
        """End the call now, if it has not ended by itself."""
        if self.ended is not None:
            return
        self.end = ("NO ANSWER" if self.answered is None else "ANSWERED", "CALLER", 16)
        self.ended = time.time()
        assert self.life is not None
        self.life.cancel()

    async def finish(self) -> None:
        """Say that it has ended, and write the record some time later."""
        self.ended = self.ended or time.time()
        if wrong("cdr-before-hangup"):
            await self.tell_record(self.record())
            await asyncio.sleep(0.2)
        if wrong("hangup-told-to-asker") and self.asker:
            await sio.emit("hangup", {"sessionId": self.id}, to=self.asker)
        else:
            await self.tell("hangup")
        await asyncio.sleep(random.uniform(0.5, 4) if args.record_delay is None else args.record_delay)
        record = self.record()
        if not wrong("cdr-before-hangup"):
            await self.tell_record(record)
        if wrong("cdr-twice"):
            await asyncio.sleep(0.3)
            await self.tell_record(record)
        await asyncio.sleep(0.2)  # the database is not the fastest
        records.append(record)

    async def tell_record(self, record: Record) -> None:
        """Emit the cdr event, with all that the record has."""
        shown = record.shown()
        if wrong("event-differs-from-row"):
            shown["duration"] += 1
        await sio.emit("cdr", shown, room=self.first_member if wrong("cdr-to-one") else self.room)

    def record(self) -> Record:
        """Return what is written of the call."""
        assert self.ended is not None
        disposition, by, code = self.end
        if wrong("cancelled-as-answered") and by == "CALLER" and code == 16:
            disposition = "ANSWERED"
        started = self.started or self.ended
        texts = ASTERISK_TEXTS if args.asterisk_texts else TEXTS
        billable_from = started if wrong("billable-from-start") and self.answered else self.answered or self.ended
        fields = {
            "sessionId": self.id,
            "destination": self.number,
            "startTime": iso(started),
            "answerTime": iso(started if wrong("answer-time-of-unanswered") and not self.answered else self.answered),
            "endTime": iso(self.ended),
            "duration": round(self.ended - started),
            "billableSeconds": round(self.ended - billable_from),
            "disposition": disposition,
            "hangupBy": {"CALLER": "CALLEE", "CALLEE": "CALLER"}[by] if wrong("hangup-by-swapped") else by,
            "hangupCauseCode": code,
            "hangupCauseText": texts[17 if code == 16 and wrong("cause-text-of-another") else code],
        }
        if wrong("billable-null") and not self.answered:
            fields["billableSeconds"] = None
        return Record(len(records) + 1, self.token, time.time(), fields)

    # --- media

    async def media(self) -> None:
        """Play and listen, a frame every 20 ms."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            await self.tick()
            due += 0.02
            await asyncio.sleep(max(0, due - loop.time()))

    async def tick(self) -> None:
        """Play one frame to the callee and send what it says."""
        self.heard_out = self.played
        said = self.callee(self.heard())
        if args.noise:
            said = sound.mixed(said, np.random.default_rng().integers(-args.noise, args.noise + 1, sound.FRAME))
        data = (said.astype(">i2") if wrong("big-endian") else said.astype("<i2")).tobytes()
        payload = {"sessionId": self.id, "audioData": data, "audioFormat": "pcm16"}
        self.ticks += 1
        if wrong("audio-without-format"):
            del payload["audioFormat"]
        if not wrong("frames-lost") or self.ticks % 40:
            await sio.emit("audio", payload, room=self.first_member if wrong("second-member-deaf") else self.room)
        while self.checkpoints and self.checkpoints[0][0] <= self.heard_out:
            if wrong("checkpoint-polled") and self.ticks % 100:
                break
            await self.tell("checkPoint", name=self.checkpoints.pop(0)[1])
        while self.keys and self.keys[0][0] <= self.ticks:
            digit = self.keys.popleft()[1]
            as_number = wrong("digit-as-number") and digit.isdigit()
            await self.tell("dtmf", digit=int(digit) if as_number else digit)

    def heard(self) -> sound.Samples:
        """Take a frame from the queue, and put the tones on it."""
        frame = sound.SILENCE.copy()
        filled = 0
        if not self.pieces:
            self.held = round(args.jitter_buffer / 20)
        self.held -= 1
        while self.held < 0 and self.pieces and filled < sound.FRAME:
            piece = self.pieces.popleft()
            part = piece[: sound.FRAME - filled]
            frame[filled : filled + len(part)] = part
            filled += len(part)
            if len(piece) > len(part):
                self.pieces.appendleft(piece[len(part) :])
        self.played += filled
        if self.tones:
            tone = self.tones.pop(0)
            padded = np.pad(tone[: sound.FRAME], (0, max(0, sound.FRAME - len(tone))))
            frame = sound.mixed(frame, padded)
            if len(tone) > sound.FRAME:
                self.tones.insert(0, tone[sound.FRAME :])
        return frame

    def callee(self, heard: sound.Samples) -> sound.Samples:
        """Return what the callee says."""
        if args.callee == "silent":
            return sound.SILENCE
        if args.callee == "music":
            return self.music.frame()
        self.echo.append(sound.through_ulaw(heard) if args.ulaw else heard)
        return self.echo.popleft()

    def enqueue(self, samples: sound.Samples) -> None:
        """Play samples after all that waits."""
        self.pieces.append(samples)
        self.queued += len(samples)

    def play(self, data: Any, audio_format: Any) -> None:
        """Queue a client's audio. Raises ValueError where it cannot be played."""
        if not isinstance(data, bytes | bytearray):
            raise ValueError("audioData has to be a Buffer")
        if not data:
            raise ValueError("audioData is empty")
        decoders = {"pcm16": sound.from_pcm, "ulaw": sound.from_ulaw, "alaw": sound.from_alaw, "mp3": self.mp3.decode}
        if not isinstance(audio_format, str) or audio_format not in decoders:
            raise ValueError(f"audioFormat has to be one of {', '.join(decoders)}")
        if audio_format == "pcm16" and len(data) % 2:
            raise ValueError("half a sample is missing at the end of audioData")
        samples = decoders[audio_format](bytes(data))
        if self.queued - self.played + len(samples) > QUEUE_LIMIT:
            raise ValueError("too much audio is waiting")
        if len(samples) and not (wrong("interruption-deafens") and self.ticks - self.interrupted < 25):
            self.enqueue(samples)

    async def mark(self, name: str) -> None:
        """Remember a checkpoint; where nothing waits, it is reached."""
        if wrong("same-names-once") and any(name == waiting for _, waiting in self.checkpoints):
            return
        if self.queued <= self.heard_out and not self.checkpoints:
            await self.tell("checkPoint", name=name)
        else:
            self.checkpoints.append((self.queued, name))

    def press(self, digit: str, milliseconds: float) -> None:
        """Send a tone, and let the callee who echoes press the same key."""
        tone = sound.key_tone(digit, milliseconds)
        waiting = sum(len(tone) for tone in self.tones)
        if args.dtmf == "queued":
            waiting = self.queued - self.played
            self.enqueue(np.zeros_like(tone) if wrong("tone-unheard") else tone)
        elif not wrong("tone-unheard"):
            # A pause between two tones, or they would be one.
            self.tones.append(np.concatenate([tone, np.zeros(sound.RATE // 20, np.int16)]))
        if args.callee == "echo":
            lasts = (waiting + len(tone)) / sound.FRAME + args.echo_delay / 20
            self.keys.append((self.ticks + 1 + round(lasts), digit))

    async def interrupt(self) -> None:
        """Play nothing of what waits."""
        if wrong("interruption-of-one-message"):
            if self.pieces:
                self.queued -= len(self.pieces.popleft())
            return
        self.interrupted = self.ticks
        self.pieces.clear()
        self.tones.clear()
        self.queued = self.played
        underway = self.ticks + 1 + round(args.echo_delay / 20)
        self.keys = deque((at, digit) for at, digit in self.keys if at <= underway)
        cleared, self.checkpoints = self.checkpoints, []
        if wrong("interruption-fires-checkpoints"):
            for _, name in cleared:
                await self.tell("checkPoint", name=name)


def live_call(session_id: object, token: str) -> Call | None:
    """Return the call of a session that goes on, where the token may use it."""
    call = calls.get(session_id) if isinstance(session_id, str) else None
    return call if call and call.token == token and call.ended is None else None


# --- REST -------------------------------------------------------------------------------------------------------------


def reply(status: int, errors: str, data: Any) -> web.Response:
    """Return the envelope."""
    body = {"status": status, "errors": errors, "data": data}
    if errors and wrong("errors-without-data"):
        del body["data"]
    return web.json_response(body, status=status)


@web.middleware
async def authenticated(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Let in who has a token. Socket.IO has its own door, and what does not exist is told to everybody."""
    if request.path.startswith("/socket.io") or isinstance(request.match_info.http_exception, web.HTTPException):
        return await handler(request)
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    known = token in tokens
    if wrong("token-and-more") and token.startswith(tokens[0]):
        known, token = True, tokens[0]
    if (scheme != "Bearer" and not wrong("any-scheme")) or not known:
        if wrong("unauthorised-as-text"):
            raise web.HTTPUnauthorized
        return reply(401, "Authentication token is invalid" if token else "Authentication token is required", None)
    request["token"] = token
    return await handler(request)


async def body_of(request: web.Request) -> dict[str, Any]:
    """Return the JSON object of a request; an empty one where there is none. Raises ValueError where it is broken."""
    text = await request.text()
    body = json.loads(text) if text.strip() else {}
    if not isinstance(body, dict):
        raise ValueError("not an object")
    return body


def new_id() -> str:
    """Return a session id."""
    if args.ids == "sequential":
        return f"call-{next(numbers)}"
    return str(uuid.uuid4() if args.ids == "v4" else uuid_utils.uuid7())


async def place_call(request: web.Request) -> web.Response:
    """POST /pbx/call."""
    try:
        number = (await body_of(request)).get("phoneNumber")
    except ValueError:
        return reply(500 if wrong("malformed-json-500") else 400, "Request body must be JSON", None)
    if number is None and wrong("missing-number-500"):
        return reply(500, "Internal Server Error", None)
    if not isinstance(number, str) or not re.fullmatch(r"\+?[0-9]{6,18}", number):
        return reply(400, "Invalid phone number format", None)
    token = request["token"]
    call = Call(token, number, new_id())
    calls[call.id] = call
    # Before the reply: who listens knows first.
    room = f"token:{token}"
    if wrong("new-session-to-one"):
        room = list(sio.manager.get_participants("/", room) or [(None, None)])[-1][0]
    await sio.emit(
        "newSession",
        {"sessionId": call.id, "type": "outgoing" if wrong("type-outgoing") else "outbound"},
        room=room or "nobody",
    )
    call.life = asyncio.create_task(call.live())
    return reply(200, "", {"phoneNumber": number, "sessionId": call.id})


async def hang_up(request: web.Request) -> web.Response:
    """POST /pbx/hangup."""
    try:
        session_id = (await body_of(request)).get("sessionId")
    except ValueError:
        return reply(500 if wrong("malformed-json-500") else 400, "Request body must be JSON", None)
    if not isinstance(session_id, str) or not session_id:
        return reply(400, "sessionId must be a string", None)
    call = live_call(session_id, request["token"])
    if call is not None:
        call.hang_up()
    elif not wrong("unknown-hangup-200"):
        return reply(404, "Session not found", None)
    return reply(200, "", {"sessionId": session_id})


def like(pattern: str, text: str) -> bool:
    """Match as a database does by ILIKE: % is anything, _ any character."""
    pieces = {"%": ".*", "_": "."}
    regex = "".join(pieces.get(letter, re.escape(letter)) for letter in pattern)
    return re.fullmatch(regex, text, re.IGNORECASE | re.DOTALL) is not None


Test = Callable[[dict[str, Any]], bool]


def filter_of(name: str, value: str) -> Test:
    """Return the test of one filter. Raises ValueError where it is not supported."""
    operator, colon, operand = value.partition(":")
    if not colon or not operator.startswith("$"):
        operator, operand = "$eq", value
    if name == "destination":
        if operator == "$contains" or (operator == "$eq" and wrong("eq-as-contains")):
            pattern = f"{operand}%" if wrong("contains-as-prefix") else f"%{operand}%"
            return lambda row: like(pattern, row[name])
        if operator == "$eq":
            return lambda row: row[name] == operand
    elif name in ("duration", "billableSeconds"):
        number = float(operand)
        if name == "billableSeconds" and wrong("billable-filter-ignored"):
            return lambda _: True
        tests: dict[str, Test] = {
            "$eq": lambda row: row[name] == number,
            "$gt": lambda row: row[name] > number,
            "$gte": lambda row: row[name] >= number,
            "$lt": lambda row: row[name] < number,
            "$lte": lambda row: row[name] <= number,
        }
        if operator in tests:
            return tests[operator]
    raise ValueError(f"filter.{name} with {operator} is not supported")


async def list_records(request: web.Request) -> web.Response:
    """GET /cdr: at most 50 a page."""
    first = 0 if wrong("page-from-zero") else 1
    filters: dict[str, list[str]] = {}
    tests: dict[str, list[Test]] = {}
    try:
        page = max(first, int(request.query.get("page") or first))
        limit = int(request.query.get("limit") or 20)
        for key, value in request.query.items():
            if key.startswith("filter."):
                name = key.removeprefix("filter.")
                filters.setdefault(name, []).append(value)
                tests.setdefault(name, []).append(filter_of(name, value))
    except ValueError as error:
        return reply(400, f"Invalid query: {error}", None)
    limit = 50 if wrong("limit-ignored") else min(limit if limit > 0 else 20, 50)
    join = any if wrong("filters-joined-by-or") and len(tests) > 1 else all
    mine = [record for record in records if record.token == request["token"]]
    found = [r for r in mine if join(all(test(r.fields) for test in each) for each in tests.values())]
    if not wrong("oldest-first"):
        found = found[::-1]
    pages = max(1, -(-len(found) // limit))
    at = (page - first) * limit
    meta: dict[str, Any] = {
        "itemsPerPage": limit,
        "totalItems": len(found[at : at + limit]) if wrong("total-items-of-page") else len(found),
        "currentPage": page,
        "totalPages": pages,
        "sortBy": [["id", "DESC"]],
    }
    if filters:
        meta["filter"] = {name: values[0] if len(values) == 1 else values for name, values in filters.items()}
    here = request.url.with_query([(key, value) for key, value in request.query.items() if key != "page"])
    links = {
        "first": str(here.update_query(page=first)),
        "current": str(request.url),
        "last": str(here.update_query(page=pages)),
    }
    body = {"data": [record.shown() for record in found[at : at + limit]], "meta": meta, "links": links}
    return reply(200, "", body) if wrong("list-in-envelope") else web.json_response(body)


async def one_record(request: web.Request) -> web.Response:
    """GET /cdr/{sessionId}."""
    for record in records:
        mine = record.token == request["token"] and record.fields["sessionId"] == request.match_info["session_id"]
        if mine and not wrong("record-in-list-only"):
            shown = record.shown()
            return web.json_response(shown) if wrong("detail-without-envelope") else reply(200, "", shown)
    return reply(404, "CDR not found", None)


# --- Socket.IO --------------------------------------------------------------------------------------------------------


@sio.event
async def connect(sid: str, environ: dict[str, Any], auth: Any = None) -> None:
    token = auth.get("token") if isinstance(auth, dict) else None
    token = token.removeprefix("Bearer ") if isinstance(token, str) else ""
    if token not in tokens:
        if not wrong("sockets-without-token"):
            raise socketio.exceptions.ConnectionRefusedError("Authentication failed")
        token = tokens[0]
    await sio.save_session(sid, {"token": token})
    await sio.enter_room(sid, f"token:{token}")


async def call_of(sid: str, payload: Any) -> Call | None:
    """Return the live call that an event is about."""
    if wrong("chunks-out-of-order"):
        await asyncio.sleep(random.uniform(0, 0.03))
    session = await sio.get_session(sid)
    return live_call(payload.get("sessionId"), session["token"]) if isinstance(payload, dict) else None


@sio.on("joinRoom")
async def join_room(sid: str, payload: Any = None, *_: Any) -> None:
    if args.slow_join:
        await asyncio.sleep(random.uniform(0, 0.2))
    call = await call_of(sid, payload)
    if call is None:
        session_id = payload.get("sessionId") if isinstance(payload, dict) else None
        await sio.emit("roomJoined", {"sessionId": session_id, "status": "failed"}, to=sid)
        return
    await sio.enter_room(sid, call.room)
    call.first_member = call.first_member or sid
    await sio.emit("roomJoined", {"sessionId": call.id, "status": "success"}, to=sid)
    call.joined.set()


@sio.on("audio")
async def audio(sid: str, payload: Any = None, *_: Any) -> dict[str, Any]:
    call = await call_of(sid, payload)
    try:
        if call is None:
            raise ValueError("there is no active call with this sessionId")
        call.play(payload.get("audioData"), payload.get("audioFormat"))
    except ValueError as error:
        if not wrong("ack-always-success"):
            return {"success": False, "error": str(error)}
    return {"success": True, "error": None}


@sio.on("checkPoint")
async def check_point(sid: str, payload: Any = None, *_: Any) -> None:
    call = await call_of(sid, payload)
    name = payload.get("name") if call else None
    if call and isinstance(name, str) and name:
        await call.mark(name)


@sio.on("dtmf")
async def dtmf(sid: str, payload: Any = None, *_: Any) -> None:
    call = await call_of(sid, payload)
    if call is None:
        return
    digit, duration = payload.get("digit"), payload.get("duration", 200)
    if not isinstance(digit, str) or digit not in sound.LOW or isinstance(duration, bool):
        return
    if isinstance(duration, int | float) and 20 <= duration <= 10_000:
        call.press(digit, duration)


@sio.on("interruption")
async def interruption(sid: str, payload: Any = None, *_: Any) -> None:
    call = await call_of(sid, payload)
    if call is not None:
        await call.interrupt()


@sio.on("hangup")
async def hangup(sid: str, payload: Any = None, *_: Any) -> None:
    call = await call_of(sid, payload)
    if call is not None and not wrong("socket-hangup-ignored"):
        call.asker = sid
        call.hang_up()


@sio.event
async def disconnect(sid: str, *_: Any) -> None:
    rooms = sio.rooms(sid)
    for call in list(calls.values()):
        if call.room in rooms and call.ended is None:
            call.watch = asyncio.create_task(abandoned(call))
            if wrong("disconnect-hangs-up"):
                call.hang_up()


async def abandoned(call: Call) -> None:
    """Hang up when nobody comes back into the room in time."""
    await asyncio.sleep(10)
    if call.ended is None and not list(sio.manager.get_participants("/", call.room)):
        call.hang_up()


async def main() -> None:
    """Serve until the process ends."""
    app = web.Application(middlewares=[authenticated])
    app.add_routes(
        [
            web.post("/pbx/call", place_call),
            web.post("/pbx/hangup", hang_up),
            web.get("/cdr", list_records),
            web.get("/cdr/{session_id}", one_record),
        ]
    )
    sio.attach(app)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", args.port)
    await site.start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


if args.breaches:
    print(json.dumps(BREACHES))
elif __name__ == "__main__":
    asyncio.run(main())
