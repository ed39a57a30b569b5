"""The control API, as its users talk to it. The journal's part of it is in test_journal_api.py."""

import asyncio
import io
import json
import re
import wave
from contextlib import asynccontextmanager
from dataclasses import fields

import numpy as np
import pytest
import socketio
from aiohttp import web
from conftest import Api
from prometheus_client.parser import text_string_to_metric_families
from pydantic_core import PydanticUndefined

from mockpbx.adapters.control import ControlGate, Emulator
from mockpbx.adapters.control import messages as m
from mockpbx.adapters.control.gate import BASE
from mockpbx.adapters.control.routes import ROUTES, WEBSOCKET
from mockpbx.contract.vocabulary import HANGUP_CAUSES
from mockpbx.domain import scenario as s
from mockpbx.domain.magic import MAGIC_NUMBERS
from mockpbx.domain.personas import PERSONAS
from mockpbx.domain.plan import Named, Plan, Rule
from mockpbx.media.facts import MediaSlipped, Underrun
from mockpbx.media.wav import write_wav
from mockpbx.runtime.journal_lines import iso
from mockpbx.runtime.settings import ServerSettings, WorkspaceSettings
from mockpbx.runtime.switchboard import Switchboard
from mockpbx.runtime.workspace import Workspace

NUMBER, CALLER, BOT = "089608675796", "081234567890", "02150001234"
ROUTE = {route.id: route for route in ROUTES}


class Control(Api):
    """The control API of a server for one token. Each reply is held against the table's model of it."""

    async def do(self, route: str, json_=None, *, query: str = "", **names: str) -> object:
        """Ask, and return the data of a reply that must be good."""
        status, reply = await self.ask_route(route, json_, query=query, **names)
        assert (status, reply["status"], reply["errors"]) == (200, 200, ""), reply
        model = ROUTE[route].reply
        assert (
            model.model_validate_json(json.dumps(reply["data"])).model_dump(mode="json", by_alias=True) == reply["data"]
        )
        return reply["data"]

    async def refused(self, route: str, json_=None, *, status: int = 400, query: str = "", **names: str) -> str:
        """Ask, and return the sentence of a refusal."""
        code, reply = await self.ask_route(route, json_, query=query, **names)
        assert (code, reply["status"], reply["data"]) == (status, status, None), reply
        assert "Traceback" not in reply["errors"]
        return reply["errors"]

    async def ask_route(self, route: str, json_=None, *, query: str = "", **names: str) -> tuple[int, object]:
        body = {} if json_ is None else {"json": json_}
        return await self.ask(ROUTE[route].method, ROUTE[route].path.format(**names) + query, **body)

    async def call(self, number: str = NUMBER) -> str:
        return (await self.post("/pbx/call", {"phoneNumber": number}))[1]["data"]["sessionId"]

    async def ring(self, scenario: object = None) -> str:
        return (await self.do("ring", {"from": CALLER, "to": BOT, "scenario": scenario}))["sessionId"]

    async def advance(self, ms: int) -> list[tuple[str, dict]]:
        """Let time pass, and return what happened: its kinds and data."""
        return [(entry["kind"], entry["data"]) for entry in (await self.do("advance", {"ms": ms}))["entries"]]


class Bot:
    """A client that joins every session it hears of."""

    def __init__(self) -> None:
        self.sio = socketio.AsyncClient(reconnection=False)
        self.heard: asyncio.Queue = asyncio.Queue()
        self.frames: list[bytes] = []
        self.sio.on("*", self._hear)

    async def _hear(self, event, data) -> None:
        if event == "audio":
            self.frames.append(data["audioData"])
            return
        if event == "newSession":
            await self.sio.emit("joinRoom", {"sessionId": data["sessionId"]})
        if data.get("status") == "Connected":
            await self.sio.emit("checkPoint", {"sessionId": data["sessionId"], "name": "here"})
        self.heard.put_nowait((event, data))

    async def caught_up(self) -> None:
        """Return when everything that was sent to it so far is here: an answer comes behind it."""
        await self.sio.call("audio", {})

    async def hear(self, event: str) -> dict:
        """Return the next event's payload, which must be of that name."""
        name, data = await asyncio.wait_for(self.heard.get(), 10)
        assert name == event, (name, data)
        return data

    async def hear_any(self) -> str:
        return (await asyncio.wait_for(self.heard.get(), 10))[0]

    async def status(self, status: str) -> None:
        assert (await self.hear("dialStatus"))["status"] == status


@pytest.fixture
async def control(serve, http) -> Control:
    """A workspace whose time is stepped."""
    return Control(http, (await serve(clock="manual")).url)


@pytest.fixture
async def bot(control):
    bot = Bot()
    await bot.sio.connect(control.url, auth={"token": "dev"}, transports=["websocket"])
    yield bot
    await bot.sio.disconnect()


# --- what anybody may know --------------------------------------------------------------------------------------------


async def test_health_and_version_need_no_token(serve, http):
    pbx = await serve(seed=7)
    control = Control(http, pbx.url, token=None)
    health = await control.do("health")
    assert (health["status"], health["seed"], health["workspaces"]) == ("ok", 7, 0)
    assert health["uptime"] >= 0
    assert (await control.do("livez"))["status"] == "alive"
    assert (await control.do("readyz"))["status"] == "ready"
    assert (await control.do("version")) == {"name": "mockpbx", "version": health["version"], "contract": "1.0.4"}
    await Control(http, pbx.url).do("get_clock")
    assert (await control.do("health"))["workspaces"] == 1


async def test_while_it_stops_it_lives_but_is_not_ready(aiohttp_client):
    async def settle(_) -> None:
        raise AssertionError

    def unused(*_):
        raise AssertionError

    stopping: list[bool] = []
    gate = ControlGate(
        Emulator(
            Switchboard((), unused),
            ServerSettings(),
            WorkspaceSettings(),
            1,
            unused,
            unused,
            settle,
            unused,
            stopping=lambda: bool(stopping),
        )
    )
    app = web.Application()
    gate.attach(app)
    client = await aiohttp_client(app)
    assert (await client.get(f"{BASE}/readyz")).status == 200
    stopping.append(True)
    for path, status in (("readyz", 503), ("livez", 200), ("health", 200)):
        reply = await client.get(f"{BASE}/{path}")
        assert reply.status == (await reply.json())["status"] == status
    assert (await (await client.get(f"{BASE}/health")).json())["data"]["status"] == "stopping"


