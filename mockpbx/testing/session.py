"""One pytest session: its switches, the workspaces of the test that runs, and what becomes of them in the end."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mockpbx.contract.errors import ConfigurationError
from mockpbx.evidence.dossier import Dossier
from mockpbx.evidence.page import write_evidence
from mockpbx.evidence.timeline import timeline
from mockpbx.runtime.settings import ServerSettings
from mockpbx.testing.double import SEED, MockPBX, told
from mockpbx.testing.errors import Misuse
from mockpbx.testing.switches import OF_SERVER, OF_WORKSPACE, settings_of
from mockpbx.testing.thread import ServerThread

_OPEN = pytest.StashKey[list[MockPBX]]()
_DOSSIERS = pytest.StashKey[list[Dossier]]()
#: Calls of a failed test whose timelines are shown; all have evidence.
MOST_SHOWN = 3


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
        """Open a workspace for a test: by the ini file and the flags, then its markers, then `settings`."""
        __tracebackhide__ = True
        wanted = self._settings | {"seed": self._seed}
        levels, limits = dict(self._levels), dict(self._limits)
        for given in (*self._markers(item), settings):
            levels |= given.get("levels", {})
            limits |= given.get("limits", {})
            wanted |= {name: value for name, value in given.items() if name not in ("levels", "limits")}
        pbx = MockPBX(at=server, folder=item.path.parent, levels=levels, limits=limits, **wanted).start()
        item.stash.setdefault(_OPEN, []).append(pbx)
        return pbx

    def finish(self, item: pytest.Item) -> None:
        """Check what nobody asserted, and close the workspaces. Fails the test for problems of the level `error`."""
        __tracebackhide__ = True
        open_ = item.stash.get(_OPEN, [])
        problems = [problem for pbx in open_ for problem in pbx.problems()]
        item.stash[_DOSSIERS] = [dossier for pbx in open_ for dossier in pbx.dossiers()]
        item.stash[_OPEN] = []
        for pbx in open_:
            pbx.stop()
        for problem in problems:
            if problem.level == "warning":
                item.user_properties.append(("mockpbx", f"{problem.level} {problem.id}"))
        errors = [problem for problem in problems if problem.level == "error"]
        if errors and not getattr(item, "mockpbx_failed", False):
            pytest.fail(told(errors), pytrace=False)

    def report(self, item: pytest.Item, report: pytest.TestReport) -> None:
        """Tell of the calls of a failed test in its report, and write their evidence."""
        dossiers = [dossier for pbx in item.stash.get(_OPEN, []) for dossier in pbx.dossiers()]
        dossiers = dossiers or item.stash.get(_DOSSIERS, [])
        if not dossiers:
            return
        lines: list[str] = []
        command = f"pytest {shlex.quote(item.nodeid)} --mockpbx-seed {dossiers[0].replay.seed}"
        for number, dossier in enumerate(dossiers, 1):
            if self._evidence is not None:
                told_ = replace(dossier, title=item.nodeid, command=command)
                page = write_evidence(told_, self._evidence / _slug(item.nodeid), f"call-{number}")
                lines.append(f"evidence: {_short(page)}")
            if number <= MOST_SHOWN:
                lines.append(timeline(dossier))
        report.sections.append(("mockpbx", "\n".join(lines)))

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


def _slug(nodeid: str) -> str:
    return re.sub(r"[^\w.\[\]-]+", "-", nodeid.removesuffix(".py")).strip("-")[-120:]


def _short(path: Path) -> str:
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
