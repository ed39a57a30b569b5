"""The JavaScript example as its users run it, and what they read when their bot has a bug.

That in Python is beside this file, and runs as the tests that it consists of.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from js.conftest import client  # noqa: F401 - the fixture that installs the official client

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "tests" / "examples" / "javascript"


@pytest.fixture
def project(tmp_path, client) -> Path:  # noqa: F811
    """A copy of the example, with the packages that are installed for the other tests of the official client."""
    folder = tmp_path / "tests" / "examples" / "javascript"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("node_modules"))
    (folder / "node_modules").symlink_to(ROOT / "tests" / "js" / "node_modules")
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures")
    return folder


def run(project: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mockpbx", "exec", "--seed", "1", "--", "npm", "test"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MOCKPBX", "NODE_"))}
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


def test_it_needs_what_is_installed_for_the_other_tests():
    example, others = (json.loads((folder / "package.json").read_text()) for folder in (EXAMPLE, ROOT / "tests" / "js"))
    assert example["dependencies"].items() <= others["dependencies"].items()
    assert example["engines"] == others["engines"]


def test_the_javascript_bot_passes_its_tests(project):
    ran = run(project)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert re.search(r"^. pass 5$", ran.stdout, re.MULTILINE)
    assert ran.stderr.endswith("mockpbx: 5 calls, no findings at error level\n")
    assert not list(project.glob("mockpbx-evidence"))


def test_a_bot_that_speaks_too_early_is_told_so_and_its_calls_are_shown(project):
    bot = project / "bot.mjs"
    bot.write_text(bot.read_text().replace('status === "Connected" && this', 'status === "Ringing" && this'))
    ran = run(project)
    assert ran.returncode == 1
    assert "audio refused: Call is not connected" in ran.stdout
    assert "likely cause:" in ran.stdout
    assert re.search(r"test\.mjs:\d+", ran.stdout), "the line of the user's test"
    pages = re.findall(r"^mockpbx: evidence in (.*\.html)$", ran.stderr, re.MULTILINE)
    assert len(pages) == 5
    for page in pages:
        assert "exit status 1: npm test" in (project / page).read_text()
        assert (project / page).with_suffix(".jsonl").exists()
    assert re.search(r"mockpbx: 5 calls, \d+ findings at error level: .*audio-refused", ran.stderr)


def test_a_bot_that_hangs_up_in_mid_sentence_fails_though_nobody_asserted_it(project):
    bot = project / "bot.mjs"
    says, hangs_up = 'this.#say("goodbye", "goodbye");', 'this.#emit("hangup");'
    bot.write_text(bot.read_text().replace(says, f"{{ {says} {hangs_up} }}"))
    ran = run(project)
    assert ran.returncode == 1
    assert "audio-cut-at-hangup" in ran.stdout