# --- who may ask ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", [route.id for route in ROUTES if not route.public])
async def test_everything_else_needs_a_token_and_the_admin_token_where_there_is_one(serve, http, route):
    pbx = await serve(admin_token="s3cret")
    names = {"id": "x"}
    stranger, user = Control(http, pbx.url, token=None), Control(http, pbx.url)
    assert "admin token" in await user.refused(route, {}, status=401, **names)
    user.headers["X-Admin-Token"] = "s3cre"
    assert "X-Admin-Token" in await user.refused(route, {}, status=401, **names)
    stranger.headers["X-Admin-Token"] = "s3cret"
    assert await stranger.refused(route, {}, status=401, **names) == "Authentication token is required"
    user.headers["X-Admin-Token"] = "s3cret"
    async with http.request(
        ROUTE[route].method, user.url + ROUTE[route].path.format(**names), json={}, headers=user.headers
    ) as reply:
        assert reply.status != 401


@pytest.mark.parametrize("route", [route.id for route in ROUTES if route.public and route.media != WEBSOCKET])
async def test_public_routes_need_neither(serve, http, route):
    pbx = await serve(admin_token="s3cret", token=("only",))
    async with http.get(pbx.url + ROUTE[route].path) as reply:
        assert reply.status == 200
        assert "s3cret" not in await reply.text()


async def test_no_page_of_another_origin_may_read_it(control):
    origin = {"Origin": "https://evil.test", "Access-Control-Request-Method": "GET"}
    for route in ROUTES:
        for method in {route.method, "OPTIONS"}:
            path = route.path.format(id="x")
            async with control.http.request(method, control.url + path, headers=control.headers | origin) as reply:
                assert not [name for name in reply.headers if name.lower().startswith("access-control")]
                assert method != "OPTIONS" or reply.status == 405


#: What a stranger sends to each route, so that it does what it can.
BODIES = {
    "reset": {},
    "turn_settings": {"dial_delay": 3},
    "put_plan": {"rules": []},
    "add_rule": {"number": "1*", "scenario": "busy"},
    "check_plan": {"plan": {"rules": []}},
    "check_scenario": {"steps": ["answer"]},
    "add_fault": {"fault": "http_delay", "seconds": 0},
    "set_clock": {"mode": "manual"},
    "advance": {"ms": 5},
    "ring": {"from": "0800111222", "to": "0800333444"},
    "pulse": {},
    "answer": {},
    "hang_up": {},
    "press": {"keys": "1"},
    "play": {"clip": "hello"},
    "say": {"words": "halo"},
    "perform": {"scenario": "busy"},
    "await_call": {"within": 0},
    "expect": {"facts": [{"fact": "Connected"}], "within": 0},
    "evidence_ticket": {},
    "find_entries": {},
    "count_entries": {},
}


@asynccontextmanager
async def first_of(control: Control, path: str):
    async with control.http.get(control.url + path, headers=control.headers) as reply:
        yield reply, (await reply.content.readany()).decode()


async def test_two_tokens_never_see_each_others_anything_through_any_route(serve, http):
    assert BODIES.keys() == {route.id for route in ROUTES if route.request is not None}
    pbx = await serve(clock="manual")
    owner, stranger = Control(http, pbx.url, "owner"), Control(http, pbx.url, "stranger")
    await owner.do("put_plan", {"scenarios": {"secret-plan": ["answer"]}, "rules": []})
    await owner.do("turn_settings", {"dial_delay": 4_242})
    fault = (await owner.do("add_fault", {"fault": "http_error", "sentence": "secret-fault", "path": "/nowhere"}))["id"]
    session = await owner.ring([{"play": {"clip": "hello"}}])
    await owner.do("answer", id=session)
    await owner.advance(500)

    async def everything() -> list[object]:
        told = [await owner.do(each) for each in ("get_settings", "get_plan", "list_faults", "get_clock", "list_calls")]
        return [*told, await owner.do("read_journal"), await owner.do("get_call", id=session)]

    before = await everything()
    secrets = [session, CALLER, "secret-", "4242"]
    for route in ROUTES:
        for name in (session, fault):
            path = route.path.format(id=name)
            if route.media == WEBSOCKET:  # see test_control_handset.py
                continue
            if route.media == "text/event-stream":
                async with first_of(stranger, path) as (_, text):
                    assert not [secret for secret in secrets if secret in text]
                continue
            body = {"json": BODIES[route.id]} if route.id in BODIES else {}
            async with http.request(route.method, stranger.url + path, headers=stranger.headers, **body) as reply:
                text = await reply.text(errors="replace")
                assert not [secret for secret in secrets if secret in text], (route.id, text)
                if "{id}" in route.path:
                    assert reply.status == 404, (route.id, text)
    assert await everything() == before


# --- what makes no sense ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "sentence"),
    [
        ("GET", "/helth", {}, 404, f"did you mean {BASE}/health"),
        ("GET", "/nowhere/near/any/route", {}, 404, "control.json lists what there is"),
        ("POST", "/calls/x/hangup/now", {"json": {}}, 404, "hangup"),
        ("DELETE", "/health", {}, 405, "it takes GET, HEAD"),
        ("POST", "/settings", {"json": {}}, 405, "it takes GET, HEAD, PATCH"),
        ("POST", "/clock/advance", {"data": "{"}, 400, "The request body is not valid JSON"),
        ("POST", "/clock/advance", {"data": "[1]"}, 400, "expected a JSON object, got a list"),
        ("POST", "/clock/advance", {"data": "5"}, 400, "expected a JSON object, got the number 5"),
        ("POST", "/clock/advance", {"data": b"\xff"}, 400, "not valid JSON"),
        ("POST", "/clock/advance", {"data": "[" * 100_000}, 400, "not valid JSON"),
        ("POST", "/clock/advance", {"data": b" " * 1_000_001}, 413, "larger than the limit"),
        ("POST", "/clock/advance", {"data": b"x", "headers": {"Content-Encoding": "gzip"}}, 415, "send plain JSON"),
        ("POST", "/clock/advance", {}, 400, "ms is required"),
        ("POST", "/clock/advance", {"json": {"ms": "5"}}, 400, 'ms is not valid: expected a whole number, got "5"'),
        ("POST", "/clock/advance", {"json": {"ms": True}}, 400, "expected a whole number, got true"),
        ("POST", "/clock/advance", {"json": {"ms": -1}}, 400, "expected at least 0, got the number -1"),
        ("POST", "/clock/advance", {"json": {"ms": 86_400_001}}, 400, "expected at most 86400000"),
        ("POST", "/clock/advance", {"json": {"msec": 1, "ms": 1}}, 400, "msec is no field of this request"),
        ("PUT", "/clock", {"json": {"mode": "fast"}}, 400, "expected real, manual, auto or a rate such as 20x"),
        ("GET", "/calls?live=perhaps", {}, 400, "live is not valid: expected true or false"),
        ("GET", "/clock?x=1", {}, 400, "x is no query parameter of this request"),
        ("GET", "/calls/%zz", {}, 400, "two hexadecimal digits"),
        ("GET", "/calls/%ff", {}, 400, "not UTF-8"),
        ("GET", "/calls/x", {}, 404, "No call has this sessionId here"),
        ("GET", "/calls/x/recording.wav", {}, 404, "No call has this sessionId here"),
    ],
)  # fmt: skip
async def test_requests_that_make_no_sense_get_the_envelope_with_a_sentence(
    control, method, path, options, status, sentence
):
    code, reply = await control.ask(method, BASE + path, **options)
    assert (code, reply["status"], reply["data"]) == (status, status, None)
    assert sentence in reply["errors"], reply["errors"]


