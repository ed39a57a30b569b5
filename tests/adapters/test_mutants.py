"""Each mutant breaks the contract where a client can see it, over real sockets, and a faithful service does not."""

from base64 import b64decode
from contextlib import suppress
from itertools import chain

import aiohttp
import numpy as np
import pytest
from mutant_talk import AGAIN, CONVERSATION, LONG, PCM, ULAW, Transcript, talk

from mockpbx.app import Server
from mockpbx.media.g711 import decode_alaw, decode_ulaw, encode_ulaw
from mockpbx.runtime.mutants.events import STRANGER
from mockpbx.runtime.mutants.table import MUTANTS
from mockpbx.runtime.settings import ServerSettings, WorkspaceSettings

ANSWERED = 2_500
FRAMES = 228  # of call A, from Connected to hangup
LATE_LONG = LONG[:320]


def swapped(sound: bytes) -> bytes:
    return np.frombuffer(sound, "<i2").byteswap().tobytes()


def sizes(t: Transcript) -> set[int]:
    return {len(frame) for frame in t.frames()}


def frames_before(t: Transcript) -> set[int]:
    """How many frames of A came before each other event."""
    counts, count = set(), 0
    for _, name, data in t.heard:
        count += name == "audio" and data["sessionId"] == "A"
        counts.add(count) if name != "audio" else None
    return counts


def mark(t: Transcript, name: str) -> int:
    return t.at("checkPoint", name=name)


def after_hangup(t: Transcript) -> list[str]:
    names = [name for _, name, data in t.heard if data.get("sessionId") == "A"]
    return names[names.index("hangup") :] if "hangup" in names else []


def everywhere(t: Transcript, call: str = "A", **fields: object) -> bool:
    """Whether all views of a call's record have these fields so."""
    views = t.views(call)
    return len(views) == (3 if call == "A" else 2) and all(view == view | fields for view in views)


def nowhere(t: Transcript, name: str) -> bool:
    return len(t.views()) == 3 and all(name not in view for view in t.views())


def data(t: Transcript, name: str) -> dict:
    return t.body(name)["data"]


def calls(t: Transcript, name: str) -> list[str]:
    return [row["sessionId"] for row in t.body(name)["data"]]


def status(t: Transcript, *names: str) -> list[int]:
    """The replies' HTTP statuses, where their envelopes say the same."""
    return [code if body["status"] == code else -1 for code, body in (t.replies[name] for name in names)]


