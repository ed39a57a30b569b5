"""What the documents say beyond the rows of the tables: Markdown (CommonMark with tables), one section a function.

Headings are of the second level, so that a document's description is sections one after the other.
"""

from __future__ import annotations

from collections.abc import Iterable

from mockpbx.contract.vocabulary import AUDIO_PACKETS, HANGUP_CAUSES, RECOMMENDED_PACKET

TITLE = "Outgoing Call Service"
VERSION = "1.0.4"
HOSTED = "https://api-call.optimaccs.com"
OVERVIEW = (
    "Voice calls through REST and Socket.IO: place outbound calls, follow their sessions, stream audio both ways, read "
    "call detail records."
)
SILENT = "Where the published text is silent:"

_BASIS = f"""\
This is the published contract, version {VERSION}, in machine-readable form. What stands under “{SILENT}” is not in the
published text: it was measured on the stack that the service is built on (NestJS, nestjs-paginate, Socket.IO for
Node, Asterisk). Where the published samples contradict its tables, the tables rule."""

_AUTHENTICATION = """\
Every request takes `Authorization: Bearer <token>`; every Socket.IO connection the same token as `auth.token` (a
`Bearer ` in front of it does no harm). What one token places, hears and reads is invisible to every other."""

_ERRORS = f"""\
| status | what it means |
|---|---|
| 200 | success |
| 400 | bad request: invalid parameters |
| 401 | unauthorized: invalid or missing token |
| 404 | not found |
| 500 | internal server error |

Every error is the envelope `{{"status", "errors", "data"}}`: the HTTP status again, one sentence, null. Its words are
for people; only “Invalid phone number format” and “Authentication token is required” are published.

{SILENT}

- A request is checked in this order: its body (400, 413, 415), its route (404), its token (401), its values (400).
  So a broken body without a token is a 400, and an unknown route without a token a 404.
- A body over 100 KiB is a 413, an unknown charset or content encoding a 415.
- A known path with another method is a 404, never a 405. GET routes take HEAD, too.
- A path's letter case and one slash at its end do not matter; a broken %-escape is a 400.
- Browsers may call from every origin (CORS)."""

_RECORDS = f"""\
Every call leaves exactly one record, equal in the `cdr` event and in both REST views. Moments are UTC and shown in
whole seconds. `duration` counts from start to end, `billableSeconds` from answer to end: of the exact times, so that
05:17:28 to 05:17:40 may be 11 seconds.

{SILENT}

| how the call ended | `disposition` | `hangupBy` | cause |
|---|---|---|---|
| answered, and hung up | `ANSWERED` | who hung up: `CALLER` (the API or a socket) or `CALLEE` | 16 |
| answered, and broken | `ANSWERED` | null | what broke it |
| given up by the client before the answer | `CANCEL` | `CALLER` | 16 |
| busy | `BUSY` | null | 17 |
| no response, no answer | `NO ANSWER` | null | 18, 19 |
| declined | `NO ANSWER` | `CALLEE` | 21 |
| anything else | `FAILED` | null | 0, 1, 27, 28, 29, 34, 38, 44, 58, 102, 127 |

A service may file a call that was given up as `NO ANSWER`, hung up by null, as a published sample shows. In an
inbound call `destination` is the number that was called, `CALLER` the remote party and `CALLEE` the client."""

_CONNECTION = f"""\
Socket.IO protocol 5 on Engine.IO protocol 4 (`EIO=4`): what `socket.io-client` 4 speaks, at `/socket.io/`, in the
default namespace. The published transport is websocket.

{SILENT}

- A token that is missing or wrong is answered by CONNECT_ERROR with `{{"message": …}}`. The transport stays open for
  another CONNECT.
- Polling works, too. There is no permessage-deflate.
- The server pings; a client that does not answer is disconnected. A message over 1,000,000 bytes closes the
  connection (1009).
- An event that the service does not know is ignored, and not acknowledged.
- A socket that is lost does not end its calls: reconnect, and join their rooms again."""

_DIRECTIONS = """\
The application that this document describes is the service: `send` is from the server to the client, `receive` from
the client to the server. A channel is an event's name; `audio`, `checkPoint`, `dtmf` and `hangup` go both ways, with a
payload for each. Every event has one argument, an object.

Buffers (`format: binary`) are binary in the sense of Socket.IO: the packet is a BINARY_EVENT, in whose JSON a
placeholder stands for the bytes of the attachment behind it. Examples show them as Node prints them, shortened."""

