"""Which sounds a file may name, and which a request: whoever has a token must not read the server's disk."""

from pathlib import Path

import numpy as np
import pytest

from mockpbx.domain.scenario import ExpectClip, Play, Tone
from mockpbx.media.wav import write_wav
from mockpbx.runtime.callee import Unplayable
from mockpbx.runtime.plan_files import PlanFile, ScenarioError, read_plan_value
from mockpbx.runtime.scenario_files import read_scenario, read_steps
from mockpbx.runtime.sounds import Beside, Within, clips_of

SOUND = (8_000 * np.sin(np.arange(8_000))).astype(np.int16)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "clips").mkdir()
    write_wav(tmp_path / "clips" / "mine.wav", SOUND)
    (tmp_path / "clips" / "notes.txt").write_text("Dear caller")
    write_wav(tmp_path / "secret.wav", SOUND)
    return tmp_path / "clips"


def test_a_file_names_sounds_by_their_path_from_where_it_lies(folder):
    assert Beside(folder.parent)(Play("clips/mine.wav")) == Play(str(folder / "mine.wav"))
    assert Beside(folder)(ExpectClip("../secret.wav")) == ExpectClip(str(folder / "../secret.wav"))
    assert Beside(folder)(Play("hello")) == Play("hello")
    assert Beside(folder)(Tone(440)) == Tone(440)


@pytest.mark.parametrize(
    "name",
    ["../secret.wav", "/etc/passwd", "clips/mine.wav", "", "..", "x\0y", "a" * 2_000, "fixtures/clips/hello.wav"],
)
def test_a_request_names_packaged_clips_and_files_in_the_servers_folder_and_nothing_else(folder, name):
    for within in (Within(folder), Within(None)):
        with pytest.raises(Unplayable, match="there is no clip"):
            within(Play(name))
    assert Within(folder)(Play("mine.wav")) == Play(str(folder / "mine.wav"))
    assert Within(None)(Play("hello")) == Play("hello")
    known = str(folder / "mine.wav")
    assert Within(None, frozenset({known}))(Play(known)) == Play(known)


def test_what_is_no_sound_is_refused_with_file_line_and_step(folder):
    with pytest.raises(
        ScenarioError, match=r"^a\.yaml, line 3, step 3 \(play\): .*notes\.txt is neither a WAV nor an MP3"
    ):
        read_scenario("- ring\n- answer\n- play: notes.txt\n", "a.yaml", Beside(folder))
    with pytest.raises(
        ScenarioError, match=r"^the scenario, step 1 \(play\): there is no clip 'helo': did you mean hello"
    ):
        read_steps([{"play": "helo"}], "the scenario", Beside(folder))
    with pytest.raises(ScenarioError, match=r"scenario a, step 1 \(expect_clip\)"):
        read_plan_value({"scenarios": {"a": [{"expect_clip": "/etc/passwd"}]}, "rules": []}, "plan", {}, Within(None))


def test_a_plan_is_read_again_when_a_sound_of_it_changes(folder):
    file = folder / "plan.yaml"
    file.write_text('rules: [{number: "*", scenario: [ring, answer, play: mine.wav]}]')
    plan = PlanFile(file, {})
    assert clips_of(plan.read()) == {str(folder / "mine.wav")}
    assert not plan.changed()
    write_wav(folder / "mine.wav", SOUND[:4_000])
    assert plan.changed()
