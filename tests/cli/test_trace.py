"""`mockpbx trace`: the evidence of a running server's calls, as files."""

import asyncio
import json
import wave

import pytest
from click.testing import CliRunner
from conftest import Api

from mockpbx.cli import mockpbx
from mockpbx.domain import scenario as s
from mockpbx.domain.plan import Named, Plan, Rule

TALK = Plan((Rule.of("0896*", Named("talk", (s.Ring(0, setup=0), s.Answer(), s.Play("hello"), s.HangUp()))),))


@pytest.fixture
async def api(serve, http) -> Api:
    """A server with one call that was talked in, and then one that nobody answered."""
    api = Api(http, (await serve(plan=TALK, clock="manual", dial_delay=0)).url)
    for number in ("089608675796", "08000000017"):
        await api.post("/pbx/call", {"phoneNumber": number})
        await api.post("/__admin/clock/advance", {"ms": 5_000})
    return api


async def trace(*arguments: str):
    ran = await asyncio.to_thread(CliRunner().invoke, mockpbx, ["trace", *arguments], standalone_mode=False)
    return ran, ran.output.splitlines()


async def sessions(api: Api) -> list[str]:
    return [call["sessionId"] for call in (await api.get("/__admin/calls"))[1]["data"]["calls"]]


async def test_a_call_becomes_a_page_its_sound_and_its_entries(api, tmp_path):
    _, session_id = await sessions(api)
    _, said = await trace(session_id, "--url", api.url, "--out", str(tmp_path / "new"))
    page, lines, sound = (tmp_path / "new" / f"{session_id}.{kind}" for kind in ("html", "jsonl", "wav"))
    assert said == [str(page), str(lines), str(sound)]
    assert "089608675796" in page.read_text()
    header, first, *_ = map(json.loads, lines.read_text().splitlines())
    assert header["call"]["sessionId"] == session_id
    assert first["kind"] == "CallPlaced"
    with wave.open(str(sound)) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, 8_000)


@pytest.mark.parametrize("which", [(), ("--last",)])
async def test_the_last_call_is_the_one_without_more_words(api, tmp_path, which):
    busy, _ = await sessions(api)
    _, said = await trace(*which, "--url", api.url, "--out", str(tmp_path))
    assert said[0] == f"mockpbx: no WAV of {busy}: There is nothing to hear of this call: nobody has answered it"
    assert said[1:] == [str(tmp_path / f"{busy}.html"), str(tmp_path / f"{busy}.jsonl")]


async def test_all_calls_at_once(api, tmp_path):
    await trace("--all", "--url", api.url, "--out", str(tmp_path))
    assert {path.stem for path in tmp_path.glob("*.html")} == set(await sessions(api))


async def test_the_page_is_shown_where_it_is_asked_for(api, tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr("webbrowser.open", shown.append)
    await trace("--url", api.url, "--out", str(tmp_path), "--open")
    assert shown == [(tmp_path / f"{(await sessions(api))[0]}.html").as_uri()]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--url", "http://127.0.0.1:1"), "http://127.0.0.1:1/__admin does not answer as a mockpbx does: "),
        (("--url", "here"), "'here' is no address of a server"),
        (("no-such-session",), "No call has this sessionId here: it is unknown, or it ended too long ago"),
        (("../../etc/passwd",), "No call has this sessionId here"),
        (("--token", "somebody"), "knows no call of this token"),
        (("--token", "expired"), "Authentication token has expired"),
        (("--out", "{file}/folder"), "cannot write to {file}/folder: "),
    ],
)
async def test_what_is_wrong_is_said_in_a_sentence(api, tmp_path, arguments, sentence):
    file = tmp_path / "file"
    file.write_text("")
    given = [each.format(file=file) for each in arguments]
    ran, said = await trace("--url", api.url, "--out", str(tmp_path / "out"), *given)
    assert isinstance(ran.exception, SystemExit)
    assert ran.exception.code == 2
    assert sentence.format(file=file) in said[-1]
    assert not (tmp_path / "out").exists()


async def test_a_server_that_asks_for_its_admin_token_is_given_it(serve, http, tmp_path):
    api = Api(http, (await serve(admin_token="s3cret")).url)
    _, said = await trace("--url", api.url, "--out", str(tmp_path))
    assert said[0].endswith("(--admin-token)")
    await api.post("/pbx/call", {"phoneNumber": "089608675796"})
    ran, _ = await trace("--url", api.url, "--out", str(tmp_path), "--admin-token", "s3cret")
    assert ran.exception is None


async def test_only_one_way_to_say_which_call():
    ran, _ = await trace("some-session", "--last")
    assert ran.exception.format_message() == "give one of SESSION, --last and --all"