async def test_a_wrong_method_says_which_are_allowed(control):
    async with control.http.post(f"{control.url}{BASE}/settings", headers=control.headers) as reply:
        assert (reply.status, reply.headers["Allow"]) == (405, "GET, HEAD, PATCH")
    async with control.http.head(f"{control.url}{BASE}/health") as reply:
        assert (reply.status, await reply.read()) == (200, b"")


async def test_a_failure_of_its_own_is_500_and_tells_nothing_of_the_inside(control, monkeypatch, caplog):
    monkeypatch.setattr("mockpbx.adapters.control.behaviour.notation_of", lambda plan: 1 / 0)
    assert await control.refused("get_plan", status=500) == "Internal server error"
    assert "ZeroDivisionError" in caplog.text


# --- settings ---------------------------------------------------------------------------------------------------------


async def test_every_switch_is_shown_with_its_default_and_what_it_does(serve, http):
    control = Control(http, (await serve(dial_delay=0.5)).url)
    shown = (await control.do("get_settings"))["settings"]
    assert shown.keys() == WorkspaceSettings.model_fields.keys()
    assert shown["dial_delay"] == {
        "value": 0.5, "default": 1.0, "changed": False,
        "description": WorkspaceSettings.model_fields["dial_delay"].description,
    }  # fmt: skip
    turned = (await control.do("turn_settings", {"dial_delay": 2, "cause_text": "asterisk"}))["settings"]
    assert [name for name, setting in turned.items() if setting["changed"]] == ["cause_text", "dial_delay"]
    again = (await control.do("turn_settings", {"dial_delay": 0.5}))["settings"]
    assert [name for name, setting in again.items() if setting["changed"]] == ["cause_text"]


async def test_a_switch_that_is_turned_acts_at_once(control):
    await control.do("turn_settings", {"success_status": 201})
    assert (await control.post("/pbx/call", {"phoneNumber": NUMBER}))[0] == 201
    kinds = [entry["kind"] for entry in (await control.do("read_journal"))["entries"]]
    assert kinds[0] == "SettingsChanged"


@pytest.mark.parametrize(
    ("turned", "sentence"),
    [
        ({"dial_dely": 1}, "dial_dely is no field of this request; did you mean dial_delay?"),
        ({"dial_delay": "1"}, 'dial_delay is not valid: expected a number, got "1"'),
        ({"dial_delay": -1}, "dial_delay is not valid: expected at least 0, got the number -1"),
        ({"success_status": 202}, "success_status is not valid: expected 200 or 201"),
        ({"phone_pattern": "("}, "phone_pattern is not valid: expected a regular expression"),
        ({"clock": "fast"}, "clock is not valid: expected real, manual, auto or a rate"),
        ({"callee": "nobody"}, "callee is not valid: expected echo, tone, silence or noise"),
        ({"callee": __file__}, "callee is not valid: expected echo, tone, silence or noise"),
        ({"clock_start": "2026-01-01T00:00:00Z"}, "clock_start cannot be turned at run time"),
        ({"phone_pattern": "^(([0-9])+)+x$"}, "phone_pattern cannot be turned at run time"),
        ({"recording_limit": 10**12}, "recording_limit may be 32000000 at most"),
        ({"token": "x"}, "token is no field of this request"),
    ],
)
async def test_a_switch_that_cannot_be_turned_so_changes_nothing(control, turned, sentence):
    before = await control.do("get_settings")
    assert sentence in await control.refused("turn_settings", {"page_limit": 7, **turned})
    assert await control.do("get_settings") == before


async def test_requests_name_sound_files_in_the_servers_folder_and_no_others(serve, http, tmp_path):
    (tmp_path / "note.wav").write_text("no audio")
    write_wav(tmp_path / "mine.wav", np.arange(8_000).astype(np.int16))
    control = Control(http, (await serve(clips=tmp_path)).url)
    session = await control.ring("silent")
    await control.do("answer", id=session)
    assert (await control.do("play", {"clip": "mine.wav"}, id=session))["scenario"] == "by hand"
    refused = await control.refused("play", {"clip": "note.wav"}, id=session)
    assert "note.wav is neither a WAV nor an MP3 file" in refused
    for name in ("../secret.wav", str(tmp_path / "mine.wav")):
        assert "there is no clip" in await control.refused("play", {"clip": name}, id=session)


async def test_the_servers_own_settings_are_shown_without_its_secrets(serve, http, tmp_path):
    pbx = await serve(token=("t0ken",), admin_token="s3cret", database=tmp_path / "calls.db")
    control = Control(http, pbx.url, "t0ken")
    control.headers["X-Admin-Token"] = "s3cret"
    server = (await control.do("get_settings"))["server"]
    assert server["database"] == "calls.db"
    assert server["ping_interval"] == 25
    assert "t0ken" not in json.dumps(server)
    assert "s3cret" not in json.dumps(server)
    assert str(tmp_path) not in json.dumps(server)


# --- dial plan --------------------------------------------------------------------------------------------------------

PLAN = {
    "scenarios": {"polite": [{"ring": 1}, "answer", {"play": "hello"}]},
    "rules": [
        {"number": "0896*", "sequence": ["busy", "polite"]},
        {"number": "*", "scenario": ["no_answer"]},
    ],
}


async def scenarios(control: Control, *numbers: str) -> list[str]:
    for number in numbers:
        await control.call(number)
    placed = await control.do("read_journal", query="?kind=CallPlaced")
    return [entry["data"]["scenario"] for entry in placed["entries"]][-len(numbers) :]


EMPTY = {"plan": {"rules": []}, "yaml": "rules: []\n"}
TEXT = """scenarios:
  polite:
    - ring: 1
    - answer
    - play: hello
rules:
  - number: 0896*
    sequence:
      - busy
      - polite
  - number: "*"
    scenario:
      - no_answer
"""


