"""`mockpbx readyz`: what health checks run."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from mockpbx.cli import mockpbx
from mockpbx.cli.readyz import address


def ready(*arguments: str, **environment: str):
    clean = {"MOCKPBX_HOST": None, "MOCKPBX_PORT": None, "MOCKPBX_CONFIG": None}
    return CliRunner().invoke(mockpbx, ["readyz", *arguments], env=clean | environment)


async def asked(*arguments: str, **environment: str):
    import asyncio

    return await asyncio.to_thread(ready, *arguments, **environment)


async def test_a_server_that_takes_calls_is_ready(serve):
    ran = await asked("--url", (await serve()).url)
    assert (ran.exit_code, ran.output) == (0, "")


async def test_it_looks_where_the_server_was_told_to_listen(serve, tmp_path):
    port = (await serve(host="0.0.0.0")).url.rpartition(":")[2]
    file = tmp_path / "mockpbx.toml"
    file.write_text(f"port = {port}\nclock = 'auto'\n")
    assert (await asked(MOCKPBX_HOST="0.0.0.0", MOCKPBX_PORT=port)).exit_code == 0
    assert (await asked("--port", port, MOCKPBX_PORT="1")).exit_code == 0
    assert (await asked(MOCKPBX_CONFIG=str(file))).exit_code == 0
    assert (await asked("--config", str(file), MOCKPBX_PORT="1")).exit_code == 1


async def test_one_that_stops_is_not_ready_any_more(serve, monkeypatch):
    pbx = await serve()
    with monkeypatch.context() as stopping:
        stopping.setattr(pbx, "_stopped", True)
        ran = await asked("--url", pbx.url)
    assert ran.exit_code == 1
    assert ran.output.strip() == (
        f"mockpbx: the server at {pbx.url} is not ready: it answered GET /__admin/readyz with 503"
    )


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (("--port", "1"), 1, "no server is ready at http://127.0.0.1:1: "),
        (("--url", "ftp://here"), 1, "'ftp://here' is no address of a server; expected one like http://127.0.0.1:7290"),
        (("--url", "http://here:port"), 1, "is no address of a server"),
        (("--port", "0"), 2, "0 is not in the range 1<=x<=65535"),
        (("--config", "no.toml"), 2, "cannot read no.toml: "),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(arguments, status, sentence):
    ran = subprocess.run(
        [sys.executable, "-m", "mockpbx", "readyz", *arguments], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (status, "")
    assert sentence in ran.stderr
    assert ran.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:1"),
        ("0.0.0.0", "http://127.0.0.1:1"),
        ("::", "http://[::1]:1"),
        ("[::1]", "http://[::1]:1"),
        ("fe80::1", "http://[fe80::1]:1"),
        ("pbx", "http://pbx:1"),
    ],
)
def test_an_address_to_listen_on_becomes_one_to_call(host, url):
    assert address(host, 1) == url


def test_it_imports_nothing_heavy():
    heavy = {"aiohttp", "numpy", "pydantic", "socketio", "rich", "asyncio"}
    code = f"import sys, mockpbx.cli.readyz; print(*({heavy!r} & sys.modules.keys()))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "\n"
