"""What a test with the double costs: one full call, a hundred of them in workers, and pytest when nothing uses it.

    python tests/benchmarks/double.py

The call: rings 2 s, is answered, says hello, hears the bot's greeting out, presses a key; the bot hangs up at its
checkpoint. The clock is `auto`. The unused plugin is timed as the same empty run with and without it, in turn.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
ROUNDS = 9
CALL = """
import pytest
from bot import Bot
from mockpbx.testing import Answer, CheckpointReached, Connected, Digit, Ended, ExpectSpeech, Play, Press, Ring

@pytest.mark.parametrize("number", range(100))
async def test_call(mockpbx, number):
    mockpbx.when("0896*").then(Ring(2), Answer(), Play("hello"), ExpectSpeech(within=5), Press("1"))
    bot = Bot(mockpbx.url, mockpbx.token)
    await bot.call("089608675796")
    call = await mockpbx.aio.wait_for_call()
    await call.expect(Connected, Digit("1"), CheckpointReached("goodbye"), Ended(by="CALLER", cause=16))
    assert call.heard.seconds > 3 and call.discarded.seconds == 0 and bot.digits == ["1"]
"""


def pytest(folder: Path, *flags: str) -> tuple[float, str]:
    """Run pytest on a folder. Returns wall seconds and what it printed."""
    environment = os.environ | {"PYTHONPATH": str(HERE.parent / "testing"), "PYTHONDONTWRITEBYTECODE": ""}
    began = time.perf_counter()
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--asyncio-mode=auto", *flags, str(folder)]
    run = subprocess.run(words, capture_output=True, text=True, env=environment, cwd=folder, check=False)
    assert run.returncode == 0, run.stdout
    return time.perf_counter() - began, run.stdout


def main() -> None:
    """Print the figures."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_call.py").write_text(CALL)
        _, said = pytest(folder, "--durations=0", "--durations-min=0")
        spans: dict[str, float] = {}
        for seconds, test in re.findall(r"^([\d.]+)s (?:setup|call|teardown)\s+(\S+)$", said, re.MULTILINE):
            spans[test] = spans.get(test, 0) + float(seconds)
        each = sorted(spans.values())
        print(f"one full-call test, set-up and teardown included: median {statistics.median(each) * 1000:.0f} ms, "
              f"from {each[0] * 1000:.0f} to {each[-1] * 1000:.0f} ms (of {len(each)})")  # fmt: skip
        workers = os.cpu_count() or 1
        alone, _ = pytest(folder)
        together, _ = pytest(folder, "-n", str(workers))
        print(
            f"100 of them, pytest's start included: {alone:.1f} s in one process, {together:.1f} s in {workers} workers"
        )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_nothing.py").write_text("def test_nothing():\n    pass\n")
        runs: dict[str, list[float]] = {"with": [], "without": []}
        for _ in range(ROUNDS):
            runs["without"].append(pytest(folder, "-p", "no:mockpbx")[0])
            runs["with"].append(pytest(folder)[0])
        ratios = [one / other for one, other in zip(runs["with"], runs["without"], strict=True)]
        print(f"an empty run: {statistics.median(runs['without']) * 1000:.0f} ms without the plugin, "
              f"{statistics.median(runs['with']) * 1000:.0f} ms with it; ratio of pairs: median "
              f"{statistics.median(ratios):.3f}, {min(ratios):.3f} to {max(ratios):.3f}")  # fmt: skip


if __name__ == "__main__":
    main()
