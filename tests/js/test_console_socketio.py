"""The console's own Socket.IO client is told, sends and comes back as the official one does."""

import asyncio
import json
from pathlib import Path

HERE = Path(__file__).parent
GONE = "No live call has this sessionId: it is unknown or the call has ended"


async def run(pbx) -> dict:
    process = await asyncio.create_subprocess_exec(
        "node", "console-socketio.mjs", pbx.url, "dev", cwd=HERE, stdout=-1, stderr=-1
    )
    try:
        stdout, stderr = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, stderr.decode()
    return json.loads(stdout)


async def test_a_call_by_the_consoles_own_client(serve, client):
    seen = await run(await serve(clock="10x", dial_delay=200))
    passed = seen["passed"]
    [session] = {each["payload"]["sessionId"] for each in passed if each["name"] == "newSession"}

    assert seen["refused"] == {
        kind: {"told": [{"event": "connect_error", "value": f"{message} true"}], "active": False, "connected": False}
        for kind, message in {
            "none": "Authentication token is required",
            "invalid": "Authentication token is invalid",
        }.items()
    }
    assert seen["failures"] == [f"The server does not answer {final}" for final in ("false", "false", "true")]

    # The sound that was sent before the connection stood was answered, and all that is binary went as an attachment.
    ok = {"success": True, "error": None}
    assert seen["early"] == {"success": False, "error": GONE}
    assert seen["acks"][:2] == [ok, ok]
    assert [ack["success"] for ack in seen["acks"][2:]] == [False, False]
    assert seen["unanswered"] == ok
    assert seen["numbers"] == list(range(1, 41))
    assert seen["sizes"] == [320]

    def of(direction: str, name: str, **also) -> list[dict]:
        return [
            each["payload"]
            for each in passed
            if (each["direction"], each["name"]) == (direction, name) and each["ack"] is also.get("ack", False)
        ]

    assert [each["status"] for each in of("in", "dialStatus")] == ["Dialing", "Ringing", "Connected"]
    assert of("out", "joinRoom") == [{"sessionId": session}] * 2
    assert of("in", "roomJoined") == [{"sessionId": session, "status": "success"}] * 2
    assert of("in", "checkPoint") == [{"sessionId": session, "name": "a „label“ \U0001f642"}]
    assert of("in", "dtmf") == [{"sessionId": session, "digit": "7"}]
    assert of("in", "audio", ack=True)[1:3] == [ok, ok]
    assert seen["record"]["hangupBy"] == "CALLER"

    # Lost, back as another socket, and away for good once it has said goodbye.
    events = [each["event"] for each in seen["told"]]
    assert events == ["connect", "disconnect", "connect", "disconnect"]
    assert [each["value"] for each in seen["told"]][1::2] == ["transport close", "io client disconnect"]
    assert seen["told"][0]["value"] != seen["told"][2]["value"] == seen["before"]
    lost = "The connection was lost before audio was acknowledged"
    assert seen["after"] == {"id": None, "active": False, "lost": lost}
