"""One pytest session: its switches, the workspaces of the test that runs, and what becomes of them in the end."""

from __future__ import annotations

import hashlib
import os
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mockpbx.contract.errors import ConfigurationError
from mockpbx.evidence.dossier import Dossier
from mockpbx.evidence.page import write_evidence
from mockpbx.evidence.page.files import safe_name
from mockpbx.evidence.timeline import timeline
from mockpbx.runtime.settings import ServerSettings
from mockpbx.testing.checks import table_of
from mockpbx.testing.double import SEED, MockPBX, told
from mockpbx.testing.errors import ExpectationFailed, Misuse
from mockpbx.testing.switches import OF_SERVER, OF_WORKSPACE, settings_of
from mockpbx.testing.thread import ServerThread

_OPEN = pytest.StashKey[list[MockPBX]]()
_DOSSIERS = pytest.StashKey[list[Dossier]]()
_NOT_PASSED = pytest.StashKey[bool]()
#: Calls of a failed test whose timelines are shown, and of which there are pages.
MOST_SHOWN, MOST_PAGES = 3, 20


def server_at(host: str, port: int) -> ServerThread:
    """Start the server of a session; MOCKPBX_MUTANT makes it break the contract. Fails the test if it cannot start."""
    __tracebackhide__ = True
    given = OF_SERVER | {"host": host, "port": port}
    if mutant := os.environ.get("MOCKPBX_MUTANT"):
        given["mutant"] = mutant
    server = ServerThread(settings_of(ServerSettings, given))
    try:
        server.start()
    except ConfigurationError as error:
        pytest.fail(f"mockpbx cannot start: {error} (the fixture mockpbx_listen_address says where)", pytrace=False)
    return server


