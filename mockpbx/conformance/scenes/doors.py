"""What has to be turned away: strangers, bad requests, sessions and records that do not exist.

No call is to come of any of it. Where a server places one all the same, it is hung up at once.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from mockpbx.conformance.desk import UNSENT
from mockpbx.conformance.scene import scene
from mockpbx.conformance.stage import Stage, Unplayable
from mockpbx.conformance.transcript import Closed, Exchange

#: Seconds in which a server that lets a socket in before it looks at its token may still close it.
SECOND_THOUGHTS = 2.0
#: A number for who takes JSON's numbers for text: long enough to be one, and nobody's.
_NOBODY = 10_000_000

#: Requests without a reply, behind which the server is taken for dead.
_SILENCE = 3

#: What `POST /pbx/call` must not take, by the fact that keeps the exchanges.
_BODIES: Mapping[str, tuple[Any, ...]] = {
    "missing-number": ({},),
    "number-of-wrong-type": ({"phoneNumber": _NOBODY}, {"phoneNumber": None}, {"phoneNumber": True}),
    "invalid-number": ({"phoneNumber": "not-a-number"},),
    "malformed-json": (b'{"phoneNumber": "0896',),
}


@scene("doors", "requests and sockets that are to be refused: no token, a wrong one, bad bodies, unknown ids", calls=0)
async def DOORS(stage: Stage) -> None:  # noqa: N802
    """Keep the exchanges of each kind as a fact; the sockets are `no-token`, `wrong-token` and, let in, `visitor`."""
    unknown = (str(uuid4()), _recent_id())
    await _strangers(stage, unknown[0])
    await _bad_requests(stage)
    await _unknown(stage, unknown)
    for name, auth in (("no-token", None), ("wrong-token", {"token": stage.options.wrong_token})):
        await _socket_of_a_stranger(stage, name, auth)
    await stage.socket("visitor")


async def _strangers(stage: Stage, unknown: str) -> None:
    """Ask for each of the four operations with each of the bad credentials. The bodies are good."""
    credentials: Mapping[str, tuple[str | None, Mapping[str, str]]] = {
        "without-token": (None, {}),
        "empty-token": (None, {"Authorization": "Bearer "}),
        "wrong-token": (stage.options.wrong_token, {}),
        "other-scheme": (None, {"Authorization": f"Basic {stage.options.token}"}),
    }
    placed = False
    for name, (token, headers) in credentials.items():
        exchanges = [
            await _ask(stage, "GET", "/cdr", token=token, headers=headers),
            await _ask(stage, "GET", f"/cdr/{unknown}", token=token, headers=headers),
            await _ask(stage, "POST", "/pbx/hangup", {"sessionId": unknown}, token=token, headers=headers),
        ]
        if not placed:  # who lets one stranger call need not ring again to prove it
            body = {"phoneNumber": stage.options.number}
            exchanges.append(await _ask(stage, "POST", "/pbx/call", body, token=token, headers=headers))
            placed = await _undo(stage, exchanges[-1], token, headers)
        stage.take.facts[name] = tuple(exchanges)


async def _bad_requests(stage: Stage) -> None:
    for name, bodies in _BODIES.items():
        exchanges = []
        for body in bodies:
            exchanges.append(await _ask(stage, "POST", "/pbx/call", body))
            await _undo(stage, exchanges[-1], "", {})
        stage.take.facts[name] = tuple(exchanges)
    stage.take.facts["hangup-without-session"] = (await _ask(stage, "POST", "/pbx/hangup", {}),)


async def _unknown(stage: Stage, unknown: tuple[str, ...]) -> None:
    facts = stage.take.facts
    facts["unknown-session-hangup"] = tuple(
        [await _ask(stage, "POST", "/pbx/hangup", {"sessionId": session_id}) for session_id in unknown]
    )
    facts["unknown-record"] = tuple([await _ask(stage, "GET", f"/cdr/{session_id}") for session_id in unknown])
    facts["unknown-route"] = (await _ask(stage, "GET", f"/no-such-route-{uuid4().hex[:8]}"),)


async def _socket_of_a_stranger(stage: Stage, name: str, auth: Any) -> None:
    line = await stage.try_socket(name, auth)
    if line.is_open:
        await stage.until(lambda item: isinstance(item, Closed) and item.socket == name, SECOND_THOUGHTS)
    stage.take.facts[f"{name} socket"] = True


async def _ask(stage: Stage, method: str, path: str, body: Any = UNSENT, **how: Any) -> Exchange:
    """Send a request. Raises Unplayable where the server has left too many without a reply."""
    exchange = await stage.ask(method, path, body, **how)
    silence = sum(item.failure is not None for item in stage.transcript.of(Exchange))
    if silence >= _SILENCE:
        raise Unplayable(f"{silence} requests got no reply: {exchange.failure}")
    return exchange


async def _undo(stage: Stage, exchange: Exchange, token: str | None, headers: Mapping[str, str]) -> bool:
    """Hang up a call that should not be, as whoever placed it; return whether there is one."""
    session_id = _session_in(exchange)
    if session_id is None or exchange.status >= 300:
        return False
    await stage.ask("POST", "/pbx/hangup", {"sessionId": session_id}, token=token, headers=headers)
    return True


def _session_in(exchange: Exchange) -> Any:
    for place in (exchange.data, exchange.json):
        if isinstance(place, dict) and place.get("sessionId"):
            return place["sessionId"]
    return None


def _recent_id() -> str:
    """Return a UUID of version 7: it begins with the milliseconds since 1970."""
    begun = f"{time.time_ns() // 1_000_000:012x}"
    tail = str(uuid4())[15:]
    return f"{begun[:8]}-{begun[8:]}-7{tail}"