async def test_a_dial_plan_is_set_changed_and_forgotten_at_run_time(control):
    assert await control.do("get_plan") == EMPTY
    assert await control.do("put_plan", PLAN) == {"plan": PLAN, "yaml": TEXT}
    assert await scenarios(control, NUMBER, NUMBER, NUMBER) == ["busy", "polite", "polite"]
    rule = {"number": "08960867*", "scenario": "human"}
    added = await control.do("add_rule", rule)
    assert added["plan"]["rules"] == [rule, *PLAN["rules"]]
    assert await scenarios(control, NUMBER) == ["human"]
    assert await control.do("forget_plan") == EMPTY
    assert await scenarios(control, NUMBER) == ["echo"]


async def test_a_plan_is_checked_and_comes_back_in_both_notations_and_nothing_is_set(control):
    checked = {"plan": PLAN, "yaml": TEXT}
    assert await control.do("check_plan", {"yaml": TEXT}) == checked
    assert await control.do("check_plan", {"plan": PLAN}) == checked
    assert await control.do("check_plan", {"yaml": json.dumps(PLAN)}) == checked
    sloppy = "rules: [{number: '0896*', scenario: [{ring: 2s}, {press: {keys: '12', gap: 0.1}}]}]"
    said = (await control.do("check_plan", {"yaml": sloppy}))["yaml"]
    assert said == 'rules:\n  - number: 0896*\n    scenario:\n      - ring\n      - press: "12"\n'
    assert await control.do("get_plan") == EMPTY
    await control.do("put_plan", PLAN)
    named = {"rules": [{"number": "*", "scenario": "polite"}]}
    assert (await control.do("check_plan", {"plan": named}))["plan"] == named


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"yaml": TEXT.replace("- busy", "- bussy")}, "the dial plan, line 9, rule 1 (0896*), call 1: no scenario is"),
        ({"yaml": TEXT.replace("hello", "helo")}, "the dial plan, line 5, scenario polite, step 3 (play): there is no"),
        ({"yaml": TEXT.replace('"*"', "0812")}, "line 11, rule 2: number: expected text, got the number 812; quote it"),
        ({"yaml": TEXT + "rules: []\n"}, "line 14: rules stands here for the second time (first in line 6)"),
        ({"yaml": "rules: [\n"}, "the dial plan, line 1: not YAML"),
        ({"yaml": "rules:\n  - {number: '*', scenario: ./mine.yaml}"}, "files are for a plan's file to name"),
        ({"yaml": ""}, "expected a mapping of scenarios and rules, got nothing"),
        ({"plan": {"rules": [{"number": "*", "scenario": "bussy"}]}}, "did you mean busy?"),
        ({"plan": None}, "expected a mapping of scenarios and rules, got nothing"),
        ({"plan": {"rules": []}, "yaml": "rules: []"}, 'either as {"plan": {"rules": [...]}}, or as {"yaml": "..."}'),
        ({}, 'either as {"plan": {"rules": [...]}}, or as {"yaml": "..."}'),
        ({"rules": []}, "rules is no field of this request"),
    ],
)
async def test_a_plan_to_check_with_a_mistake_says_where(control, body, sentence):
    assert sentence in await control.refused("check_plan", body)


async def test_the_magic_numbers_are_listed_with_what_they_do(control):
    numbers = {each["number"]: each for each in (await control.do("get_numbers"))["numbers"]}
    assert numbers["08000000017"] == {
        "number": "08000000017",
        "about": f"is busy: cause 17, {HANGUP_CAUSES[17].contract}",
        "cause": 17,
        "steps": ["busy"],
    }
    assert (numbers["08000000500"]["steps"], numbers["08000000500"]["cause"]) == ([], None)
    assert list(numbers) == [magic.number for magic in MAGIC_NUMBERS]
    await control.do("check_scenario", numbers["08000001004"]["steps"])


async def test_the_plan_that_a_workspace_started_with_can_be_sent_back_as_it_was_read(serve, http):
    def own(luck):
        yield s.Answer()

    first = Plan((Rule.of("0896*", Named("bots.py:own", own)),))
    control = Control(http, (await serve(clock="manual", plan=first)).url)
    plan = (await control.do("get_plan"))["plan"]
    assert plan == {"rules": [{"number": "0896*", "scenario": "bots.py:own"}]}
    await control.do("put_plan", {"rules": []})
    assert (await control.do("put_plan", plan))["plan"] == plan
    await control.do("put_plan", {"rules": []})
    assert (await control.do("forget_plan"))["plan"] == plan
    assert await scenarios(control, NUMBER) == ["bots.py:own"]


@pytest.mark.parametrize(
    ("plan", "sentence"),
    [
        ({"rules": [{"number": "0896*", "scenario": "polit"}]}, "no scenario is called polit"),
        ({"rules": [{"number": "0896*", "scenario": [{"play": "nothing"}]}]}, "there is no clip"),
        ({"rules": [{"number": "0896*", "scenario": "./mine.yaml"}]}, "files are for a plan's file to name"),
        ({"rules": [{"number": "0896*", "scenrio": "busy"}]}, "did you mean scenario?"),
        ({"rules": [{"number": "(", "scenario": "busy"}]}, "expected digits"),
        ([], "the dial plan"),
        (5, "the dial plan"),
    ],
)
async def test_a_plan_with_a_mistake_changes_nothing(control, plan, sentence):
    await control.do("put_plan", PLAN)
    assert sentence in await control.refused("put_plan", plan)
    if isinstance(plan, dict):
        assert sentence in await control.refused("add_rule", plan["rules"][0])
    assert await control.do("get_plan") == {"plan": PLAN, "yaml": TEXT}


# --- scenarios --------------------------------------------------------------------------------------------------------


async def test_steps_and_personas_are_listed(control):
    listed = await control.do("get_scenarios")
    assert [step["word"] for step in listed["steps"]] == list(s.STEPS)
    assert [persona["name"] for persona in listed["personas"]] == list(PERSONAS)
    assert all(each["about"] for each in (*listed["steps"], *listed["personas"]))
    assert listed["schema"]["$schema"].startswith("https://json-schema.org/")
    assert "within" in json.dumps(next(step for step in listed["steps"] if step["word"] == "expect_digit")["schema"])


