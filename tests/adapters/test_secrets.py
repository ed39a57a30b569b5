"""Tokens are compared in constant time, and are in nothing that is written down or answered."""

import asyncio
import inspect
import json
import logging

import pytest
import socketio
from conftest import Api

from mockpbx.adapters.control import admission
from mockpbx.runtime import switchboard

TOKEN, ADMIN = "s3cret-of-a-workspace", "s3cret-of-the-admin"
NUMBER = "089608675796"


async def talk(serve, http, monkeypatch) -> list:
    """Show tokens wherever they are taken, well and badly; return what was said to that, and all there is to read."""
    pbx = await serve(clock="20x", admin_token=ADMIN, dial_delay=0)
    api = Api(http, pbx.url, TOKEN)
    admin = {"X-Admin-Token": ADMIN}
    told = []

    async def ask(method: str, path: str, **options) -> object:
        status, reply = await api.ask(method, path, **options)
        told.append((path, status, reply))
        return reply

    for header in (f"Basic {TOKEN}", TOKEN, f"bearer {TOKEN}", f"Bearer  {TOKEN}", f"Bearer expired{TOKEN}"):
        await ask("GET", "/cdr", headers={"Authorization": header})
    await ask("POST", "/pbx/hangup", json={"sessionId": TOKEN[:0]})
    await ask("GET", "/__admin/settings", headers={"X-Admin-Token": f"{ADMIN}x"})
    reader, writer = await asyncio.open_connection(*pbx.url.removeprefix("http://").split(":"))
    writer.write(f"GET /cdr HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\nbroken\x01 header\r\n\r\n".encode())
    told.append((await reader.read()).decode())
    writer.close()
    sio = socketio.AsyncClient(reconnection=False)
    ended = asyncio.Event()

    async def join(data) -> None:
        await sio.emit("joinRoom", data)

    sio.on("newSession", join)
    sio.on("cdr", lambda _: ended.set())
    await sio.connect(pbx.url, auth={"token": f"Bearer {TOKEN}"}, transports=["websocket"])
    session = (await ask("POST", "/pbx/call", json={"phoneNumber": NUMBER}))["data"]["sessionId"]
    async with http.ws_connect(f"{pbx.url}/__admin/calls/{session}/handset") as page:
        await page.send_json({"token": TOKEN, "adminToken": ADMIN + "x"})
        told.append(await page.receive_json(timeout=10))
    for token in (f"invalid-{TOKEN}", [TOKEN]):
        stranger = socketio.AsyncClient(reconnection=False)
        with pytest.raises(socketio.exceptions.ConnectionError):
            await stranger.connect(pbx.url, auth={"token": token}, transports=["websocket"])
    monkeypatch.setattr("mockpbx.adapters.rest.service.parse_page", lambda *_: 1 / 0)
    await ask("GET", "/cdr")  # a failure of its own, with a traceback in the log
    await sio.emit("hangup", {"sessionId": session})
    await asyncio.wait_for(ended.wait(), 20)
    pages = (f"/calls/{session}/{name}" for name in ("evidence.jsonl", "evidence.html", "findings"))
    for path in ("/journal", "/messages", "/settings", "/findings", "/health", "/metrics", *pages):
        await ask("GET", f"/__admin{path}", headers=admin)
    await sio.disconnect()
    return told


async def test_no_token_is_written_down_or_answered(serve, http, caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)
    told = await talk(serve, http, monkeypatch)
    assert len(told) > 15
    assert "ZeroDivisionError" in caplog.text
    ours = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith(("mockpbx", "aiohttp")))
    for written in (ours, caplog.text, json.dumps(told, default=str)):
        assert TOKEN not in written
        assert ADMIN not in written


def test_tokens_are_compared_by_hash_and_the_admins_in_constant_time():
    assert "compare_digest" in inspect.getsource(admission.admit)
    assert switchboard.workspace_key(TOKEN) != switchboard.workspace_key(TOKEN + "x")
    assert TOKEN not in switchboard.workspace_key(TOKEN)


async def test_a_database_holds_no_token(serve, http, tmp_path):
    pbx = await serve(clock="20x", database=tmp_path / "calls.db", record_delay=0)
    api = Api(http, pbx.url, TOKEN)
    session = (await api.post("/pbx/call", {"phoneNumber": NUMBER}))[1]["data"]["sessionId"]
    await api.post("/pbx/hangup", {"sessionId": session})
    await pbx.stop()
    for file in tmp_path.iterdir():
        assert TOKEN.encode() not in file.read_bytes()
