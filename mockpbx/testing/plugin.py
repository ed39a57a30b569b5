"""The pytest plugin. Every pytest run of its users imports this module: it imports nothing of mockpbx until it is used.

Fixtures: `mockpbx` (a fresh workspace on a server that the session shares), `make_mockpbx` (more of them, each with
settings of its own), `mockpbx_server`, and `mockpbx_listen_address` to override. A marker says how one test wants it:
`@pytest.mark.mockpbx(clock="manual", seed=7, levels={"small-packets": "error"}, limits={"turn_latency.max": 1.0})`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mockpbx.testing.double import MockPBX
    from mockpbx.testing.session import Session
    from mockpbx.testing.thread import ServerThread

#: Each switch: its flag `--mockpbx-...`, its variable MOCKPBX_..., its line in the ini file, mockpbx_... (flag first).
SWITCHES = {
    "clock": "how time passes in tests: auto (default), real, a rate such as 20x, or manual",
    "seed": "seed of everything random in a call (default: 1)",
    "evidence": "folder for the evidence of failed tests (default: mockpbx-evidence; empty: none is written)",
}
TABLES = {
    "levels": "how bad a finding is: `rule = error|warning|note|ignore`, one a line",
    "limits": "the most that a metric may be in any call: `turn_latency.max = 1.5`, one a line",
}
_SESSION = pytest.StashKey["Session"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the switches."""
    group = parser.getgroup("mockpbx", "mockpbx, the Outgoing Call Service as a test double")
    for name, about in SWITCHES.items():
        group.addoption(f"--mockpbx-{name}", default=None, metavar="VALUE", help=about)
        parser.addini(f"mockpbx_{name}", about, default=None)
    for name, about in TABLES.items():
        parser.addini(f"mockpbx_{name}", about, type="linelist", default=[])


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line(
        "markers", "mockpbx(**settings, seed, levels, limits): any setting of a workspace by its name, for this test"
    )


@pytest.fixture(scope="session")
def mockpbx_listen_address() -> tuple[str, int]:
    """Where the session's server listens: host and port, 0 for a free one. Override it to choose."""
    return "127.0.0.1", 0


@pytest.fixture(scope="session")
def mockpbx_server(mockpbx_listen_address: tuple[str, int]) -> Iterator[ServerThread]:
    """The server of the session, in a thread of its own; it starts when the first test needs it."""
    from mockpbx.testing.session import server_at

    server = server_at(*mockpbx_listen_address)
    yield server
    server.stop()


@pytest.fixture
def make_mockpbx(request: pytest.FixtureRequest, mockpbx_server: ServerThread) -> Iterator[Callable[..., MockPBX]]:
    """Open workspaces: `make_mockpbx(clock="manual")`; any setting of a workspace by its name, over the marker's."""
    session = _session(request.config)

    def make(**settings: Any) -> MockPBX:
        __tracebackhide__ = True
        return session.open(request.node, mockpbx_server, settings)

    yield make
    session.finish(request.node)


@pytest.fixture
def mockpbx(make_mockpbx: Callable[..., MockPBX]) -> MockPBX:
    """A fresh workspace: its `url` and `token` are for the bot, `mockpbx.aio` is for tests that await."""
    from mockpbx.testing.errors import Misuse

    try:
        return make_mockpbx()
    except Misuse as misuse:
        pytest.fail(f"@pytest.mark.mockpbx, or the ini file: {misuse}", pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Add the calls of a failed test to its report, and write their evidence."""
    report: pytest.TestReport = yield  # type: ignore[assignment]
    if _SESSION in item.config.stash:
        _session(item.config).report(item, report, call.excinfo and call.excinfo.value)
    return report  # type: ignore[return-value]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Sum up what was found in calls and failed nothing."""
    found: dict[str, int] = {}
    reports = [report for kind in terminalreporter.stats.values() for report in kind]
    for report in reports:
        if getattr(report, "when", "") == "teardown":
            for _, value in (each for each in report.user_properties if each[0] == "mockpbx"):
                found[value] = found.get(value, 0) + 1
    if found:
        terminalreporter.section("mockpbx")
        for value, times in sorted(found.items(), key=lambda each: -each[1]):
            terminalreporter.write_line(f"{times} x {value}")


def _session(config: pytest.Config) -> Session:
    if _SESSION not in config.stash:
        from mockpbx.testing.session import Session

        config.stash[_SESSION] = Session(config)
    return config.stash[_SESSION]
