"""`mockpbx readyz`: imports next to nothing, since health checks run it every few seconds."""

from __future__ import annotations

import tomllib
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

import click

from mockpbx.cli.finite import Finite

PATH = "/__admin/readyz"
#: What a server that listens everywhere is reached by from its own machine.
LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - not to bind


def _configured(ctx: click.Context, _: click.Parameter, file: Path | None) -> None:
    if file is None:
        return
    try:
        values = tomllib.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise click.BadParameter(f"cannot read {file}: {error}") from None
    ctx.default_map = {name: values[name] for name in ("host", "port", "tls", "tls_cert") if name in values}


@click.command()
@click.option("--url", metavar="URL", help="the server, in place of host and port")
@click.option("--host", envvar="MOCKPBX_HOST", default="127.0.0.1", show_default=True, help="where it listens")
@click.option("--port", envvar="MOCKPBX_PORT", type=click.IntRange(1, 65_535), default=7290, show_default=True)
@click.option("--tls/--no-tls", envvar="MOCKPBX_TLS", default=False, help="whether it serves https")
@click.option("--tls-cert", envvar="MOCKPBX_TLS_CERT", metavar="FILE", help="its certificate, where it has one")
@click.option("--timeout", type=Finite(0.01, 60), default=2, show_default=True, metavar="SECONDS")
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="MOCKPBX_CONFIG",
    is_eager=True,
    expose_value=False,
    callback=_configured,
    help="TOML file that the server was started with",
)
def command(url: str | None, host: str, port: int, *, tls: bool, tls_cert: str | None, timeout: float) -> None:
    """Tell whether the server takes calls: exit status 0 if so, 1 if not. For health checks.

    The certificate of a --url is held against what is trusted here (SSL_CERT_FILE); that of the server of this machine,
    at host and port, against nothing: no secret is sent to it.
    """
    own = address(host, port, "https" if tls or tls_cert else "http")
    trouble = _trouble(own if url is None else url, timeout, known=url is None)
    if trouble is not None:
        click.echo(f"mockpbx: {trouble}", err=True)
        raise SystemExit(1)


def address(host: str, port: int, scheme: str = "http") -> str:
    """Return the URL of a server that listens on this host and port."""
    reached = LOOPBACK.get(host.strip("[]"), host.strip("[]"))
    return f"{scheme}://[{reached}]:{port}" if ":" in reached else f"{scheme}://{reached}:{port}"


def _trouble(url: str, timeout: float, *, known: bool) -> str | None:
    """Return why the server at `url` is not ready, None where it is. One that is `known` shows any certificate."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return f"{url!r} is no address of a server; expected one like http://127.0.0.1:7290"
    connection = _connection(parts.scheme, parts.hostname, port, timeout, known=known)
    try:
        connection.request("GET", parts.path.rstrip("/") + PATH)
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        return f"no server is ready at {url}: {error or type(error).__name__}"
    finally:
        connection.close()
    if status == 200:
        return None
    return f"the server at {url} is not ready: it answered GET {PATH} with {status}"


def _connection(scheme: str, host: str, port: int | None, timeout: float, *, known: bool) -> HTTPConnection:
    if scheme == "http":
        return HTTPConnection(host, port, timeout=timeout)
    import ssl

    context = ssl._create_unverified_context() if known else ssl.create_default_context()  # noqa: S323 - see `command`
    return HTTPSConnection(host, port, timeout=timeout, context=context)
