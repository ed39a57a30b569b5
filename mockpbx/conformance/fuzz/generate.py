"""Scripts from luck: sensible conversations, and conversations in which something is not as it should be."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir

from mockpbx.conformance.fuzz.script import (
    NUMBER,
    Answered,
    Ask,
    Blob,
    Close,
    Emit,
    Open,
    Pause,
    Script,
    Send,
    Step,
)

Strategy = st.SearchStrategy[Any]

# --- values -----------------------------------------------------------------------------------------------------------

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_ODD_TEXT = st.sampled_from(
    [
        "",
        " ",
        "0",
        "null",
        "\x00",
        "\ud800",
        "\u202e",
        "\ufeff",
        "é" * 30,
        "__proto__",
        "%s",
        "../..",
        "a" * 5_000,
        "x" * 90_000,
    ]
)
_BLOBS = st.builds(
    Blob, st.sampled_from([320, 0, 1, 2, 319, 321, 640, 2_560, 2_880, 16_000, 65_536]), st.sampled_from([0, 1, 255])
)
_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-10, 1_000),
    st.sampled_from([2**31, 2**63, -(2**63), 10**30, 1e308, -0.0, 0.5]),
    _TEXT,
    _ODD_TEXT,
)
_JSON = st.recursive(
    _SCALARS, lambda inside: st.lists(inside, max_size=3) | st.dictionaries(_TEXT, inside, max_size=3), max_leaves=5
)
#: What a Socket.IO event may carry: JSON, and bytes in it.
_ANYTHING = st.one_of(_JSON, _BLOBS, st.lists(_BLOBS, max_size=3), st.just([[[[[[[[[[[]]]]]]]]]]]))
_SESSIONS = st.sampled_from(["$call0", "$call0", "$call0", "$call1", "00000000-0000-7000-8000-000000000000"])
_SOCKETS = st.sampled_from(["a", "a", "b"])

# --- events -----------------------------------------------------------------------------------------------------------

_FIELDS: dict[str, dict[str, Strategy]] = {
    "joinRoom": {"sessionId": _SESSIONS},
    "audio": {
        "sessionId": _SESSIONS,
        "audioData": _BLOBS,
        "audioFormat": st.sampled_from(["pcm16", "ulaw", "alaw", "mp3"]),
    },
    "checkPoint": {"sessionId": _SESSIONS, "name": st.sampled_from(["one", "two"]) | _TEXT},
    "dtmf": {
        "sessionId": _SESSIONS,
        "digit": st.sampled_from("0123456789*#"),
        "duration": st.sampled_from([200, 100, 150, 500]),
    },
    "interruption": {"sessionId": _SESSIONS},
    "hangup": {"sessionId": _SESSIONS},
}
_EVENTS = st.sampled_from(list(_FIELDS))
_FOREIGN = (
    st.sampled_from(["newSession", "roomJoined", "dialStatus", "cdr", "exception", "message", "error", ""]) | _TEXT
)
#: Names that Socket.IO keeps for itself: the JavaScript server closes the connection.
RESERVED = frozenset({"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"})


def _payload(event: str) -> Strategy:
    return st.fixed_dictionaries(_FIELDS[event])


def _said(event: str) -> Strategy:
    """As the contract asks for it."""
    return st.builds(Emit, _SOCKETS, st.just(event), st.tuples(_payload(event)), st.just(event == "audio"))


@st.composite
def _missaid(draw: Callable[[Strategy], Any]) -> Emit:
    """With a field of another type, or missing, or something else altogether."""
    event = draw(_EVENTS)
    payload = dict(draw(_payload(event)))
    name = draw(st.sampled_from(sorted(payload)))
    match draw(st.sampled_from(["type", "missing", "other", "none", "two"])):
        case "type":
            payload[name] = draw(_ANYTHING)
            arguments: tuple[Any, ...] = (payload,)
        case "missing":
            del payload[name]
            arguments = (payload,)
        case "other":
            arguments = (draw(_ANYTHING),)
        case "none":
            arguments = ()
        case _:
            arguments = (payload, draw(_ANYTHING))
    return Emit(draw(_SOCKETS), event, arguments, draw(st.booleans()))


_FOREIGN_EVENTS = st.builds(
    Emit, _SOCKETS, _FOREIGN.filter(lambda name: name not in RESERVED), st.tuples(_ANYTHING), st.booleans()
)
#: What is no Socket.IO, and must neither stop nor wedge the server.
_MALFORMED = st.sampled_from(
    [
        ("",), ("9",), ("4",), ("47[]",), ("42",), ("42{}",), ("42[]",), ("42[1",), ("42[null]",), ("42nonsense",),
        ('42["connect"]',), ('42["disconnect"]',), ('451-["audio",{"_placeholder":true,"num":7}]', Blob(4)),
        ('451-["audio",{"_placeholder":true,"num":0}]', '42["hangup",{}]'), ('459999999-["audio"]',), ("45",),
        ('452-["audio",{"_placeholder":true,"num":0}]', Blob(4), "2"), (Blob(4),), ("40",), ("40[]",), ("40/nowhere,",),
        ("6",), ("1",), ("3probe",), ("5",), ("430[]",), ("4399[true]",), ("44{}",), ("42" + "[" * 2_000,),
        ("42/other,[\"audio\"]",), ('42["audio",{"sessionId":"' + "x" * 1_100_000 + '"}]',), (Blob(1_100_000),),
    ]
)  # fmt: skip
_AUTHS: Strategy = st.sampled_from(
    [None, {}, [], "$right", {"token": "$wrong"}, {"token": ""}, {"token": None}, {"token": ["$right"]}]
)

# --- requests ---------------------------------------------------------------------------------------------------------

_PLACE = st.just(Ask("POST", "/pbx/call", {"phoneNumber": NUMBER}))
_BEARERS = st.sampled_from(["right", "right", "right", "none", "wrong"])
_POSTS = st.sampled_from(["/pbx/call", "/pbx/hangup"])
#: What may stand for a number: nothing that a lenient server could make one of, and ring somebody.
_NOBODY = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([-5, 0.5, 1e308, -(10**30), [], {}, [None], {"a": None}]),
    (_TEXT | _ODD_TEXT).map(lambda text: re.sub(r"\d", "x", text)),
)
_BODIES = st.one_of(
    st.just(()),
    _JSON.filter(lambda value: value != ()),
    st.builds(lambda value: {"phoneNumber": value}, _NOBODY),
    st.builds(lambda value: {"sessionId": value}, _JSON),
    st.sampled_from(
        [b"{", b"[", b'{"phoneNumber": "', b"\xff\xfe", b"null", b"0", b'"x"', b"[" * 50_000, b" " * 200_000]
    ),
)
_WORDS = st.one_of(
    _TEXT, st.sampled_from(["1", "0", "-1", "-2", "1e3", "9" * 40, "$gte:1", "$eq:", "$btw:1,2", "$or:$eq:1", "%"])
)
_NAMES = st.sampled_from(
    ["page", "limit", "sortBy", "search", "select", "filter.destination", "filter.duration", "filter.billableSeconds"]
) | _TEXT.map(lambda text: f"filter.{text}")
_QUERIES = st.lists(st.tuples(_NAMES, _WORDS), max_size=3).map(
    lambda pairs: "&".join(f"{quote(name, safe='$')}={quote(value, safe='$')}" for name, value in pairs)
)
_ASKS: list[Strategy] = [
    st.builds(Ask, st.just("POST"), _POSTS, _BODIES, _BEARERS),
    st.builds(lambda session: Ask("POST", "/pbx/hangup", {"sessionId": session}), _SESSIONS),
    st.builds(lambda query, bearer: Ask("GET", f"/cdr?{query}", (), bearer), _QUERIES, _BEARERS),
    st.builds(
        lambda name: Ask("GET", f"/cdr/{name}"),
        _SESSIONS
        | (_TEXT | _ODD_TEXT.filter(lambda t: len(t) < 100 and t != "\ud800")).map(lambda text: quote(text, safe="")),
    ),
    st.builds(
        Ask, st.sampled_from(["GET", "PUT", "DELETE", "PATCH"]), st.sampled_from(["/pbx/call", "/nowhere", "/cdr"])
    ),
]

# --- scripts ----------------------------------------------------------------------------------------------------------

_JOIN = Emit("a", "joinRoom", ({"sessionId": "$call0"},))
_CALL = Ask("POST", "/pbx/call", {"phoneNumber": NUMBER})
_OPENINGS: Strategy = st.sampled_from(
    [(), (_CALL,), (_CALL, _JOIN), (_CALL, _JOIN, Answered()), (_CALL, _JOIN, Answered()), (_CALL, _JOIN, Answered())]
)
_STEPS: st.SearchStrategy[Step] = st.one_of(
    *(_said(event) for event in _FIELDS),
    _said("audio"),
    _said("audio"),
    _said("checkPoint"),
    _missaid(),
    _missaid(),
    _missaid(),
    _FOREIGN_EVENTS,
    *_ASKS,
    _PLACE,
    st.builds(Send, st.sampled_from(["b", "a"]), _MALFORMED),
    st.builds(Open, st.just("c"), _AUTHS),
    st.builds(Close, _SOCKETS),
    st.builds(Pause, st.sampled_from([20, 50, 200, 500])),
    st.just(Answered()),
)


class Broken(Exception):
    """A script is broken."""


def scripts() -> st.SearchStrategy[Script]:
    """Return the strategy of scripts."""
    return st.builds(lambda opening, rest: (*opening, *rest), _OPENINGS, st.lists(_STEPS, max_size=12))


def generated(examples: int, luck: int) -> list[Script]:
    """Return so many scripts; the same luck gives the same ones."""
    found: list[Script] = []

    def keep(script: Script) -> bool:
        found.append(script)
        return False

    run(examples, luck, keep)
    return found


def run(examples: int, luck: int, broken: Callable[[Script], bool]) -> None:
    """Give each script to a judge; where one is broken, give it simpler ones. Raises Broken, or Hypothesis' Flaky."""

    @seed(luck)
    @settings(
        max_examples=examples, phases=(Phase.generate, Phase.shrink), database=None, deadline=None,
        verbosity=Verbosity.quiet, suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
        print_blob=False,
    )  # fmt: skip
    @given(scripts())
    def each(script: Script) -> None:
        if broken(script):
            raise Broken

    with tempfile.TemporaryDirectory(prefix="mockpbx-fuzz-") as home:
        set_hypothesis_home_dir(home)
        each()
