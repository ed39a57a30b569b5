"""`mockpbx serve`."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import resource
import shlex
import signal
from collections.abc import Callable
from typing import Any

import click

from mockpbx.app import Server
from mockpbx.cli import logs, refuse
from mockpbx.cli.memory import collect_when_quiet
from mockpbx.cli.options import read_settings, settings_options
from mockpbx.contract.errors import ConfigurationError
from mockpbx.runtime.settings import ServerSettings, WorkspaceSettings


@click.command()
@settings_options(ServerSettings, WorkspaceSettings)
def command(**values: Any) -> None:
    """Run the service on this machine until Ctrl-C."""
    try:
        server = read_settings(ServerSettings, values)
        workspace = read_settings(WorkspaceSettings, values)
        logs.set_up(server.log_format)
        # Our matrices are small, and threads that wait for each other on a busy machine hold up calls for 0.5 s.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        with asyncio.Runner(loop_factory=loop_factory(server.event_loop)) as runner:
            runner.run(_serve(Server(server, workspace)))
    except ConfigurationError as error:
        refuse(str(error))


def loop_factory(name: str) -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes the event loop of that name, None for Python's own. Raises ConfigurationError."""
    if name == "asyncio":
        return None
    try:
        import uvloop
    except ImportError:
        if name == "auto":
            return None
        raise ConfigurationError(
            "uvloop is not installed: pip install 'mockpbx[fast]', or --event-loop asyncio"
        ) from None
    return uvloop.new_event_loop


async def _serve(pbx: Server) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    loop.set_exception_handler(_note_failure)
    _raise_limit()
    pbx.readers.append(logs.log_entry)
    async with pbx:
        _announce(pbx)
        tending = asyncio.ensure_future(collect_when_quiet(lambda: any(w.live_calls() for w in pbx.workspaces())))
        await stopped.wait()
        tending.cancel()
        click.echo("stopping: every call ends with a record")


def _note_failure(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Pass over accepts that fail for want of handles: asyncio tries again each second, and the server tells of it."""
    error = context.get("exception")
    if not (isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE)):
        loop.default_exception_handler(context)


def _raise_limit() -> None:
    """Let the process have as many handles as the system grants it: each client takes one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _announce(pbx: Server) -> None:
    token = "$MOCKPBX_TOKEN" if pbx.server.token else "dev"
    click.echo(f"mockpbx listens on {pbx.url} (seed {pbx.seed})")
    click.echo(f"console: {console_link(pbx.url, None if pbx.server.token else token)}")
    if pbx.authority is not None:
        file = shlex.quote(str(pbx.authority))
        click.echo(f"clients are to trust {file}: NODE_EXTRA_CA_CERTS for Node, SSL_CERT_FILE or REQUESTS_CA_BUNDLE")
    trusting = "" if pbx.authority is None else f" --cacert {shlex.quote(str(pbx.authority))}"
    click.echo(
        f'curl -s{trusting} {reached(pbx.url)}/pbx/call -H "Authorization: Bearer {token}" '
        """-H 'Content-Type: application/json' -d '{"phoneNumber": "089608675796"}'"""
    )


def console_link(url: str, token: str | None) -> str:
    """Return the link of the sandbox page; a token goes behind the #, which no browser sends."""
    # Browsers let a page at a name of this machine use the microphone, and none at the address for all of them.
    return f"{reached(url)}/__console/" + ("" if token is None else f"#token={token}")


def reached(url: str) -> str:
    """Return the URL by which this machine reaches a server of its own that may listen everywhere."""
    return url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
