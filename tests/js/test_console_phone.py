"""The phone's arithmetic, without a browser: programs of Node's own test runner, each of them a test here."""

import asyncio
import re
from pathlib import Path

import pytest

from mockpbx.runtime.clips import packaged

HERE = Path(__file__).parent
CONSOLE = HERE.parents[1] / "mockpbx" / "console"


@pytest.mark.parametrize("program", ["console-resample.mjs", "console-jitter.mjs"])
async def test_the_sound_of_the_phone(program, client):
    node = await asyncio.create_subprocess_exec("node", "--test", program, cwd=HERE, stdout=-1, stderr=-1)
    try:
        told, _ = await node.communicate()
    finally:
        if node.returncode is None:
            node.kill()
            await node.wait()
    assert node.returncode == 0, told.decode()


def test_the_clips_at_hand_are_clips():
    source = (CONSOLE / "phone" / "instead.js").read_text(encoding="utf-8")
    at_hand = re.findall(r'"([a-z-]+)"', re.search(r"CLIPS = \[(.*?)\]", source, re.DOTALL)[1])

    assert len(at_hand) > 5
    assert set(at_hand) <= set(packaged())
