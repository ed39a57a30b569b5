"""schemathesis drives a real server with the document that it serves: every request it can think of, valid or not."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

CONFIG = Path(__file__).with_name("schemathesis.toml")
#: Requests that it invents per operation: `SCHEMATHESIS_EXAMPLES=1000 pytest tests/contract` tries as many.
EXAMPLES = os.environ.get("SCHEMATHESIS_EXAMPLES")
TOKEN = "the-only-token"


async def driven(url: str, folder: Path, *flags: str) -> tuple[int, str, dict]:
    """Return schemathesis's exit status, what it printed, and its report."""
    report = folder / "report.json"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "schemathesis.cli", "--config-file", CONFIG, "run", f"{url}/__admin/openapi.json",
        "--report-json-path", report, *flags,
        cwd=folder, env=os.environ | {"TOKEN": TOKEN, "NO_COLOR": "1"}, stdout=-1, stderr=-2,
    )  # fmt: skip
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode, output.decode(), json.loads(report.read_text())


async def test_the_server_keeps_its_own_document(serve, tmp_path):
    pbx = await serve(token=(TOKEN,), call_limit=1, dial_delay=0, record_delay=0)
    status, output, report = await driven(pbx.url, tmp_path, *(("--max-examples", EXAMPLES) if EXAMPLES else ()))
    print(output[output.rfind("= SUMMARY =") :])
    assert status == 0, output
    assert report["complete"]
    assert report["test_cases"]["generated"] > 300
    # Not only refusals: records of calls that it placed were read, and calls that it placed were ended.
    accepted = {
        name: sum(phase["accepted"] for phase in phases.values()) for name, phases in report["valid_rates"].items()
    }
    assert len(accepted) == 4
    assert all(accepted.values()), accepted


@pytest.mark.parametrize(
    ("mutant", "check"),
    [
        ("errors-as-list", "Response violates schema"),
        ("missing-token-accepted", "API accepts requests without authentication"),
        ("not-found-as-500", "Server error"),
    ],
)
async def test_a_server_that_breaks_the_contract_is_found_out(serve, tmp_path, mutant, check):
    pbx = await serve(token=(TOKEN,), mutant=mutant, call_limit=1)
    status, output, _ = await driven(pbx.url, tmp_path, "--phases", "examples,coverage")
    assert status == 1, output
    assert check in output
