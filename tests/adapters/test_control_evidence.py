"""What calls tell through the control API: awaited facts, measures, findings, and the evidence as files."""

import asyncio
import json
from threading import Event

import pytest
from adapters.test_control import Bot, Control

from mockpbx.app import Server
from mockpbx.domain import scenario as s
from mockpbx.domain.plan import Named, Plan, Rule
from mockpbx.evidence import metrics

NUMBER = "089608675796"
LONG = 30  # wall seconds that no test takes


class Waiting(Control):
    """The control API, and who waits for news there."""

    def __init__(self, http, url: str, pbx: Server) -> None:
        super().__init__(http, url)
        self.workspace = pbx.workspace_of("dev")

    async def begun(self, *requests) -> list[asyncio.Future]:
        """Begin requests, and return when all of them wait for the journal to grow."""
        tasks = [asyncio.ensure_future(request) for request in requests]
        while len(self.workspace.journal._waiting) < len(tasks):
            await asyncio.sleep(0)
        return tasks


@pytest.fixture
async def control(serve, http) -> Waiting:
    """A workspace whose time is stepped, whose callees answer at once, say hello and press 1."""
    talk = (s.Ring(0, setup=0), s.Answer(), s.Play("hello"), s.Press("1"), s.Wait(1), s.HangUp())
    plan = Plan((Rule.of("0896*", Named("talk", talk)),))
    pbx = await serve(clock="manual", dial_delay=0, plan=plan)
    return Waiting(http, pbx.url, pbx)


@pytest.fixture
async def bot(control):
    bot = Bot()
    await bot.sio.connect(control.url, auth={"token": "dev"}, transports=["websocket"])
    yield bot
    await bot.sio.disconnect()


def fact(name: str, **fields: object) -> dict[str, object]:
    return {"fact": name, **fields}


# --- the next call ----------------------------------------------------------------------------------------------------


async def test_a_call_that_is_there_already_is_the_next_one(control):
    session = await control.call()
    assert (await control.do("await_call", {}))["sessionId"] == session


async def test_a_call_is_awaited(control):
    (waiting,) = await control.begun(control.do("await_call", {"within": LONG}))
    session = await control.call()
    assert (await waiting)["sessionId"] == session


async def test_calls_come_one_after_the_other(control):
    first, other, second = [await control.call(number) for number in (NUMBER, "0811111111", NUMBER)]

    async def following(**wanted: object) -> str:
        return (await control.do("await_call", {"within": 0, **wanted}))["sessionId"]

    assert [await following(after=count) for count in range(3)] == [first, other, second]
    assert [await following(after=session) for session in (first, other)] == [other, second]
    assert await following(after=first, number="0896*") == second
    assert await following(after=1, number="0896*") == second
    assert await following(number="*1111*") == other


async def test_where_no_call_came_it_says_which_did(control):
    silence = await control.refused("await_call", {"within": 0}, status=408)
    assert silence == (
        "No call was placed within 0 s, nor any other with this token: "
        "does the client use this URL and this token, and was its POST /pbx/call refused?"
    )
    for number in range(7):
        await control.call(f"081100000{number}")
    assert await control.refused("await_call", {"number": "0896*", "within": 0}, status=408) == (
        'No call to "0896*" was placed within 0 s; calls so far: to "0811000002", "0811000003", "0811000004", '
        '"0811000005", "0811000006" and 2 before'
    )


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"after": "nowhere"}, 'after is not valid: no call here has the sessionId "nowhere"'),
        ({"after": -1}, "a call's sessionId, or how many calls to pass over, got the number -1"),
        ({"after": True}, "a call's sessionId, or how many calls to pass over, got true"),
        ({"within": 61}, "within is not valid: expected at most 60"),
        ({"numbr": "*"}, "did you mean number?"),
    ],
)
async def test_a_wait_that_makes_no_sense_says_so(control, body, sentence):
    assert sentence in await control.refused("await_call", body)


async def test_nobody_waits_for_a_server_that_stops(serve, http):
    pbx = await serve(clock="manual")
    control = Waiting(http, pbx.url, pbx)
    session = await control.call()
    waiting = await control.begun(
        control.ask_route("await_call", {"number": "0811*", "within": LONG}),
        control.ask_route("expect", {"facts": [fact("Ended")], "within": LONG}, id=session),
    )
    await pbx.stop()
    (status, _), (met, reply) = await asyncio.gather(*waiting)
    assert (status, met) == (408, 200)
    assert reply["data"]["met"]  # a server that stops ends every call


