"""The call API on aiohttp and python-socketio, as somebody who needs it by tonight would write it.

    python socketio_python.py PORT [asyncio|uvloop]

It answers POST /pbx/call, lets clients join, sends each room a tone, 320 bytes every 20 ms, and acknowledges what it is
sent. It keeps no records, plays nothing out, checks little: it does less than it would have to.
"""

import asyncio
import math
import struct
import sys
import uuid
from typing import Any

import socketio
from aiohttp import web

FRAME = struct.pack("<160h", *(round(8000 * math.sin(2 * math.pi * 400 * n / 8000)) for n in range(160)))

sio = socketio.AsyncServer(async_mode="aiohttp", cors_allowed_origins="*")
routes = web.RouteTableDef()
sessions: dict[str, str] = {}  # token by session
calls: dict[str, asyncio.Task[None]] = {}


def token_of(request: web.Request) -> str:
    return request.headers.get("Authorization", "").removeprefix("Bearer ")


@routes.post("/pbx/call")
async def place_call(request: web.Request) -> web.Response:
    token = token_of(request)
    if not token:
        return web.json_response(
            {"status": 401, "errors": "Authentication token is required", "data": None}, status=401
        )
    number = (await request.json())["phoneNumber"]
    session_id = str(uuid.uuid4())
    sessions[session_id] = token
    await sio.emit("newSession", {"sessionId": session_id, "type": "outbound"}, room=token)
    return web.json_response({"status": 200, "errors": "", "data": {"phoneNumber": number, "sessionId": session_id}})


@routes.get("/cdr")
async def records(request: web.Request) -> web.Response:
    meta = {"itemsPerPage": 100, "totalItems": 0, "currentPage": 1, "totalPages": 0, "sortBy": [["id", "DESC"]]}
    return web.json_response({"data": [], "meta": meta})


@sio.event
async def connect(sid: str, environ: dict[str, object], auth: dict[str, str] | None) -> None:
    if not auth or not auth.get("token"):
        raise socketio.exceptions.ConnectionRefusedError("Authentication token is required")
    await sio.save_session(sid, {"token": auth["token"]})
    await sio.enter_room(sid, auth["token"])


async def carry(session_id: str) -> None:
    for status in ("Dialing", "Ringing", "Connected"):
        await sio.emit("dialStatus", {"sessionId": session_id, "status": status}, room=session_id)
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        payload = {"sessionId": session_id, "audioData": FRAME, "audioFormat": "pcm16"}
        await sio.emit("audio", payload, room=session_id)
        due += 0.020
        await asyncio.sleep(due - loop.time())


@sio.on("joinRoom")
async def join_room(sid: str, data: dict[str, str]) -> None:
    session_id = data["sessionId"]
    session = await sio.get_session(sid)
    if sessions.get(session_id) != session["token"]:
        await sio.emit("roomJoined", {"sessionId": session_id, "status": "failed"}, to=sid)
        return
    await sio.enter_room(sid, session_id)
    await sio.emit("roomJoined", {"sessionId": session_id, "status": "success"}, to=sid)
    if session_id not in calls:
        calls[session_id] = asyncio.create_task(carry(session_id))


@sio.on("audio")
async def audio(sid: str, data: dict[str, Any]) -> dict[str, object]:
    if data["sessionId"] not in calls:
        return {"success": False, "error": "Call is not connected"}
    if data["audioFormat"] == "pcm16" and len(data["audioData"]) % 2:
        return {"success": False, "error": "pcm16 needs whole samples"}
    return {"success": True, "error": None}


@sio.on("hangup")
async def hangup(sid: str, data: dict[str, str]) -> None:
    call = calls.pop(data["sessionId"], None)
    if call is not None:
        call.cancel()
        await sio.emit("hangup", {"sessionId": data["sessionId"]}, room=data["sessionId"])


def main() -> None:
    loop = None
    if sys.argv[2:] == ["uvloop"]:
        import uvloop

        loop = uvloop.new_event_loop()
    app = web.Application()
    app.add_routes(routes)
    sio.attach(app)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None, loop=loop)


if __name__ == "__main__":
    main()