class Session:
    """What the plugin's fixtures and hooks do, once a test uses them."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._settings = OF_WORKSPACE | ({"clock": clock} if (clock := self._switch("clock")) else {})
        self._seed = self._number("seed", self._switch("seed"), SEED)
        folder = self._switch("evidence")
        self._evidence = config.rootpath / ("mockpbx-evidence" if folder is None else folder) if folder != "" else None
        self._levels = self._table("levels")
        self._limits = {name: self._number(name, value, 0) for name, value in self._table("limits").items()}

    # --- a test's workspaces ------------------------------------------------------------------------------------------

    def open(self, item: pytest.Item, server: ServerThread, settings: dict[str, Any]) -> MockPBX:
        """Open a workspace for a test: by the ini file and the flags, then its markers, then `settings`.

        Raises Misuse.
        """
        __tracebackhide__ = True
        wanted = self._settings | {"seed": self._seed}
        levels, limits = dict(self._levels), dict(self._limits)
        for given in (*self._markers(item), settings):
            levels |= table_of("levels", given.get("levels", {}))
            limits |= table_of("limits", given.get("limits", {}))
            wanted |= {name: value for name, value in given.items() if name not in ("levels", "limits")}
        pbx = MockPBX(at=server, folder=item.path.parent, levels=levels, limits=limits, **wanted).start()
        item.stash.setdefault(_OPEN, []).append(pbx)
        return pbx

    def finish(self, item: pytest.Item) -> None:
        """Check what nobody asserted, and close the workspaces.

        Fails a test that has passed so far for problems of the level `error`.
        """
        __tracebackhide__ = True
        workspaces, item.stash[_OPEN] = item.stash.get(_OPEN, []), []
        try:
            problems = [problem for pbx in workspaces for problem in pbx.problems()]
            errors = [problem for problem in problems if problem.level == "error"]
            fails = bool(errors) and not item.stash.get(_NOT_PASSED, False)
            if fails:
                item.stash[_DOSSIERS] = _dossiers(workspaces)
        finally:
            for pbx in workspaces:
                pbx.stop()
        lesser = (problem for problem in problems if problem.level in ("warning", "note"))
        item.user_properties += [("mockpbx", f"{problem.level} {problem.id}") for problem in lesser]
        if fails:
            pytest.fail(told(errors), pytrace=False)

    def report(self, item: pytest.Item, report: pytest.TestReport, error: BaseException | None) -> None:
        """Take note of how a phase of a test went; where it failed, tell of its calls and write their evidence."""
        if not report.passed:
            item.stash[_NOT_PASSED] = True
        if report.failed:
            try:
                lines = self._told(item, error)
            except Exception as broken:
                lines = [f"its calls could not be shown: {type(broken).__name__}: {broken}"]
            if lines:
                report.sections.append(("mockpbx", "\n".join(lines)))
        if report.when == "teardown" and _DOSSIERS in item.stash:
            del item.stash[_DOSSIERS]  # their sound is large

    def _told(self, item: pytest.Item, error: BaseException | None) -> list[str]:
        workspaces = item.stash.get(_OPEN, [])
        dossiers = _dossiers(workspaces) or item.stash.get(_DOSSIERS, [])
        lines = self._written(item, dossiers[-MOST_PAGES:])
        errors = [each for pbx in workspaces for each in pbx.problems() if each.level == "error"]
        if errors:
            lines.append(told(errors))
        if not isinstance(error, ExpectationFailed):  # which shows the call itself
            lines += [timeline(dossier) for dossier in dossiers[-MOST_SHOWN:]]
        return lines

    def _written(self, item: pytest.Item, dossiers: list[Dossier]) -> list[str]:
        """Write the evidence of calls. Returns the lines that name the pages, or that say why there are none."""
        if self._evidence is None or not dossiers:
            return []
        flags = {"seed": str(dossiers[0].replay.seed)}
        flags |= {"clock": clock} if (clock := self._switch("clock")) else {}
        words = [
            "pytest",
            item.nodeid,
            *(word for name, value in flags.items() for word in (f"--mockpbx-{name}", value)),
        ]
        lines: list[str] = []
        for number, dossier in enumerate(dossiers, 1):
            named = replace(dossier, title=item.nodeid, command=shlex.join(words))
            try:
                page = write_evidence(named, self._evidence / _folder(item.nodeid), f"call-{number}")
            except OSError as error:
                return [*lines, f"evidence could not be written to {self._evidence}: {error.strerror or error}"]
            lines.append(f"evidence: {_short(page)}")
        return lines

    # --- switches -----------------------------------------------------------------------------------------------------

    def _switch(self, name: str) -> str | None:
        """Return a switch: its flag beats its variable beats the ini file."""
        flag: str | None = self._config.getoption(f"--mockpbx-{name}")
        found = (flag, os.environ.get(f"MOCKPBX_{name.upper()}"), self._config.getini(f"mockpbx_{name}"))
        return next((value for value in found if value is not None), None)

    def _table(self, name: str) -> dict[str, str]:
        lines = self._config.getini(f"mockpbx_{name}")
        pairs = [line.partition("=") for line in lines]
        for line, (_, equals, _) in zip(lines, pairs, strict=True):
            if not equals:
                raise pytest.UsageError(f"mockpbx_{name}: expected lines such as `name = value`, got {line!r}")
        return {rule.strip(): value.strip() for rule, _, value in pairs}

    @staticmethod
    def _number(name: str, value: str | None, default: int) -> Any:
        if value is None:
            return default
        try:
            return float(value) if name != "seed" else int(value)
        except ValueError:
            raise pytest.UsageError(f"mockpbx: {name} is to be a number, got {value!r}") from None

    def _markers(self, item: pytest.Item) -> list[dict[str, Any]]:
        """Return what the markers say, the nearest to the test last."""
        __tracebackhide__ = True
        markers = list(item.iter_markers("mockpbx"))[::-1]
        for marker in markers:
            if marker.args:
                raise Misuse(f'@pytest.mark.mockpbx takes settings by name, such as clock="manual", got {marker.args}')
        return [dict(marker.kwargs) for marker in markers]


def _dossiers(workspaces: list[MockPBX]) -> list[Dossier]:
    return [dossier for pbx in workspaces for dossier in pbx.dossiers()]


def _folder(nodeid: str) -> str:
    """Return the name of a test's folder; letters that do not survive in it are told apart by a digest."""
    digest = "" if nodeid.isascii() else f" {hashlib.sha256(nodeid.encode(errors='replace')).hexdigest()[:8]}"
    return safe_name(nodeid + digest)


def _short(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