# --- facts ------------------------------------------------------------------------------------------------------------


async def test_facts_are_awaited_in_their_order(control, bot):
    session = await control.call()
    wanted = [fact("Connected"), fact("Digit", digit="1"), fact("Ended", by="CALLEE", cause=16)]
    (waiting,) = await control.begun(control.do("expect", {"facts": wanted, "within": LONG}, id=session))
    await control.advance(10_000)
    found = await waiting
    assert found["met"]
    assert found["explanation"] is None
    assert [entry["kind"] for entry in found["entries"]] == ["DialStatusChanged", "DigitReceived", "CallEnded"]
    assert {entry["call"] for entry in found["entries"]} == {session}
    assert found["next"] == found["entries"][-1]["number"]


async def test_what_was_expected_before_does_not_count_again(control, bot):
    session = await control.call()
    await control.advance(10_000)
    first = await control.do("expect", {"facts": [fact("Digit")]}, id=session)
    again = await control.do("expect", {"facts": [fact("Digit")], "after": first["next"], "within": 0}, id=session)
    assert first["met"]
    assert (again["met"], again["entries"], again["next"]) == (False, [], first["next"])


async def test_facts_that_did_not_come_are_explained(control, bot):
    session = await control.call()
    await control.advance(10_000)
    # The call is over: nobody waits for what it cannot bring any more.
    found = await control.do(
        "expect", {"facts": [fact("Connected"), fact("Digit", digit="2")], "within": LONG}, id=session
    )
    assert not found["met"]
    assert [entry["kind"] for entry in found["entries"]] == ["DialStatusChanged"]
    assert 'Digit("2")' in found["explanation"]
    assert "digit 1" in found["explanation"]
    assert found["next"] == found["entries"][0]["number"]


async def test_time_may_be_over_while_the_call_goes_on(control):
    session = await control.call()
    found = await control.do("expect", {"facts": [fact("Digit")], "within": 0.001}, id=session)
    assert not found["met"]
    assert "Digit" in found["explanation"]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"facts": [fact("Conected")]}, "did you mean Connected?"),
        ({"facts": [fact("dtmf")]}, "did you mean Digit?"),
        ({"facts": [fact("Digit", digit="12")]}, "Digit: digit: expected one key"),
        ({"facts": [fact("Digit", dgit="1")]}, "Digit has no field"),
        ({"facts": [fact("Ended", billableSeconds="1")]}, "expected a whole number"),
        ({"facts": [{"digit": "1"}]}, "facts.0.fact is required"),
        ({"facts": []}, "facts is not valid"),
        ({}, "facts is required"),
    ],
)
async def test_an_expectation_that_makes_no_sense_says_so(control, body, sentence):
    session = await control.call()
    assert sentence in await control.refused("expect", body, id=session)


@pytest.mark.parametrize("route", ["expect", "call_metrics", "call_findings", "evidence_page", "evidence_lines"])
async def test_a_call_that_nobody_knows_tells_nothing(control, route):
    body = {"facts": [fact("Connected")]} if route == "expect" else None
    assert (await control.refused(route, body, status=404, id="x")).startswith("No call has this sessionId here")


async def test_a_call_that_is_reset_while_it_is_waited_for_is_gone(control):
    session = await control.call()
    wanted = {"facts": [fact("Digit", digit="2")], "within": LONG}
    (waiting,) = await control.begun(control.ask_route("expect", wanted, id=session))
    await control.do("reset", {})
    status, reply = await waiting
    assert (status, reply["data"]) == (404, None)


# --- measured and found -----------------------------------------------------------------------------------------------


async def speaks(control: Control, bot: Bot) -> str:
    """A call in which the bot says half a second, in packets that are too small."""
    session = await control.call()
    await control.advance(100)
    for _ in range(25):
        await bot.sio.emit("audio", {"sessionId": session, "audioData": b"\0\x20" * 160, "audioFormat": "pcm16"})
    await bot.caught_up()
    await control.advance(10_000)
    return session