#: The order in which things happen: a rule, and the published section that says it; empty where it was measured.
ORDER: tuple[tuple[str, str], ...] = (
    ("`POST /pbx/call` is answered, then `newSession` goes to every socket of the token.", "Event Flow Diagram"),
    ("`joinRoom` is answered by one `roomJoined`.", "roomJoined"),
    ("All other events of a call go to the sockets in its room and to nobody else.", ""),
    (
        "A client that joins on `newSession` gets every `dialStatus`; one that joins later gets what comes from then "
        "on.",
        "",
    ),
    (
        "`Dialing` comes first, `Ringing` before `Connected`; each at most once, and none follows `Busy` or "
        "`Connected`.",
        "",
    ),
    (
        "From `Connected` until `hangup` the server sends one frame of 320 bytes every 20 ms, silence included.",
        "audio",
    ),
    (
        "Sound that the client sends before `Connected` is refused in its acknowledgment; a service may queue or "
        "discard it instead.",
        "",
    ),
    (
        "One client's events take effect in the order sent. Its `audio`, `dtmf` and `checkPoint` stand in one queue of "
        "the call, which is played in that order.",
        "",
    ),
    (
        "A `checkPoint` comes back when all that was queued before it has been played, never before; at once where "
        "nothing was queued; several in the order sent.",
        "checkPoint",
    ),
    ("An `interruption` empties the queue at once.", "interruption"),
    ("Checkpoints that an `interruption` clears never come back.", ""),
    ("`hangup` comes once, whoever ended the call. Of that call only its `cdr` follows, exactly once.", "cdr"),
    ("Every `audio` is acknowledged, with `error` null or a sentence.", "Acknowledgment Response"),
    ("No other event is ever acknowledged.", ""),
)


def table(heads: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    """Return a Markdown table."""
    lines = [list(map(str, heads)), *(list(map(str, row)) for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def silent(sentences: Iterable[str]) -> str:
    """Return what was measured beyond the published text as a list; empty where there is nothing."""
    items = "\n".join(f"- {sentence}" for sentence in sentences)
    return f"\n\n{SILENT}\n\n{items}" if items else ""


def _causes() -> str:
    rows = ((code, cause.contract, cause.meaning) for code, cause in HANGUP_CAUSES.items())
    return (
        "No other code appears in a record.\n\n"
        + table(("code", "text", "description"), rows)
        + silent(["A service may show Asterisk's own name of a code in place of this text, such as “Normal Clearing”."])
    )


def _packets() -> str:
    rows = ((row.size, f"{row.frames}×", f"{row.ms} ms", row.efficiency) for row in AUDIO_PACKETS)
    return (
        "8000 Hz, 16-bit, mono: 320 bytes of pcm16 are 20 ms. For pcm16 a packet has 2 bytes × 8000 samples/s × "
        f"duration; {RECOMMENDED_PACKET}-byte packets (160 ms) are recommended as the best trade-off between latency "
        "and overhead. ulaw and alaw take one byte per sample.\n\n"
        + table(("bytes", "packets", "plays for", "network efficiency"), rows)
    )


def _order() -> str:
    rules = (f"{rule} ({f'section “{section}”' if section else 'measured'})" for rule, section in ORDER)
    return "\n".join(f"{number}. {rule}" for number, rule in enumerate(rules, 1))


def of_rest() -> str:
    """Return the OpenAPI document's description."""
    return _sections(
        ("", f"{OVERVIEW}\n\n{_BASIS}"),
        ("Authentication", _AUTHENTICATION),
        ("Errors", _ERRORS),
        ("Call records", _RECORDS),
        ("Hangup causes", _causes()),
    )


def of_events() -> str:
    """Return the AsyncAPI document's description."""
    return _sections(
        ("", f"{OVERVIEW}\n\n{_BASIS}"),
        ("Connection", _CONNECTION),
        ("Authentication", _AUTHENTICATION),
        ("Directions and binary", _DIRECTIONS),
        ("Order", _order()),
        ("Audio packets", _packets()),
        ("Hangup causes", _causes()),
    )


def _sections(*sections: tuple[str, str]) -> str:
    return "\n\n".join(f"## {head}\n\n{body}" if head else body for head, body in sections)
