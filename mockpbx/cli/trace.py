"""`mockpbx trace`."""

from __future__ import annotations

import asyncio
import webbrowser
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import aiohttp
import click

from mockpbx.cli import refuse
from mockpbx.cli.control import ControlClient, Missing, Refused
from mockpbx.client.errors import ClientError
from mockpbx.evidence.telling import plain

#: Calls that --all fetches at most: the control API lists no more.
MOST = 1_000


@dataclass(frozen=True, slots=True)
class Trace:
    """Whose calls, which of them, and where to."""

    session: str | None
    every: bool
    url: str
    token: str
    admin_token: str | None
    out: Path
    show: bool


@click.command()
@click.argument("session", required=False)
@click.option("--last", is_flag=True, help="the call that was placed last (what it does without a SESSION, too)")
@click.option("--all", "every", is_flag=True, help="every call that the server still knows of")
@click.option("--url", envvar="MOCKPBX_URL", default="http://127.0.0.1:7290", show_default=True, help="the server")
@click.option("--token", envvar="MOCKPBX_TOKEN", default="dev", show_default=True, help="whose calls")
@click.option("--admin-token", envvar="MOCKPBX_ADMIN_TOKEN", metavar="TEXT", help="the server's --admin-token")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("mockpbx-evidence"),
    show_default=True,
    help="folder to write to",
)
@click.option("--open", "show", is_flag=True, help="show the page in the browser")
def command(*, last: bool, **options: object) -> None:
    """Write the evidence of a call of a running server: a page, its sound as stereo WAV, its entries as JSON lines."""
    trace = Trace(**options)  # type: ignore[arg-type]
    if sum((trace.session is not None, last, trace.every)) > 1:
        raise click.UsageError("give one of SESSION, --last and --all")
    try:
        asyncio.run(_trace(trace))
    except (Refused, ClientError) as error:
        refuse(str(error))
    except OSError as error:
        refuse(f"cannot write to {trace.out}: {error.strerror or error}; choose another folder with --out")


async def _trace(trace: Trace) -> None:
    async with aiohttp.ClientSession() as http:
        control = ControlClient(http, trace.url, trace.token, trace.admin_token)
        sessions = [trace.session] if trace.session else await _sessions(control, trace)
        for session_id in sessions:
            page = await _write(control, session_id, trace.out)
            if trace.show:
                webbrowser.open(page.absolute().as_uri())


async def _sessions(control: ControlClient, trace: Trace) -> list[str]:
    calls = (await control.ask("GET", "/calls", params={"limit": str(MOST if trace.every else 1)}))["calls"]
    if not calls:
        raise Refused(f"{trace.url} knows no call of this token: another --token, or a server that was started again?")
    return [call["sessionId"] for call in calls]


async def _write(control: ControlClient, session_id: str, folder: Path) -> Path:
    """Write what there is of a call, name the files, and return the page's path. Raises Refused or OSError."""
    name = quote(session_id, safe="")  # as one segment of the path, and of the file's, whatever the server calls it
    call = f"/calls/{name}"
    files = {
        "html": await control.fetch(f"{call}/evidence.html"),
        "jsonl": await control.fetch(f"{call}/evidence.jsonl"),
    }
    try:
        files["wav"] = await control.fetch(f"{call}/recording.wav")
    except Missing as error:
        click.echo(f"mockpbx: no WAV of {session_id}: {error}", err=True)
    page = _save(files, folder, name)
    late = (await control.ask("GET", f"{call}/findings")).get("late")
    if late:
        click.echo(f"mockpbx: {plain(late[0]['why'])}", err=True)
    return page


def _save(files: dict[str, bytes], folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for kind, content in files.items():
        path = folder / f"{name}.{kind}"
        path.write_bytes(content)
        click.echo(path)
    return folder / f"{name}.html"
