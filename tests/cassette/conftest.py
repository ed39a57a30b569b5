"""A recorder between a client and a server, and the cassette that comes of it."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from mockpbx.cassette.proxy import Proxy
from mockpbx.cassette.recorder import Recorder
from mockpbx.cassette.redaction import Redactor
from mockpbx.cassette.tape import Cassette, read_cassette

TWO_CALLS = Path(__file__).parents[2] / "fixtures" / "cassettes" / "two-calls.cassette.jsonl"

Recording = Callable[..., AbstractAsyncContextManager[Proxy]]


@pytest.fixture
def tape(tmp_path) -> Path:
    """Where `recording` writes to."""
    return tmp_path / "made.cassette.jsonl"


@pytest.fixture
def recording(tape) -> Recording:
    """`async with recording(url) as proxy`: what passes proxy.url is on the tape afterwards."""

    @asynccontextmanager
    async def recording(url: str, **redaction):
        async with (
            Recorder(tape, url, Redactor(**redaction), redacted=("tokens",)) as recorder,
            Proxy(url, "127.0.0.1", 0, recorder) as proxy,
        ):
            proxy.summary = recorder.summary
            yield proxy

    return recording


@pytest.fixture
def two_calls() -> Cassette:
    """The sample cassette."""
    return read_cassette(TWO_CALLS)