async def test_a_scenario_is_checked_and_comes_back_in_its_shortest_form(control):
    shortest = {
        "steps": [{"ring": 1.5}, "answer", {"press": "12"}],
        "yaml": '- ring: 1.5\n- answer\n- press: "12"\n',
    }
    sent = [{"ring": {"seconds": "1500ms"}}, "answer", {"press": {"keys": "12", "gap": 0.1}}]
    assert await control.do("check_scenario", {"steps": sent}) == shortest
    assert await control.do("check_scenario", sent) == shortest
    text = "- ring: 1.5s\n- answer\n- press: '12'\n"
    assert await control.do("check_scenario", {"yaml": text}) == shortest


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ([{"play": "nothing"}], "there is no clip"),
        ({"yaml": "- ring: 1s\n- anser\n"}, "line 2, step 2 (anser): no such step; did you mean answer?"),
        ({"steps": ["answer", {"expect_speech": {"withn": 1}}]}, "step 2 (expect_speech): withn: no such field"),
        ({"steps": [{"play": "nothing"}]}, "there is no clip"),
        ({"steps": []}, "expected a list of steps, got an empty one"),
        ({"steps": ["answer"], "yaml": "- answer"}, "either as a list of steps"),
        ({}, "either as a list of steps"),
        ({"step": []}, "did you mean steps?"),
    ],
)
async def test_a_scenario_with_a_mistake_says_where(control, body, sentence):
    assert sentence in await control.refused("check_scenario", body)


# --- faults -----------------------------------------------------------------------------------------------------------


async def test_faults_are_set_listed_and_removed(control):
    catalogue = (await control.do("fault_catalogue"))["faults"]
    assert "http_error" in [fault["word"] for fault in catalogue]
    fault = await control.do("add_fault", {"fault": "event_lost", "event": "dtmf", "times": 2})
    other = await control.do("add_fault", {"fault": "ack_lost"})
    assert (fault["fault"], fault["event"], fault["times"], fault["struck"]) == ("event_lost", "dtmf", 2, 0)
    assert (await control.do("list_faults"))["faults"] == [fault, other]
    assert (await control.do("remove_fault", id=fault["id"]))["faults"] == [other]
    assert "No fault has this id" in await control.refused("remove_fault", status=404, id=fault["id"])
    assert (await control.do("clear_faults"))["faults"] == []


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ({"fault": "http_eror"}, "did you mean http_error?"),
        ({"fault": "event_lost"}, "event is missing"),
        ({"fault": "ack_lost", "time": 2}, "did you mean times?"),
        ({"fault": "ack_lost", "number": "08[1-3]"}, "number: expected digits, with * for any and ? for one"),
        ({}, "fault is missing"),
        ([], "Expected a fault such as"),
    ],
)
async def test_a_fault_with_a_mistake_is_not_set(control, fault, sentence):
    assert sentence in await control.refused("add_fault", fault)
    assert (await control.do("list_faults"))["faults"] == []


# --- clock ------------------------------------------------------------------------------------------------------------


async def test_the_clock_is_shown_and_set(control):
    now = (await control.do("get_clock"))["nowMs"]
    at_rest = {"mode": "manual", "now": iso(now), "nowMs": now, "rate": 0.0, "nextDeadline": None, "untilNextMs": None}
    assert await control.do("get_clock") == at_rest
    await control.call()
    due = {"nextDeadline": iso(now + 1_000), "untilNextMs": 1_000}
    assert await control.do("get_clock") == at_rest | due
    running = await control.do("set_clock", {"mode": "20x"})
    assert (running["mode"], running["rate"]) == ("20x", 20.0)
    assert (await control.do("get_settings"))["settings"]["clock"]["value"] == "20x"


async def test_a_clock_is_advanced_and_tells_what_happened(control):
    session = await control.call()
    before = (await control.do("get_clock"))["nowMs"]
    assert await control.advance(999) == []
    assert await control.advance(1) == [("DialStatusChanged", {"status": "Dialing"})]
    advanced = await control.do("advance", {"ms": 2_500})
    assert advanced["nowMs"] == before + 3_500
    assert [(entry["at"] - before, entry["data"]) for entry in advanced["entries"]] == [
        (1_500, {"status": "Ringing"}),
        (3_500, {"status": "Connected"}),
        (3_500, {"sound": "echo"}),
        (3_500, {}),
    ]
    assert {entry["call"] for entry in advanced["entries"]} == {session}
    assert not advanced["more"]


async def test_what_a_connected_client_does_about_an_event_happens_at_that_instant(control, bot):
    await control.call()
    await bot.hear("newSession")
    await bot.hear("roomJoined")
    await bot.status("Dialing")
    advanced = await control.do("advance", {"ms": 60_000})
    moments = {entry["data"].get("status", entry["kind"]): entry["at"] for entry in advanced["entries"]}
    assert moments["CheckpointReached"] == moments["Connected"]


async def test_what_does_not_fit_into_the_reply_is_marked_and_can_be_asked_for(control):
    keys = [{"press": {"keys": "1234567890" * 6, "seconds": 0.04, "gap": 0.06}}] * 10
    await control.ring(["ring", "answer", *keys])
    await control.do("answer", id=(await control.do("list_calls"))["calls"][0]["sessionId"])
    advanced = await control.do("advance", {"ms": 80_000})
    assert (advanced["more"], len(advanced["entries"])) == (True, 1_000)
    rest = await control.do("read_journal", query=f"?after={advanced['next']}")
    assert rest["entries"][0]["number"] == advanced["entries"][-1]["number"] + 1
    pressed = [entry for entry in (*advanced["entries"], *rest["entries"]) if entry["kind"] == "CalleePressed"]
    assert len(pressed) == 599


async def test_steps_that_nobody_waits_for_any_more_are_not_taken(control):
    await control.do("answer", id=await control.ring("silent"))
    before = (await control.do("get_clock"))["nowMs"]
    impatient = asyncio.ensure_future(control.do("advance", {"ms": 86_400_000}))
    while (await control.do("get_clock"))["nowMs"] == before:
        pass
    impatient.cancel()
    await asyncio.wait_for(control.advance(0), 10)
    assert (await control.do("get_clock"))["nowMs"] < before + 86_400_000


@pytest.mark.parametrize("mode", ["real", "20x", "auto"])
async def test_a_clock_that_passes_by_itself_is_not_advanced(control, mode):
    await control.do("set_clock", {"mode": mode})
    sentence = await control.refused("advance", {"ms": 5})
    assert f"The clock is {mode} and runs by itself" in sentence
    assert 'PUT /__admin/clock {"mode": "manual"}' in sentence


# --- calls, and the other end of them by hand -------------------------------------------------------------------------


