"""The scene at the doors, as a service would have answered it that is right but for what a test makes wrong."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mockpbx.conformance.run import Call, Options, Run, Take
from mockpbx.conformance.transcript import NO_JSON, Closed, Exchange, Heard, Opened, Refused

NUMBER = "089608675796"
UNKNOWN = "07475d2c-32c9-4f4b-8103-6db8c0dc741f"
OPTIONS = Options("http://127.0.0.1", "dev", NUMBER, "invalid-xyz")
OPERATIONS = (
    ("GET", "/cdr", None),
    ("GET", f"/cdr/{UNKNOWN}", None),
    ("POST", "/pbx/hangup", {"sessionId": UNKNOWN}),
    ("POST", "/pbx/call", {"phoneNumber": NUMBER}),
)
REFUSED: dict[str, tuple[int, tuple[tuple[str, str, Any], ...]]] = {
    "missing-number": (400, (("POST", "/pbx/call", {}),)),
    "number-of-wrong-type": (
        400,
        (("POST", "/pbx/call", {"phoneNumber": 1}), ("POST", "/pbx/call", {"phoneNumber": None})),
    ),
    "invalid-number": (400, (("POST", "/pbx/call", {"phoneNumber": "not-a-number"}),)),
    "malformed-json": (400, (("POST", "/pbx/call", b"{"),)),
    "hangup-without-session": (400, (("POST", "/pbx/hangup", {}),)),
    "unknown-session-hangup": (404, (("POST", "/pbx/hangup", {"sessionId": UNKNOWN}),)),
    "unknown-record": (404, (("GET", f"/cdr/{UNKNOWN}", None),)),
    "unknown-route": (404, (("GET", "/no-such-route", None),)),
}
TOKENS = {"without-token": None, "empty-token": None, "wrong-token": "invalid-xyz", "other-scheme": None}

#: What an error is answered by: its HTTP status and its body, by what was asked, or no reply with None.
Change = Callable[[str, int, dict[str, Any]], tuple[int, Any] | None]


def success(**data: Any) -> dict[str, Any]:
    return {"status": 200, "errors": "", "data": data}


def right(name: str, status: int, body: dict[str, Any]) -> tuple[int, Any]:
    return status, body


def exchange(asked: tuple[str, str, Any], reply: tuple[int, Any] | None, token: str | None = "dev") -> Exchange:
    method, path, body = asked
    if reply is None:
        return Exchange(1.0, 11.0, method, path, token, body, failure="no reply within 10 s")
    status, said = reply
    if isinstance(said, str):
        return Exchange(1.0, 1.1, method, path, token, body, status, "text/html", said, NO_JSON)
    return Exchange(1.0, 1.1, method, path, token, body, status, "application/json", json.dumps(said), said)


@dataclass
class Doors:
    """What they do. Each field is right as it is; sockets are told by their items."""

    change: Change = right
    no_token: tuple[Any, ...] = (Refused(2.0, "no-token", {"message": "no"}, "CONNECT_ERROR"),)
    wrong_token: tuple[Any, ...] = (Refused(2.0, "wrong-token", {"message": "no"}, "CONNECT_ERROR"),)
    visitor: tuple[Any, ...] = (Opened(3.0, "visitor"),)

    def take(self) -> Take:
        take = Take("doors")
        for name, token in TOKENS.items():
            take.facts[name] = tuple(self._asked(take, name, 401, asked, token) for asked in OPERATIONS)
        for name, (status, requests) in REFUSED.items():
            take.facts[name] = tuple(self._asked(take, name, status, asked, "dev") for asked in requests)
        for item in (*self.no_token, *self.wrong_token, *self.visitor):
            take.transcript.add(item)
        take.facts |= {"no-token socket": True, "wrong-token socket": True}
        return take

    def _asked(self, take: Take, name: str, status: int, asked: tuple[str, str, Any], token: str | None) -> Exchange:
        body = {"status": status, "errors": "This was wrong", "data": None}
        return take.transcript.add(exchange(asked, self.change(name, status, body), token))


def at_the_doors(**changes: Any) -> Run:
    """Return an examination that played this scene."""
    return Run(OPTIONS, {"doors": Doors(**changes).take()})


def called(
    change: Change = right,
    *,
    number: str = NUMBER,
    over_before: bool = False,
    calls: int = 2,
) -> Run:
    """Return an examination with calls that were answered and hung up by REST, their replies changed."""
    take = Take("listening")
    for place in range(calls):
        session_id = f"{UNKNOWN}{place}"
        data = success(phoneNumber=number, sessionId=session_id)
        placed = take.transcript.add(
            exchange(("POST", "/pbx/call", {"phoneNumber": number}), change("call", 200, data))
        )
        call = Call(number, placed, session_id, take.transcript, "member", {"connected": 0.5})
        take.calls.append(call)
        if over_before:
            take.transcript.add(Heard(0.9, "member", "hangup", ({"sessionId": session_id},)))
        body = success(sessionId=session_id)
        take.transcript.add(exchange(("POST", "/pbx/hangup", {"sessionId": session_id}), change("hangup", 200, body)))
        call.detail = exchange(
            ("GET", f"/cdr/{session_id}", None), change("detail", 200, success(sessionId=session_id))
        )
    return Run(OPTIONS, {"listening": take, "records": Take("records")})


CLOSED = (Opened(2.0, "no-token"), Closed(2.1, "no-token", "server", 1000))