async def test_a_call_is_measured(control, bot):
    session = await speaks(control, bot)
    metrics = await control.do("call_metrics", id=session)
    assert metrics["heard"] == 0.5
    assert metrics["cutAtHangup"] == 0
    assert metrics["uplink"]["messages"] == 25
    assert metrics["uplink"]["packet"] == 20


async def test_findings_come_with_what_to_do(control, bot):
    session = await speaks(control, bot)
    found = (await control.do("call_findings", id=session))["findings"]
    (small,) = [each for each in found if each["id"] == "small-packets"]
    assert (small["level"], small["call"]) == ("warning", session)
    assert "160 ms" in small["remedy"]
    assert small["entries"] == []


async def test_what_could_not_be_tried_comes_with_the_reason(control, bot):
    session = await speaks(control, bot)
    untried = (await control.do("call_findings", id=session))["untried"]
    assert untried == (await control.do("findings"))["untried"]
    (pace,) = [each for each in untried if "underrun" in each["rules"]]
    assert (pace["call"], pace["why"]) == (session, "the clock is manual, and nobody can keep pace with it")


async def test_a_finding_names_all_entries_that_show_it(control, bot):
    session = await control.call()
    for _ in range(2):
        await bot.sio.emit("dtmf", {"sessionId": session, "digit": "x"})
    await bot.caught_up()
    found = (await control.do("call_findings", id=session))["findings"]
    (refused,) = [each for each in found if each["id"] == "event-refused"]
    journal = (await control.do("expect", {"facts": 2 * [fact("EventRefused")]}, id=session))["entries"]
    assert refused["entries"] == [entry["number"] for entry in journal]


async def test_findings_of_all_calls_and_of_none_by_level(control, bot):
    session = await speaks(control, bot)
    await bot.sio.emit("checkPoint", {"sessionId": "nowhere", "name": "x"})
    await bot.caught_up()

    async def found(query: str = "") -> list[tuple[str, str | None]]:
        return [(each["id"], each["call"]) for each in (await control.do("findings", query=query))["findings"]]

    everything = await found()
    assert ("small-packets", session) in everything
    assert ("unknown-session", None) in everything
    worst = await found("?level=error")
    assert ("unknown-session", None) in worst
    assert ("small-packets", session) not in worst
    assert ("small-packets", session) in await found("?level=warning")
    assert await found("?level=note") == everything
    assert "'error', 'warning' or 'note'" in await control.refused("findings", query="?level=bad")


# --- files ------------------------------------------------------------------------------------------------------------


async def fetched(control: Control, route: str, session: str) -> tuple[str, dict[str, str]]:
    path = f"{control.url}/__admin/calls/{session}/{route}"
    async with control.http.get(path, headers=control.headers) as reply:
        assert reply.status == 200
        return await reply.text(), {name.lower(): value for name, value in reply.headers.items()}


async def test_the_page_needs_nothing_and_may_reach_nothing(control, bot):
    page, headers = await fetched(control, "evidence.html", await speaks(control, bot))
    assert page.startswith("<!DOCTYPE html>")
    assert NUMBER in page
    assert headers["content-type"] == "text/html; charset=utf-8"
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"


async def test_the_entries_come_as_lines_behind_a_header(control, bot):
    session = await speaks(control, bot)
    text, headers = await fetched(control, "evidence.jsonl", session)
    header, *entries = map(json.loads, text.splitlines())
    assert header["call"]["sessionId"] == session
    assert [entry["call"] for entry in entries] == [session] * len(entries)
    assert entries == (await control.do("read_journal", query=f"?call={session}"))["entries"]
    assert headers["content-disposition"] == f'attachment; filename="{session}.jsonl"'


async def test_calls_go_on_while_their_evidence_is_made(serve, http, monkeypatch):
    """What is made of a call is made on another thread: here it ends only when the server has answered meanwhile."""
    answered = Event()

    def slow(dossier):
        assert answered.wait(LONG)
        return original(dossier)

    original = metrics.measure
    monkeypatch.setattr(metrics, "measure", slow)
    control = Control(http, (await serve()).url)
    measuring = asyncio.ensure_future(control.do("call_metrics", id=await control.call()))
    await control.do("get_clock")
    answered.set()
    assert (await measuring)["heard"] == 0