async def test_an_inbound_call_is_announced_after_the_reply_joined_and_answered(control, bot):
    session = await control.ring([{"play": "hello"}, {"expect_digit": {"within": 5}}, "hang_up"])
    assert await bot.hear("newSession") == {"sessionId": session, "type": "inbound"}
    await bot.hear("roomJoined")
    await bot.status("Connected")
    await bot.hear("checkPoint")
    at_work = await control.do("get_call", id=session)
    assert (at_work["number"], at_work["caller"], at_work["direction"]) == (BOT, CALLER, "inbound")
    assert (at_work["status"], at_work["joined"], at_work["live"]) == ("Connected", True, True)
    assert at_work["step"] == {"number": 1, "word": "play", "step": {"play": "hello"}}
    await bot.sio.emit("dtmf", {"sessionId": session, "digit": "5"})
    happened = [kind for kind, _ in await control.advance(10_000)]
    assert "ExpectationMet" in happened
    await bot.hear("hangup")
    assert (await bot.hear("cdr"))["hangupBy"] == "CALLER"
    over = await control.do("get_call", id=session)
    assert (over["status"], over["live"], over["line"], over["step"]) == ("Ended", False, None, None)
    assert (over["record"]["disposition"], over["record"]["destination"]) == ("ANSWERED", BOT)


async def test_the_reply_to_a_ring_leaves_before_the_session_is_announced(control, monkeypatch):
    left = []
    write_eof, announce = web.Response.write_eof, Workspace.announce

    async def noted_write_eof(response, *arguments):
        await write_eof(response, *arguments)
        left.append("reply")

    monkeypatch.setattr(web.Response, "write_eof", noted_write_eof)
    monkeypatch.setattr(Workspace, "announce", lambda *arguments: (left.append("newSession"), announce(*arguments)))
    await control.ring()
    assert left[:2] == ["reply", "newSession"]


@pytest.mark.parametrize(
    ("ring", "sentence"),
    [
        ({"from": CALLER}, "to is required"),
        ({"to": BOT}, "from is required"),
        ({"from": "0812", "to": BOT}, "from is not valid: expected a phone number"),
        ({"from": CALLER, "to": "02150001234\n"}, "to is not valid: expected a phone number"),
        ({"from": CALLER, "to": 5}, "to is not valid: expected a string"),
        ({"from": CALLER, "to": BOT, "scenario": "humn"}, 'No scenario is called "humn"; did you mean human?'),
        ({"from": CALLER, "to": BOT, "scenario": 5}, "scenario is not valid: expected the name of a scenario"),
        ({"from": CALLER, "to": BOT, "scenario": ["anser"]}, "did you mean answer?"),
        ({"from": CALLER, "to": BOT, "scenario": [{"play": __file__}]}, "there is no clip"),
        ({"from": CALLER, "to": BOT, "caller": "x"}, "caller is no field of this request"),
    ],
)  # fmt: skip
async def test_a_ring_that_makes_no_sense_starts_no_call(control, ring, sentence):
    assert sentence in await control.refused("ring", ring)
    assert (await control.do("list_calls"))["calls"] == []


async def test_a_ring_without_a_scenario_goes_by_the_dial_plan_and_by_name_by_that_name(control):
    await control.do("put_plan", PLAN | {"rules": [{"number": "0812*", "scenario": "polite"}]})
    assert (await control.do("get_call", id=await control.ring()))["scenario"] == "polite"
    assert (await control.do("get_call", id=await control.ring("voicemail")))["scenario"] == "voicemail"
    assert (await control.do("get_call", id=await control.ring("polite")))["scenario"] == "polite"


async def test_calls_are_listed_the_newest_first(control):
    one, two, three = [await control.call() for _ in range(3)]
    await control.do("hang_up", id=two)
    assert [call["sessionId"] for call in (await control.do("list_calls"))["calls"]] == [three, two, one]
    assert [call["sessionId"] for call in (await control.do("list_calls", query="?live=true"))["calls"]] == [three, one]
    assert [call["sessionId"] for call in (await control.do("list_calls", query="?live=false"))["calls"]] == [two]
    assert [call["sessionId"] for call in (await control.do("list_calls", query="?limit=1"))["calls"]] == [three]


async def test_a_call_is_answered_talked_in_and_hung_up_by_hand(control, bot):
    session = await control.call("08000000019")  # nobody would answer
    await control.advance(0)
    answered = await control.do("answer", id=session)
    assert (answered["status"], answered["scenario"]) == ("Connected", "by hand")
    assert (await control.do("press", {"keys": "42", "via": "event"}, id=session))["live"]
    pressed = await control.advance(1_000)
    assert [data["digit"] for kind, data in pressed if kind == "DigitReceived"] == ["4", "2"]
    await control.do("play", {"tone": {"hertz": 1_000}}, id=session)
    await control.advance(200)
    await bot.caught_up()
    assert bytes(320) not in bot.frames[-5:]
    assert (await control.do("play", {"clip": "hello"}, id=session))["step"]["step"] == {"play": "hello"}
    await control.do("perform", {"scenario": [{"wait": 1}, "hang_up"]}, id=session)
    happened = await control.advance(5_000)
    (record,) = [data["record"] for kind, data in happened if kind == "CallEnded"]
    assert (record["hangupBy"], record["cause"]) == ("CALLEE", 16)


@pytest.mark.parametrize(
    ("cause", "disposition", "by"), [(None, "NO ANSWER", "CALLEE"), (17, "BUSY", None), (38, "FAILED", None)]
)
async def test_a_ringing_call_is_declined_or_fails_with_a_cause_of_the_table(control, cause, disposition, by):
    session = await control.call()
    await control.advance(2_000)
    record = (await control.do("hang_up", {"cause": cause}, id=session))["record"]
    assert (record["disposition"], record["hangupBy"], record["hangupCauseCode"]) == (disposition, by, cause or 21)


async def test_words_are_said_by_hand(control):
    pytest.importorskip("espeakng_loader", reason="the extra `speech` is not installed")
    session = await control.ring("echo")
    await control.do("answer", id=session)
    told = await control.do("say", {"words": "Halo, siapa ini?"}, id=session)
    assert told["step"]["word"] == "say"
    assert "voice" in await control.refused("say", {"words": "Halo", "voice": "klingon"}, id=session)


