"""`mockpbx ring`."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import aiohttp
import click

from mockpbx.cli import refuse
from mockpbx.cli.control import ControlClient, Refused
from mockpbx.client.errors import ClientError

POLL = 30  # s that the server may take until it has news


@dataclass(frozen=True, slots=True)
class Ring:
    """Who calls whom, and where."""

    caller: str
    number: str
    scenario: str | None
    url: str
    token: str
    admin_token: str | None


@click.command()
@click.option("--from", "caller", required=True, metavar="NUMBER", help="who calls")
@click.option("--to", "number", default="02150001234", show_default=True, metavar="NUMBER", help="your bot's number")
@click.option("--scenario", help="what the caller does: a persona (default: what the dial plan says of its number)")
@click.option("--url", envvar="MOCKPBX_URL", default="http://127.0.0.1:7290", show_default=True, help="the server")
@click.option("--token", envvar="MOCKPBX_TOKEN", default="dev", show_default=True, help="whose bot is called")
@click.option("--admin-token", envvar="MOCKPBX_ADMIN_TOKEN", metavar="TEXT", help="the server's --admin-token")
def command(**options: Any) -> None:
    """Let somebody call your bot, and follow the call. The exit status is 0 if the bot answered, 1 if not."""
    try:
        answered = asyncio.run(_ring(Ring(**options)))
    except (Refused, ClientError) as error:
        refuse(str(error))
    raise SystemExit(0 if answered else 1)


async def _ring(ring: Ring) -> bool:
    async with aiohttp.ClientSession() as http:
        control = ControlClient(http, ring.url, ring.token, ring.admin_token)
        call = {"from": ring.caller, "to": ring.number, "scenario": ring.scenario}
        session_id = (await control.ask("POST", "/calls", json=call))["sessionId"]
        click.echo(f"{ring.caller} calls {ring.number}: session {session_id}")
        after, answered = 0, False
        while True:
            query = {"call": session_id, "after": str(after), "wait": str(POLL)}
            news = await control.ask("GET", "/journal", params=query)
            for entry in news["entries"]:
                kind, data = entry["kind"], entry["data"]
                answered = answered or (kind == "DialStatusChanged" and data["status"] == "Connected")
                line = _line(kind, data)
                if line:
                    click.echo(f"{entry['time'][11:23]}  {line}")
                if kind == "CallEnded":
                    return answered
            if news["truncated"]:
                raise Refused("the workspace was reset, or its journal no longer reaches back to this call")
            after = news["next"]


def _line(kind: str, data: dict[str, Any]) -> str | None:
    match kind:
        case "DialStatusChanged":
            return str(data["status"])
        case "RoomJoined":
            return "the bot joined"
        case "DigitReceived":
            return f"the caller pressed {data['digit']}"
        case "DigitHeard":
            return f"the bot pressed {data['digit']}"
        case "CheckpointReached":
            return f"checkpoint {data['name']!r} reached"
        case "ExpectationMissed" | "ScenarioFailed":
            return f"{kind}: {json.dumps(data, ensure_ascii=False)}"
        case "CallEnded":
            record = data["record"]
            who = f" by {record['hangupBy']}" if record["hangupBy"] else ""
            return f"ended{who}: {record['disposition']}, cause {record['cause']}"
        case _:
            return None