VISIBLE = {
    # --- rest
    "post-201": lambda t: status(t, "call A", "call B") == [201, 201] and status(t, "hang up") == [200],
    "post-errors-null": lambda t: t.body("call A")["errors"] is t.body("hang up")["errors"] is None,
    "post-status-as-string": lambda t: t.body("call A")["status"] == t.body("hang up")["status"] == "200",
    "post-without-session": lambda t: "sessionId" not in data(t, "call A"),
    "post-session-numeric": lambda t: isinstance(data(t, "call A")["sessionId"], int),
    "post-session-of-a-stranger": lambda t: data(t, "call A")["sessionId"] != "A",
    "post-without-data": lambda t: t.body("call A") == {"phoneNumber": "08000001000", "sessionId": "A"},
    "post-number-changed": lambda t: data(t, "call A")["phoneNumber"] == "+628000001000",
    "new-session-before-reply": lambda t: (
        [n for _, n, d in t.heard if d.get("sessionId") == "A" or n == "reply: call A"][:2]
        == ["newSession", "reply: call A"]
    ),
    "invalid-number-accepted": lambda t: status(t, "bad number") == [200] and data(t, "bad number")["sessionId"],
    "missing-token-accepted": lambda t: t.replies["no token"][0] == 200,
    "unauthorized-as-403": lambda t: status(t, "no token") == [403],
    "bad-request-as-422": lambda t: status(t, "bad number") == [422],
    "not-found-as-500": lambda t: status(t, "no such record", "no such call") == [500, 500],
    "errors-as-200": lambda t: t.replies["bad number"][0] == 200 and t.body("bad number")["status"] == 400,
    "errors-as-list": lambda t: t.body("bad number")["errors"] == ["Invalid phone number format"],
    "unknown-hangup-accepted": lambda t: status(t, "no such call", "hang up again") == [200, 200],
    "detail-without-envelope": lambda t: t.body("detail")["sessionId"] == "A",
    "detail-not-found": lambda t: status(t, "detail") == [404],
    "list-with-envelope": lambda t: t.body("list")["status"] == 200 and "meta" in t.body("list")["data"],
    "cdr-page-from-zero": lambda t: calls(t, "one") == ["C"],
    "cdr-total-of-page": lambda t: t.body("one")["meta"]["totalItems"] == 1,
    "cdr-total-as-string": lambda t: t.body("list")["meta"]["totalItems"] == "4",
    "cdr-sorted-ascending": lambda t: calls(t, "list") == ["B", "A", "C", "D"],
    "filter-ignored": lambda t: calls(t, "busy") == ["D", "C", "A", "B"],
    "filter-lost-behind-page-1": lambda t: calls(t, "busy beyond") == ["C"],
    "filter-billable-alone": lambda t: calls(t, "unbilled") == ["B"],
    "cdr-total-unfiltered": lambda t: t.body("busy")["meta"]["totalItems"] == 4,
    "cdr-filtered-ascending": lambda t: calls(t, "list") == ["D", "C", "A", "B"] and calls(t, "answered") == ["A", "D"],
    "gte-as-gt": lambda t: calls(t, "unanswered") == [],
    "limit-ignored": lambda t: calls(t, "one") == ["D", "C", "A", "B"],
    # --- joining
    "join-always-succeeds": lambda t: t.one("roomJoined", "unknown")["status"] == "success",
    "join-always-fails": lambda t: t.one("roomJoined")["status"] == "failed" and "Connected" in t.statuses(),
    "join-status-in-capitals": lambda t: t.one("roomJoined")["status"] == "SUCCESS",
    "join-status-as-boolean": lambda t: t.one("roomJoined")["status"] is True,
    "room-joined-lost": lambda t: not t.of("roomJoined") and "Connected" in t.statuses(),
    "join-ignored": lambda t: t.story() == ["newSession"],
    "events-to-non-members": lambda t: {"dialStatus", "hangup", "cdr"} <= {name for name, _ in t.overheard},
    "events-to-one-only": lambda t: not t.overheard and t.of("newSession"),
    "events-to-other-calls": lambda t: (
        {"dialStatus", "hangup"} <= {name for name, of in t.next_door if of["sessionId"] == "A"}
    ),
    "hangup-of-all": lambda t: t.at("hangup", "C") == t.at("hangup", "B") < t.at("cdr", "C"),
    "any-socket-token-accepted": lambda t: t.strangers == ["invalid-1"],
    # --- events
    "new-session-lost": lambda t: "newSession" not in t.story() and t.of("roomJoined"),
    "new-session-twice": lambda t: t.story()[:2] == ["newSession", "newSession"],
    "new-session-wrong-type": lambda t: t.one("newSession")["type"] == "inbound",
    "dialing-skipped": lambda t: t.statuses() == ["Ringing", "Connected"],
    "ringing-skipped": lambda t: t.statuses() == ["Dialing", "Connected"],
    "connected-lost": lambda t: t.statuses() == ["Dialing", "Ringing"] and t.of("audio"),
    "connected-before-ringing": lambda t: t.statuses() == ["Dialing", "Connected", "Ringing"],
    "connected-twice": lambda t: t.statuses() == ["Dialing", "Ringing", "Connected", "Connected"],
    "connected-in-lower-case": lambda t: t.statuses() == ["Dialing", "Ringing", "connected"],
    "busy-in-lower-case": lambda t: t.statuses("B") == ["Dialing", "busy"],
    "busy-as-ringing": lambda t: t.statuses("B") == ["Dialing", "Ringing"],
    "dial-status-of-a-stranger": lambda t: not t.of("dialStatus") and t.of("dialStatus", STRANGER),
    "dial-status-as-state": lambda t: len(t.of("dialState")) == 3 and not t.of("dialStatus"),
    "checkpoint-lost": lambda t: not t.marks() and t.of("dtmf"),
    "checkpoint-twice": lambda t: t.marks()[:4] == ["Empty", "Empty", "One", "One"],
    "checkpoint-renamed": lambda t: t.marks() == ["eMPTY", "oNE", "tWO", "kEY", "aFTER"],
    "checkpoint-event-in-lower-case": lambda t: len(t.of("checkpoint")) == 5 and not t.marks(),
    "checkpoint-without-session": lambda t: {"name": "One"} in [d for _, n, d in t.heard if n == "checkPoint"],
    "dtmf-lost": lambda t: not t.of("dtmf") and mark(t, "Key") == 4_560,
    "dtmf-twice": lambda t: len(t.of("dtmf")) == 2,
    "dtmf-as-number": lambda t: t.one("dtmf")["digit"] == 7,
    "dtmf-digit-as-key": lambda t: t.one("dtmf") == {"sessionId": "A", "key": "7"},
    "hangup-lost": lambda t: "hangup" not in t.story() and t.of("cdr"),
    "hangup-twice": lambda t: t.story().count("hangup") == 2,
    "hangup-of-a-stranger": lambda t: t.of("hangup", STRANGER) and not t.of("hangup"),
    "cdr-lost": lambda t: t.story()[-1] == "hangup",
    "cdr-twice": lambda t: t.story()[-2:] == ["cdr", "cdr"],
    "cdr-before-hangup": lambda t: t.story()[-2:] == ["cdr", "hangup"],
    # --- timing
    "checkpoint-early": lambda t: mark(t, "One") == mark(t, "Two") == 2_640,
    "checkpoint-at-start": lambda t: mark(t, "One") == 2_660 and mark(t, "Two") == 4_160,
    "checkpoint-late": lambda t: mark(t, "One") == 5_660,
    "checkpoints-out-of-order": lambda t: t.marks() == ["Empty", "Two", "One", "Key", "After"],
    "checkpoint-on-empty-queue-lost": lambda t: t.marks() == ["One", "Two", "Key", "After"],
    "checkpoint-survives-interruption": lambda t: t.marks() == ["Empty", "One", "Two", "Key", "Cut", "After"],
    "interruption-ignored": lambda t: t.frames().count(LATE_LONG) > 100 and AGAIN not in t.sound(),
    "interruption-late": lambda t: 60 < t.frames().count(LATE_LONG) < 80,
    "deaf-after-interruption": lambda t: PCM in t.sound() and AGAIN not in t.sound() and t.acks["again"]["success"],
    "hangup-ignored": lambda t: t.at("hangup") == 12_540,
    "hangup-late": lambda t: t.at("hangup") == 10_040 and len(t.of("cdr")) == 1,
    "connected-late": lambda t: t.at("dialStatus", status="Connected") == ANSWERED + 1_000 > t.at("audio"),
    "hangup-told-late": lambda t: t.at("hangup") == 8_040 and len(t.frames()) == FRAMES,
    # --- audio
    "frames-of-160-bytes": lambda t: sizes(t) == {160} and PCM in t.sound(),
    "frames-of-40-ms": lambda t: sizes(t) == {640} and PCM in t.sound(),
    "frames-in-pairs": lambda t: all(count % 2 == 0 for count in frames_before(t)) and PCM in t.sound(),
    "frames-at-double-pace": lambda t: len(t.frames()) == 2 * FRAMES and sizes(t) == {320},
    "frames-at-half-pace": lambda t: len(t.frames()) == FRAMES / 2 and sizes(t) == {320},
    "frames-out-of-order": lambda t: (
        PCM in b"".join(chain(*zip(t.frames()[1::2], t.frames()[::2], strict=True))) and PCM not in t.sound()
    ),
    "frames-big-endian": lambda t: PCM in swapped(t.sound()),
    "frames-in-stereo": lambda t: PCM in np.frombuffer(t.sound(), "<i2")[::2].tobytes() and sizes(t) == {640},
    "frames-in-ulaw": lambda t: encode_ulaw(np.frombuffer(PCM, "<i2")) in t.sound() and sizes(t) == {160},
    "frames-silent": lambda t: len(t.frames()) == FRAMES and not any(t.sound()),
    "frames-quiet": lambda t: (np.frombuffer(PCM, "<i2") // 4).astype("<i2").tobytes() in t.sound(),
    "frames-as-base64-text": lambda t: PCM in b"".join(b64decode(text) for text in t.frames()),
    "frames-without-format": lambda t: "audioFormat" not in t.one("audio"),
    "frames-as-media": lambda t: len(t.of("media")) == FRAMES and not t.frames(),
    "audio-before-connected": lambda t: t.at("audio") < t.at("dialStatus", status="Connected"),
    "audio-after-hangup": lambda t: after_hangup(t).count("audio") == 10,
    "client-audio-dropped": lambda t: PCM[:320] not in t.sound() and t.acks["pcm"]["success"] and t.of("dtmf"),
    "client-audio-cut": lambda t: PCM not in t.sound() and PCM[:8_000] in t.sound(),
    "client-audio-big-endian": lambda t: swapped(PCM) in t.sound(),
    "client-audio-as-alaw": lambda t: decode_alaw(ULAW).tobytes() in t.sound() and PCM in t.sound(),
    "client-digit-ignored": lambda t: not t.of("dtmf") and mark(t, "Key") == 4_340,
    "client-digit-mistaken": lambda t: t.one("dtmf")["digit"] == "8",
    "client-digit-too-short": lambda t: 4_340 < mark(t, "Key") < 4_400,
    # --- acks
    "ack-missing": lambda t: not t.acks and PCM in t.sound(),
    "ack-success-as-string": lambda t: t.acks["pcm"]["success"] == "true" and t.acks["odd"]["success"] == "false",
    "ack-error-empty": lambda t: t.acks["pcm"] == {"success": True, "error": ""},
    "ack-without-error": lambda t: t.acks["pcm"] == {"success": True},
    "ack-error-null": lambda t: t.acks["odd"] == {"success": False, "error": None},
    "ack-says-refused": lambda t: not t.acks["pcm"]["success"] and PCM in t.sound(),
    "ack-hides-refusal": lambda t: t.acks["odd"] == t.acks["early"] == {"success": True, "error": None},
    "ack-hides-the-end": lambda t: t.acks["ended"] == {"success": True, "error": None} != t.acks["odd"],
    "audio-before-connected-accepted": lambda t: t.acks["early"]["success"] and not t.acks["odd"]["success"],
    # --- records
    "cdr-differs-from-rest": lambda t: [view["duration"] for view in t.views()] == [8, 7, 7],
    "duration-one-too-many": lambda t: everywhere(t, duration=8),
    "duration-in-milliseconds": lambda t: everywhere(t, duration=7_000),
    "duration-as-string": lambda t: everywhere(t, duration="7"),
    "billable-includes-ringing": lambda t: everywhere(t, billableSeconds=7) and everywhere(t, "B", billableSeconds=0),
    "billable-unanswered": lambda t: everywhere(t, billableSeconds=4) and everywhere(t, "B", billableSeconds=1),
    "disposition-in-lower-case": lambda t: everywhere(t, disposition="answered"),
    "busy-as-failed": lambda t: everywhere(t, "B", disposition="FAILED"),
    "no-answer-with-underscore": lambda t: everywhere(t, "C", disposition="NO_ANSWER"),
    "hangup-by-swapped": lambda t: everywhere(t, hangupBy="CALLEE"),
    "hangup-by-missing": lambda t: nowhere(t, "hangupBy"),
    "cause-code-as-string": lambda t: everywhere(t, hangupCauseCode="16"),
    "cause-always-normal": lambda t: everywhere(t, "B", hangupCauseCode=16),
    "cause-text-missing": lambda t: nowhere(t, "hangupCauseText"),
    "answer-time-null": lambda t: everywhere(t, answerTime=None),
    "answer-time-of-unanswered": lambda t: everywhere(t, "B", answerTime="2026-01-05T08:00:01.000Z"),
    "times-without-zone": lambda t: everywhere(t, startTime="2026-01-05T08:00:00.000"),
    "destination-without-zero": lambda t: everywhere(t, destination="8000001000"),
    "created-at-missing": lambda t: "createdAt" not in data(t, "detail") and "createdAt" not in data(t, "list")[0],
}


async def transcript(mutant: str | None) -> Transcript:
    server = ServerSettings(port=0, database=":memory:", seed=1, mutant=mutant)
    async with aiohttp.ClientSession() as http, Server(server, WorkspaceSettings(**CONVERSATION)) as pbx:
        return await talk(pbx, http)


def test_every_mutant_is_looked_for():
    assert list(VISIBLE) == list(MUTANTS)


async def test_a_faithful_service_shows_none_of_them():
    faithful = await transcript(None)
    assert PCM in faithful.sound()
    assert decode_ulaw(ULAW).tobytes() in faithful.sound()
    assert AGAIN in faithful.sound()
    assert len(faithful.frames()) == FRAMES
    assert faithful.story() == [
        "newSession", "roomJoined", "Dialing", "Ringing", "Connected", *["checkPoint"] * 3, "dtmf", *["checkPoint"] * 2,
        "hangup", "cdr",
    ]  # fmt: skip
    seen = []
    for name, visible in VISIBLE.items():
        with suppress(KeyError, TypeError, AttributeError, ValueError):  # it looks into what only the mutant says
            seen += [name] if visible(faithful) else []
    assert not seen


@pytest.mark.parametrize("name", MUTANTS)
async def test_a_mutant_breaks_the_contract_where_a_client_sees_it(name):
    assert VISIBLE[name](await transcript(name))


async def test_a_server_says_aloud_that_it_breaks_the_contract(serve, caplog):
    await serve(mutant="cdr-twice")
    assert "this server breaks the contract on purpose: cdr-twice (the cdr event is sent twice)" in caplog.text