@pytest.mark.parametrize(
    ("route", "body", "sentence"),
    [
        ("hang_up", {"cause": 99}, f"expected one of the contract's causes {', '.join(map(str, HANGUP_CAUSES))}"),
        ("hang_up", {"cause": "16"}, "cause is not valid"),
        ("hang_up", {"cause": [16]}, "cause is not valid"),
        ("hang_up", {"reason": 16}, "reason is no field of this request"),
        ("press", {}, "keys is required"),
        ("press", {"keys": "12x"}, 'keys is not valid: expected 1 to 64 keys out of 0123456789*#ABCD, got "12x"'),
        ("press", {"keys": "1", "via": "post"}, "via is not valid: expected 'both', 'event' or 'in_band'"),
        ("press", {"keys": "1", "seconds": "soon"}, "seconds is not valid: expected seconds as a number"),
        ("play", {"clip": "nothing"}, "there is no clip"),
        ("play", {"clip": __file__}, "there is no clip"),
        ("play", {"clip": "helo"}, "did you mean hello?"),
        ("say", {"words": "la " * 400}, "words is not valid"),
        ("play", {"clip": "hello", "lop": True}, "did you mean loop?"),
        ("play", {"wait": 1}, "wait is no sound: expected play, say, tone"),
        ("play", {"tone": 10}, "hertz: expected at least 50"),
        ("play", {}, "the sound"),
        ("play", [], "expected a JSON object, got a list"),
        ("say", {"words": ""}, "words is not valid: expected text of at least 1 character"),
        ("perform", {"scenario": None}, "scenario is not valid"),
        ("perform", {"scenario": "humn"}, "did you mean human?"),
        ("answer", {"now": True}, "now is no field of this request"),
        ("answer", {}, "only a call that is not answered yet can be answered"),
    ],
)  # fmt: skip
async def test_what_a_hand_cannot_do_gets_a_sentence_and_the_call_goes_on(control, route, body, sentence):
    session = await control.ring("echo")
    await control.do("answer", id=session)
    refused = await control.refused(route, body, id=session)
    assert sentence in refused
    assert (await control.do("get_call", id=session))["scenario"] == "echo"


@pytest.mark.parametrize("route", ["answer", "hang_up", "press", "play", "say", "perform"])
async def test_a_call_that_is_unknown_or_over_has_no_other_end(control, route):
    over = await control.call()
    await control.do("hang_up", id=over)
    for session in (over, "unknown", "%20", "a%2Fb"):
        assert "No live call has this sessionId" in await control.refused(route, BODIES[route], status=404, id=session)


@pytest.mark.parametrize("route", ["press", "play", "say"])
async def test_nothing_is_heard_of_a_call_that_is_not_answered(control, route):
    session = await control.call()
    assert await control.refused(route, BODIES[route], id=session) == "Call is not connected"


def test_keys_by_hand_are_pressed_as_those_of_the_step():
    step = {field.name: PydanticUndefined if not hasattr(field.default, "real") and not isinstance(field.default, str)
            else field.default for field in fields(s.Press)}  # fmt: skip
    assert {name: field.default for name, field in m.PressByHand.model_fields.items()} == step


async def test_a_live_call_shows_its_queue_its_ledger_and_its_recording(control, bot):
    session = await control.ring("silent")
    await bot.hear("newSession")
    await control.advance(100)
    audio = {"sessionId": session, "audioData": bytes(16_000), "audioFormat": "pcm16"}
    assert (await bot.sio.call("audio", audio))["success"]
    await control.advance(400)
    call = await control.do("get_call", id=session)
    assert call["line"]["queueMs"] == 600
    assert call["line"]["audio"] == {"accepted": 8_000, "played": 3_200, "cleared": 0, "discarded": 0, "queued": 4_800}
    assert call["line"]["frames"] == call["recording"]["seconds"] * 50
    assert not call["recording"]["truncated"]


# --- recordings -------------------------------------------------------------------------------------------------------


async def hear_recording(control: Control, session: str) -> tuple[np.ndarray, np.ndarray, str]:
    path = ROUTE["recording"].path.format(id=session)
    async with control.http.get(control.url + path, headers=control.headers) as reply:
        assert (reply.status, reply.content_type) == (200, "audio/wav")
        with wave.open(io.BytesIO(await reply.read())) as sound:
            assert (sound.getnchannels(), sound.getframerate(), sound.getsampwidth()) == (2, 8_000, 2)
            both = np.frombuffer(sound.readframes(sound.getnframes()), "<i2").reshape(-1, 2)
        return both[:, 0], both[:, 1], reply.headers["X-Recording-Truncated"]


async def test_a_recording_has_the_callee_on_the_left_and_the_client_on_the_right(control, bot):
    session = await control.ring([{"tone": 1_000}])
    await bot.hear("newSession")
    await control.advance(100)
    sent = np.arange(1, 1_601, dtype="<i2")
    await bot.sio.call("audio", {"sessionId": session, "audioData": sent.tobytes(), "audioFormat": "pcm16"})
    await control.advance(1_000)
    live_left, live_right, _ = await hear_recording(control, session)
    await control.do("hang_up", id=session)
    await bot.caught_up()
    left, right, truncated = await hear_recording(control, session)
    assert np.array_equal(left, live_left)
    assert np.array_equal(right, live_right)
    assert truncated == "false"
    assert left.tobytes() == b"".join(bot.frames)
    start = int(np.flatnonzero(right)[0])
    assert np.array_equal(right[start : start + 1_600], sent)


async def test_a_recording_that_was_cut_short_says_so(serve, http):
    control = Control(http, (await serve(clock="manual", recording_limit=10_000)).url)
    session = await control.ring([{"tone": 1_000}])
    await control.do("answer", id=session)
    await control.advance(2_000)
    left, _, truncated = await hear_recording(control, session)
    assert truncated == "true"
    assert 0 < len(left) < 16_000
    assert (await control.do("get_call", id=session))["recording"]["truncated"]


async def test_why_there_is_nothing_to_hear(serve, http):
    control = Control(http, (await serve(clock="manual", recording_limit=5_000)).url)
    ringing = await control.call()
    assert "nobody has answered it" in await control.refused("recording", status=404, id=ringing)
    for _ in range(2):
        session = await control.ring([{"tone": 1_000}])
        await control.do("answer", id=session)
        await control.advance(1_000)
        await control.do("hang_up", id=session)
    first = (await control.do("list_calls"))["calls"][1]["sessionId"]
    assert "is gone" in await control.refused("recording", status=404, id=first)
    await control.do("turn_settings", {"recording_limit": 0})
    assert "not recorded" in await control.refused("recording", status=404, id=ringing)


# --- reset ------------------------------------------------------------------------------------------------------------


async def records(control: Control) -> list[str]:
    return [row["sessionId"] for row in (await control.get("/cdr"))[1]["data"]]


