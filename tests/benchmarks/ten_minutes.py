"""How long a ten-minute call takes on the clock `auto`, with the official Node client reading every frame.

Run by hand: `python tests/benchmarks/ten_minutes.py`; tests/js needs its packages (`npm ci` there). Five calls.
"""

import argparse
import asyncio
import json
import statistics
from pathlib import Path

from mockpbx.app import Server
from mockpbx.domain import scenario as s
from mockpbx.domain.plan import Named, Plan, Rule
from mockpbx.runtime.settings import ServerSettings, WorkspaceSettings

CALLS = 5
JS = Path(__file__).parents[1] / "js"
MINUTES = (s.Ring(0, setup=0), s.Answer(), s.Tone(440), s.Wait(600), s.HangUp())


async def main() -> None:
    server = ServerSettings(port=0, database=":memory:", seed=1)
    plan = Plan((Rule.of("*", Named("ten minutes", MINUTES)),))
    async with Server(server, WorkspaceSettings(clock="auto"), plan) as pbx:
        walls = []
        for call in range(CALLS):
            node = await asyncio.create_subprocess_exec(
                "node", "patient.mjs", pbx.url, f"call{call}", "089608675796", cwd=JS, stdout=-1
            )
            seen = json.loads((await node.communicate())[0])
            assert seen["frames"] == 30_000, seen
            walls.append(seen["wall"] / 1_000)
    median = statistics.median(walls)
    print(f"10 minutes, 30,000 frames read: median {median:.2f} s, {min(walls):.2f} to {max(walls):.2f}")


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    asyncio.run(main())
