"""`mockpbx lint`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import aiohttp
import click

from mockpbx.cli import refuse
from mockpbx.cli.control import ControlClient, Refused
from mockpbx.cli.lint_report import Judged, Missing, Report, list_rules, show, write_json, write_junit
from mockpbx.client.errors import ClientError
from mockpbx.contract.errors import ConfigurationError
from mockpbx.evidence.listing import LEVELS, Case
from mockpbx.evidence.rules import RULES

if TYPE_CHECKING:
    from mockpbx.evidence.dossier import Dossier

#: Exit status where there are findings of the level that was asked for.
FOUND = 1
#: Calls that are fetched at most: the control API lists no more.
MOST = 1_000


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]...")
@click.option("--url", envvar="MOCKPBX_URL", default="http://127.0.0.1:7290", show_default=True, help="the server")
@click.option("--token", envvar="MOCKPBX_TOKEN", default="dev", show_default=True, help="whose calls")
@click.option("--admin-token", envvar="MOCKPBX_ADMIN_TOKEN", metavar="TEXT", help="the server's --admin-token")
@click.option("--call", "only", metavar="SESSION", help="one call [default: every call there is]")
@click.option(
    "--level", type=click.Choice(LEVELS), default="warning", show_default=True,
    help="findings that are bad enough for exit status 1",
)  # fmt: skip
@click.option("--ignore", multiple=True, metavar="RULE", help="leave a rule out; repeatable")
@click.option("--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="write JSON")
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="write JUnit XML")
@click.option("--list", "listing", is_flag=True, help="list the rules and leave")
def command(
    *,
    files: tuple[Path, ...],
    url: str,
    token: str,
    admin_token: str | None,
    only: str | None,
    level: str,
    ignore: tuple[str, ...],
    json_file: Path | None,
    junit: Path | None,
    listing: bool,
) -> None:
    """Tell what a client does wrong in its calls: those of a running server, or those of a FILE.

    A FILE is a cassette that `mockpbx record` has made, of any server, or the .jsonl that lies beside a call's page.
    Exit status 0 when nothing was found of the --level or worse, 1 when something was, 2 when it could not be run.
    """
    if listing:
        list_rules()
        return
    _check_rules(ignore)
    judged = _of_files(files) if files else _of_server(url, token, admin_token, only)
    if files and only is not None:
        judged = [each for each in judged if each.session == only] or refuse(f"no call in these files is {only!r}")
    report = Report([each.without(ignore) for each in judged], level)
    show(report)
    try:
        if json_file is not None:
            write_json(report, json_file)
        if junit is not None:
            write_junit(report, junit)
    except OSError as error:
        refuse(f"cannot write {error.filename}: {error.strerror}")
    if report.failed:
        raise SystemExit(FOUND)


def _check_rules(names: Sequence[str]) -> None:
    for name in names:
        if name not in RULES:
            near = get_close_matches(name, RULES, 1)
            hint = f"did you mean {near[0]}?" if near else "mockpbx lint --list shows them"
            refuse(f"--ignore: there is no rule {name!r}; {hint}")


# --- a running server -------------------------------------------------------------------------------------------------


def _of_server(url: str, token: str, admin_token: str | None, only: str | None) -> list[Judged]:
    try:
        return asyncio.run(_asked(url, token, admin_token, only))
    except (Refused, ClientError) as error:
        refuse(str(error))
    except (KeyError, TypeError, ValueError):
        refuse(f"{url} does not answer as this mockpbx does: is it of another version?")


async def _asked(url: str, token: str, admin_token: str | None, only: str | None) -> list[Judged]:
    async with aiohttp.ClientSession() as http:
        control = ControlClient(http, url, token, admin_token)
        if only is not None:
            name = quote(only, safe="")
            calls = [await control.ask("GET", f"/calls/{name}")]
            found = await control.ask("GET", f"/calls/{name}/findings")
        else:
            calls = (await control.ask("GET", "/calls", params={"limit": str(MOST)}))["calls"][::-1]
            found = await control.ask("GET", "/findings")
    judged = [_of_call(call, found) for call in calls]
    strays = [_case(each, None) for each in found["findings"] if each["call"] is None]
    if not calls and not strays:
        raise Refused(f"{url} knows no call of this token: another --token, or a server that was started again?")
    return judged + [Judged(None, "no call", url, strays, [])] * bool(strays)


def _of_call(call: Mapping[str, Any], found: Mapping[str, Any]) -> Judged:
    name = call["sessionId"]
    placed = datetime.fromisoformat(call["placedAt"]).timestamp() * 1_000
    cases = [_case(each, placed) for each in found["findings"] if each["call"] == name]
    missing = [Missing(tuple(each["rules"]), each["why"]) for each in found["untried"] if each["call"] == name]
    late = next((each["why"] for each in found.get("late", ()) if each["call"] == name), "")
    return Judged(name, f"{call['direction']} call to {call['number']}", "", cases, missing, late)


def _case(finding: Mapping[str, Any], placed: float | None) -> Case:
    at = None if finding["at"] is None or placed is None else round(finding["at"] - placed) / 1_000
    told = {name: finding[name] for name in ("id", "level", "what", "section", "remedy", "count")}
    return Case(**told, at=at, entries=tuple(finding["entries"]))


# --- files ------------------------------------------------------------------------------------------------------------


def _of_files(files: Sequence[Path]) -> list[Judged]:
    try:
        return [judged for file in files for judged in _of_file(file)]
    except ConfigurationError as error:
        refuse(str(error))


def _of_file(file: Path) -> list[Judged]:
    """Return the calls of a file. Raises ConfigurationError with a sentence for one that is none of ours."""
    from mockpbx.evidence.findings import stray
    from mockpbx.evidence.reading import read_evidence

    if not _is_cassette(file):
        return [_of_dossier(read_evidence(file), file)]
    from mockpbx.cassette.dossier import heard
    from mockpbx.cassette.tape import NoCassette, read_cassette

    try:
        cassette = read_cassette(file)
    except NoCassette as error:
        raise ConfigurationError(str(error)) from None
    if cassette.cut is not None:
        click.echo(f"mockpbx: {file}: {cassette.cut}", err=True)
    told = heard(cassette)
    judged = [_of_dossier(dossier, file) for dossier in told.dossiers]
    strays = [Case.of(finding, None) for finding in stray(told.strays)]
    if not judged and not strays:
        raise ConfigurationError(f"{file}: there is no call in this cassette")
    return judged + [Judged(None, "no call", str(file), strays, [])] * bool(strays)


def _is_cassette(file: Path) -> bool:
    try:
        with file.open("rb") as lines:
            first = json.loads(lines.readline(1_000_000) or b"{}")
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        first = None
    if not isinstance(first, dict) or not first.keys() & {"cassette", "mockpbx"}:
        raise ConfigurationError(
            f"{file} is no recording of a call: expected a cassette of `mockpbx record`, or the .jsonl that lies "
            "beside a call's page"
        )
    return "cassette" in first


def _of_dossier(dossier: Dossier, file: Path) -> Judged:
    from mockpbx.evidence.findings import findings
    from mockpbx.evidence.pacing import doubt_of
    from mockpbx.evidence.untried import untried

    call = dossier.call
    cases = [Case.of(finding, call.placed_at) for finding in findings(dossier)]
    missing = [Missing(each.rules, each.why) for each in untried(dossier)]
    name = f"{call.direction} call to {call.number}"
    return Judged(call.session_id, name, str(file), cases, missing, doubt_of(dossier))