async def test_a_reset_goes_back_to_how_the_workspace_started(serve, http, tmp_path):
    started_with = {"clock": "manual", "database": tmp_path / "calls.db", "dial_delay": 0.25}
    plan = Plan((Rule.of("0896*", Named("echo", PERSONAS["echo"])),))
    pbx = await serve(**started_with, plan=plan)
    control = Control(http, pbx.url)
    from_before = await control.call()
    await control.do("hang_up", id=from_before)
    await pbx.stop()

    pbx = await serve(**started_with, plan=plan)
    control, neighbour = Control(http, pbx.url), Control(http, pbx.url, "neighbour")
    settings, first_plan = await control.do("get_settings"), await control.do("get_plan")
    theirs = await neighbour.call()
    await neighbour.do("hang_up", id=theirs)
    await neighbour.advance(5_000)
    over, live = await control.call(), await control.call()
    await control.do("hang_up", id=over)
    await control.advance(5_000)
    assert await records(control) == [over, from_before]
    await control.do("turn_settings", {"dial_delay": 9, "clock": "20x"})
    await control.do("put_plan", PLAN)
    await control.do("add_fault", {"fault": "http_error", "path": "/nowhere"})

    done = await control.do("reset")
    assert (done["callsEnded"], done["recordsRemoved"]) == (1, 2)
    assert await records(control) == [from_before]
    assert await records(neighbour) == [theirs]
    assert await control.do("get_settings") == settings
    assert await control.do("get_plan") == first_plan
    assert (await control.do("list_faults"))["faults"] == []
    assert (await control.do("get_clock"))["mode"] == "manual"
    assert (await control.do("list_calls"))["calls"] == []
    assert "No call has this sessionId" in await control.refused("get_call", status=404, id=live)
    assert [entry["kind"] for entry in (await control.do("read_journal"))["entries"]] == ["WorkspaceReset"]


async def test_clients_stay_connected_through_a_reset_and_hear_the_end_of_their_calls(control, bot):
    session = await control.ring()
    for event in ("newSession", "roomJoined", "dialStatus", "checkPoint"):
        await bot.hear(event)
    await control.do("reset")
    assert await bot.hear("hangup") == {"sessionId": session}
    assert (await bot.hear("cdr"))["hangupCauseCode"] == 127
    again = await control.ring()
    assert (await bot.hear("newSession"))["sessionId"] == again


# --- metrics ----------------------------------------------------------------------------------------------------------


async def figures(control: Control, path: str = "/metrics") -> dict[str, float]:
    _, text = await control.get(path)
    return {
        sample.name + ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_the_figures_tell_what_happened_on_the_whole_server(control, bot, http):
    control.headers.pop("Authorization")
    before = await figures(control)
    assert (before["mockpbx_workspaces"], before["mockpbx_sockets"], before["mockpbx_live_calls"]) == (1, 1, 0)
    control.headers["Authorization"] = "Bearer dev"
    session = await control.ring([{"press": "12"}, {"expect_digit": {"within": 1, "otherwise": "go_on"}}, {"wait": 60}])
    while await bot.hear_any() != "checkPoint":
        pass
    await control.advance(3_000)
    await bot.sio.emit("dtmf", {"sessionId": session, "digit": "7"})
    await bot.sio.emit("checkPoint", {"sessionId": session})
    await bot.sio.call("audio", {"sessionId": session, "audioData": b"odd", "audioFormat": "pcm16"})
    live = await figures(control)
    assert (live["mockpbx_live_calls"], live["mockpbx_frames_sent_total"]) == (1, len(bot.frames))
    await control.do("hang_up", id=session)
    await control.ring([{"expect_speech": {"within": 1}}])
    while await bot.hear_any() != "checkPoint":
        pass
    await control.advance(10_000)
    await bot.caught_up()
    after = await figures(control, f"{BASE}/metrics")
    assert after["mockpbx_live_calls"] == 0
    assert after["mockpbx_calls_placed_totaldirection=inbound"] == 2
    assert after["mockpbx_calls_ended_totalcause=16,direction=inbound,disposition=ANSWERED"] == 1
    assert after["mockpbx_calls_ended_totalcause=127,direction=inbound,disposition=ANSWERED"] == 1
    assert after["mockpbx_digits_totalby=callee"] == 2
    assert after["mockpbx_digits_totalby=client"] == 1
    assert {name: count for name, count in after.items() if name.startswith("mockpbx_audio_refused_total")} == {
        "mockpbx_audio_refused_totalreason=bad_audio": 1,
        "mockpbx_audio_refused_totalreason=malformed": 1,
    }
    assert after["mockpbx_events_refused_total"] == 1
    assert after["mockpbx_checkpoints_reached_total"] == 2
    assert after["mockpbx_scenario_failures_total"] == 1
    assert after["mockpbx_expectations_totaloutcome=missed"] == 2
    assert after["mockpbx_expectations_totaloutcome=met"] == 0
    assert after["mockpbx_frames_sent_total"] == len(bot.frames)
    page = await control.do("read_journal")
    assert after["mockpbx_journal_entries_total"] == len(page["entries"])
    assert after["process_start_time_seconds"] > 1_700_000_000


async def test_lost_media_time_and_underruns_are_counted(serve, http):
    pbx = await serve()
    control = Control(http, pbx.url)
    for fact in (MediaSlipped(1_500), MediaSlipped(20), Underrun(80)):
        pbx.workspace_of("dev").note(None, fact)
    counted = await figures(control)
    assert counted["mockpbx_media_slipped_seconds_total"] == 1.52
    assert counted["mockpbx_underruns_total"] == 1


# --- the document -----------------------------------------------------------------------------------------------------


def references(value: object) -> list[str]:
    match value:
        case dict():
            own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return own + [ref for item in value.values() for ref in references(item)]
        case list():
            return [ref for item in value for ref in references(item)]
        case _:
            return []


async def test_the_document_has_exactly_the_routes_of_the_table_and_no_dangling_reference(control):
    _, document = await control.get(ROUTE["document"].path)
    assert document["openapi"] == "3.1.0"
    shown = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert shown == {(route.method, route.path) for route in ROUTES}
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    assert sorted(operation["operationId"] for operation in operations) == sorted(ROUTE)
    for reference in references(document):
        part = document
        for name in reference.removeprefix("#/").split("/"):
            part = part[name]
        assert isinstance(part, dict)
    for path, methods in document["paths"].items():
        for operation in methods.values():
            in_path = [p["name"] for p in operation["parameters"] if p["in"] == "path"]
            assert in_path == re.findall(r"\{(\w+)\}", path)
            assert operation["responses"].keys() & {"200", "101"}
    wait = document["paths"][f"{BASE}/journal"]["get"]["parameters"][-1]
    assert (wait["name"], wait["in"], wait["schema"]["maximum"]) == ("wait", "query", 60)
    ring = document["components"]["schemas"]["Ring"]
    assert ring["required"] == ["from", "to"]


def test_ids_and_routes_of_the_table_are_unique():
    assert len(ROUTE) == len(ROUTES)
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)
