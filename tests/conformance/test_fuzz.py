"""Generated scripts, what they may not do, what they find, and how short they get."""

import asyncio
import json
import re
from dataclasses import replace

import pytest
from aiohttp import web
from conformance.odd_servers import mortal, running
from conftest import Api
from hypothesis import given, settings
from hypothesis import strategies as st

from mockpbx.conformance.desk import new_session
from mockpbx.conformance.fuzz import replay
from mockpbx.conformance.fuzz.generate import generated, scripts
from mockpbx.conformance.fuzz.gone import last_of, why_silent
from mockpbx.conformance.fuzz.player import WITNESS, Played, play
from mockpbx.conformance.fuzz.requests import operation_of
from mockpbx.conformance.fuzz.rules import breaches
from mockpbx.conformance.fuzz.script import (
    NUMBER,
    Answered,
    Ask,
    Blob,
    Close,
    Emit,
    NoScript,
    Open,
    Pause,
    Send,
    calls_of,
    lines_of,
    read_script,
    write_script,
)
from mockpbx.conformance.fuzz.search import Search
from mockpbx.conformance.run import Options
from mockpbx.conformance.transcript import Acked, Closed, Exchange, Garbled, Heard, Opened, Said

NOBODY = "00000000-0000-7000-8000-000000000000"
PLACE = Ask("POST", "/pbx/call", {"phoneNumber": NUMBER})
JOIN = Emit("a", "joinRoom", ({"sessionId": "$call0"},))


def options(url: str = "http://127.0.0.1:1", **others) -> Options:
    return Options(url, "dev", "089608675796", "invalid-fuzzed-token", timeout=10.0, **others)


class Quiet:
    """A watcher that is told and says nothing."""

    def tried(self, script) -> None: ...

    def suspected(self, breach) -> None: ...

    def shortened(self, script) -> None: ...


# --- scripts ----------------------------------------------------------------------------------------------------------


def test_the_same_seed_makes_the_same_scripts():
    assert generated(20, 7) == generated(20, 7)
    assert generated(20, 7) != generated(20, 8)


@settings(max_examples=50)
@given(script=scripts())
def test_a_script_is_the_same_when_it_is_read_again(script, tmp_path_factory):
    file = tmp_path_factory.getbasetemp() / "script.jsonl"
    write_script(file, script, {"seed": 1})
    assert lines_of(read_script(file)) == lines_of(script)


@settings(max_examples=200)
@given(script=scripts())
def test_no_script_calls_anybody_but_the_number_that_was_given(script):
    for step in script:
        if isinstance(step, Ask) and operation_of(step.method, step.path) == "call":
            number = step.body.get("phoneNumber") if isinstance(step.body, dict) else None
            assert number == NUMBER or number in (-5, 0.5, 1e308, -(10**30)) or not re.search(r"\d", str(number))


def test_every_kind_of_step_is_written_in_a_line_that_reads_well(tmp_path):
    script = (
        PLACE,
        Ask("GET", "/cdr?limit=1", (), "none"),
        Ask("POST", "/pbx/call", b"{"),
        Open("c", {"token": "$wrong"}),
        Emit("a", "audio", ({"audioData": Blob(320, 1), "sessionId": "$call0", "audioFormat": "pcm16"},), True),
        Send("b", ("42{}", Blob(4))),
        Close("a"),
        Pause(20),
        Answered(),
    )
    write_script(tmp_path / "s.jsonl", script, {"seed": 5})
    lines = (tmp_path / "s.jsonl").read_text().splitlines()
    assert json.loads(lines[0]) == {"script": 1, "seed": 5}
    assert json.loads(lines[1]) == {
        "do": "ask", "method": "POST", "path": "/pbx/call", "body": {"phoneNumber": "$number"}, "bearer": "right",
    }  # fmt: skip
    assert json.loads(lines[5])["arguments"][0]["audioData"] == {"$blob": [320, 1]}
    assert read_script(tmp_path / "s.jsonl") == script
    assert calls_of(script) == 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "line 1: expected an object of JSON"),
        ("[1]\n", "line 1: expected an object of JSON"),
        ('{"script": 9}\n', "no script of this version"),
        ('{"script": 1}\n{"do": "dance"}\n', "line 2: `do` is none of ask, open, emit, send, close, pause, answered"),
        ('{"script": 1}\n\n{"do": "pause", "s": 1}\n', "line 3: "),
        ('{"script": 1}\n{"do": "pau', "line 2: expected an object of JSON"),
    ],
)
def test_what_is_no_script_is_said_with_its_line(tmp_path, text, sentence):
    (tmp_path / "s.jsonl").write_text(text)
    with pytest.raises(NoScript) as error:
        read_script(tmp_path / "s.jsonl")
    assert sentence in str(error.value)


# --- rules ------------------------------------------------------------------------------------------------------------


def played(*items, calls=(), spoilt=(), probes=(), left=()) -> Played:
    talk = Played((), options(), calls=list(calls), spoilt=set(spoilt), probes=list(probes), left=set(left))
    talk.transcript.items.extend(items)
    return talk


def rules_of(*items, **about) -> set[str]:
    return {breach.rule for breach in breaches(played(*items, **about))}


def asked(method="POST", path="/pbx/call", status=200, token="dev", body=None, **reply) -> Exchange:
    body = {"phoneNumber": "0812"} if body is None and path == "/pbx/call" else body
    shown = {"status": status, "errors": "no" if status > 299 else "", "data": None} | reply
    return Exchange(0.0, 0.1, method, path, token, body, status, "application/json", "{}", shown)


def heard(event, socket=WITNESS, session="s", **fields) -> Heard:
    return Heard(1.0, socket, event, ({"sessionId": session, **fields},))


def frame(socket=WITNESS) -> Heard:
    return heard("audio", socket, audioData=bytes(320), audioFormat="pcm16")


RECORD = {
    "destination": "0812", "startTime": "2025", "answerTime": None, "endTime": "2025", "duration": 1,
    "billableSeconds": 0, "disposition": "CANCEL", "hangupBy": None, "hangupCauseCode": 16, "hangupCauseText": "x",
}  # fmt: skip
JOINED = Said(0.5, WITNESS, "joinRoom", {"sessionId": "s"})
DIALING, RINGING, CONNECTED = (heard("dialStatus", status=status) for status in ("Dialing", "Ringing", "Connected"))
HANGUP, CDR = heard("hangup"), heard("cdr", **RECORD)
WHOLE = (JOINED, DIALING, RINGING, CONNECTED, frame(), frame(), HANGUP, CDR)
AUDIO = Said(1.0, "a", "audio", {"sessionId": "s", "audioData": b"12", "audioFormat": "pcm16"}, 0)
PLACED = asked(data={"phoneNumber": "0812", "sessionId": "s"})


@pytest.mark.parametrize(
    ("items", "about"),
    [
        (WHOLE, {"calls": ["s"]}),
        ((JOINED, frame(), HANGUP, CDR), {"calls": ["s"]}),  # joined when it was connected
        ((PLACED, asked(status=400), asked(status=401, token=None), asked(status=500)), {}),
        ((asked("GET", "/cdr", data=[]), asked("GET", "/cdr/x", 404), asked("PUT", "/cdr", 405)), {}),
        ((asked("GET", "/nowhere", 404, status_code=404, errors=5),), {}),
        ((asked(body=b"{", status=413), asked(body=b"{", status=400, errors=None)), {}),
        ((AUDIO, Acked(1.1, "a", AUDIO, ({"success": False, "error": "no"},))), {}),
        ((AUDIO, Closed(1.1, "a", "checker", 1000)), {"left": ["a"]}),
        ((Closed(1.1, "a", "server", 1005),), {"spoilt": ["a"], "probes": [("a", "x")]}),
        ((Said(1, "a", "joinRoom", {}), heard("roomJoined", "a", None, status="failed")), {}),
        ((heard("welcome", session=None), heard("news", "a"), heard("exception", "a", None, message="no")), {}),
        ((*WHOLE[:-1], heard("recording"), CDR, heard("cost", cents=3)), {"calls": ["s"]}),  # the contract names none
        ((*WHOLE, heard("hang-up")), {"calls": ["s"]}),  # beside hangup, not in its place
        ((JOINED, DIALING, heard("roomJoined", status="success"), DIALING, RINGING, *WHOLE[-2:]), {"calls": ["s"]}),
    ],
)  # fmt: skip
def test_what_a_right_server_may_do_breaks_nothing(items, about):
    assert rules_of(*items, **about) == set()


@pytest.mark.parametrize(
    ("items", "about", "rule"),
    [
        ((asked(status=500, body={"phoneNumber": 5}),), {}, "the service does not fail"),
        ((asked("GET", "/cdr", 503),), {}, "the service does not fail"),
        ((asked(status=201),), {}, "a status is one of the documented ones"),
        ((asked(token=None, data={"phoneNumber": "", "sessionId": "s"}),), {}, "a request needs the token"),
        ((asked(body={}, data={"phoneNumber": "", "sessionId": "s"}),), {}, "a body that lacks its field is refused"),
        (
            (asked(path="/pbx/hangup", body={"sessionId": "x"}, data={"sessionId": "x"}),),
            {"calls": ["s"]},
            "a session that nobody knows is not hung up",
        ),
        ((*WHOLE, asked("GET", "/cdr/s", 404)), {"calls": ["s"]}, "a record that was told of is found"),
        ((asked(status=400, errors=""),), {}, "a reply is an envelope"),
        ((asked(status=404, path="/pbx/hangup", data={}),), {}, "a reply is an envelope"),
        ((asked("GET", "/cdr", data=None),), {}, "a page has data"),
        ((Exchange(0, 0, "GET", "/cdr", "dev", None, failure="reset"),), {}, "a request is answered"),
        ((Garbled(1, "a", "x", "y"),), {}, "what comes is Socket.IO"),
        ((Closed(1, "a", "server", 1005),), {}, "a socket that speaks Socket.IO stays open"),
        ((heard("checkpoint", name="x"),), {}, "an event is spelt as documented"),
        ((heard("Room_Joined", "a", status="success"),), {}, "an event is spelt as documented"),
        ((JOINED, heard("dialStatus", status="dialing")), {}, "an event has its fields"),
        ((JOINED, heard("audio", audioData="x", audioFormat="pcm16")), {}, "an event has its fields"),
        ((JOINED, heard("audio", audioData=b"x", audioFormat="pcm16")), {}, "a frame has 320 bytes"),
        ((heard("hangup", "a"),), {}, "a call's events reach its room alone"),
        ((heard("roomJoined", "a", status="success"),), {}, "roomJoined answers joinRoom"),
        ((AUDIO,), {}, "sound is acknowledged"),
        ((AUDIO, Acked(1, "a", AUDIO, ({"success": 1},))), {}, "an acknowledgment has its fields"),
        ((), {"probes": [("a", "x")]}, "a socket goes on working"),
        (WHOLE[:-1], {"calls": ["s"]}, "a call has its cdr"),
        ((JOINED, DIALING), {"calls": ["s"]}, "a call has its hangup"),
        ((*WHOLE, CDR), {"calls": ["s"]}, "cdr comes once, after hangup"),
        ((*WHOLE[:-2], CDR, HANGUP), {"calls": ["s"]}, "cdr comes once, after hangup"),
        ((*WHOLE, HANGUP), {"calls": ["s"]}, "nothing follows hangup but cdr"),
        ((*WHOLE, frame()), {"calls": ["s"]}, "nothing follows hangup but cdr"),
        ((JOINED, CONNECTED, RINGING, *WHOLE[-2:]), {"calls": ["s"]}, "a call's status goes on"),
        ((JOINED, RINGING, RINGING, *WHOLE[-2:]), {"calls": ["s"]}, "a call's status goes on"),
        (
            (JOINED, RINGING, heard("roomJoined", status="success"), DIALING, *WHOLE[-2:]),
            {"calls": ["s"]},
            "a call's status goes on",
        ),
        ((JOINED, RINGING, frame(), *WHOLE[-2:]), {"calls": ["s"]}, "sound comes from Connected on"),
        (
            (*WHOLE[:5], heard("checkPoint", name="x"), *WHOLE[5:]),
            {"calls": ["s"]},
            "a checkpoint was sent, and comes once",
        ),
    ],
)  # fmt: skip
def test_each_rule_is_broken_by_what_it_names(items, about, rule):
    assert rule in rules_of(*items, **about)


def test_checkpoints_come_in_the_order_sent():
    sent = [Said(1, "a", "checkPoint", {"sessionId": "s", "name": name}) for name in "aba"]
    told = {name: heard("checkPoint", name=name) for name in "ab"}

    def rules(names: str) -> set[str]:
        return rules_of(*WHOLE[:5], *sent, *(told[name] for name in names), *WHOLE[5:], calls=["s"])

    assert rules("aba") == rules("ab") == rules("ba") == rules("") == set()
    assert rules("aab") == {"checkpoints come in the order sent"}
    assert rules("abab") == {"a checkpoint was sent, and comes once"}


def test_a_socket_that_came_with_a_wrong_token_is_not_to_be_let_in():
    talk = played(Opened(1, "c"))
    talk.auths["c"] = {"token": talk.options.wrong_token}
    assert [breach.rule for breach in breaches(talk)] == ["a socket without the token is not let in"]


@settings(max_examples=100)
@given(
    payload=st.recursive(
        st.none() | st.text(max_size=3) | st.integers() | st.binary(max_size=3),
        lambda inside: (
            st.lists(inside, max_size=3)
            | st.dictionaries(st.sampled_from(["sessionId", "status", "data", "name"]), inside, max_size=3)
        ),
        max_leaves=6,
    ),
    event=st.sampled_from(["newSession", "roomJoined", "dialStatus", "audio", "checkPoint", "hangup", "cdr"]),
)
def test_whatever_a_server_says_the_rules_can_judge_it(payload, event):
    said = Said(1, WITNESS, event, payload, 1)
    rules_of(
        JOINED,
        Exchange(0, 0, "POST", "/pbx/call", "dev", payload, 200, "", "", payload),
        said,
        Acked(1, WITNESS, said, (payload,)),
        Heard(1, WITNESS, event, (payload,)),
        Heard(1, WITNESS, event, ()),
        *WHOLE,
        calls=["s"],
    )


# --- against servers --------------------------------------------------------------------------------------------------

NASTY = (
    PLACE,
    JOIN,
    Answered(),
    Emit("a", "checkPoint", ({"sessionId": "$call0", "name": "one"},)),
    Emit("a", "audio", ({"audioData": Blob(320), "sessionId": "$call0", "audioFormat": "pcm16"},), True),
    Emit("a", "audio", (), True),
    Emit("a", "dtmf", ({"sessionId": "$call0", "digit": ["\ud800"]}, None)),
    Send("b", ("42{}",)),
    Emit("b", "joinRoom", ({"sessionId": "$call0"},)),
    Open("c", {"token": "$wrong"}),
    Ask("POST", "/pbx/call", b"{"),
    Emit("b", "hangup", ({"sessionId": "$call0"},)),
    Close("b"),
)


async def test_our_own_server_stands_a_nasty_script(serve):
    server = await serve(record_delay=0)
    async with new_session() as http:
        talk = await play(NASTY, options(server.url), http)
    assert breaches(talk) == []
    told = [item.event for item in talk.of_call(talk.calls[0]) if item.event != "audio"]
    assert told == ["roomJoined", "dialStatus", "dialStatus", "dialStatus", "checkPoint", "hangup", "cdr"]


async def test_a_mutant_is_found_by_luck_alone(serve):
    server = await serve(mutant="unauthorized-as-403", token=["dev"], record_delay=0, dial_delay=0)
    search = Search(options(server.url), Quiet(), at_a_time=4)
    await search.look([script for script in generated(40, 1) if not calls_of(script)])
    assert search.best is not None
    assert search.best.breach.rule == "a status is one of the documented ones"
    assert search.best.shown == search.best.plays


DEADLY = Ask("GET", "/cdr/deadly")


@pytest.mark.parametrize("at_a_time", [1, 4])
async def test_a_server_that_dies_is_told_with_what_was_played_then(serve, at_a_time):
    harmless = (Ask("GET", "/cdr"),)
    server = await serve(record_delay=0)
    async with mortal(server.url, b"/deadly") as url:
        search = Search(options(url), Quiet(), at_a_time, back_within=0)
        await search.look([harmless, harmless, (*harmless, DEADLY), harmless, harmless, harmless])
    assert search.best is None
    assert search.by_chance == []
    assert search.gone is not None
    assert search.gone.why == "Connection refused"
    played = {play.script: play for play in search.gone.plays}
    assert set(played) <= {(*harmless, DEADLY), harmless}
    asked = [item.path for item in last_of(played[*harmless, DEADLY]) if isinstance(item, Exchange)]
    assert asked[-1] == "/cdr/deadly"
    if at_a_time == 1:  # of several whose requests waited, none can be named for certain
        assert search.gone.plays[0] is played[*harmless, DEADLY]
    assert search.plays <= 6


async def test_no_answer_is_waited_for_once_the_server_is_dead(serve, http):
    server = await serve(dial_delay=600)
    patient = replace(options(), timeout=600.0)
    async with mortal(server.url, b"/deadly") as url, new_session() as session:
        playing = asyncio.create_task(play((PLACE, Answered()), replace(patient, url=url), session))
        while not (await Api(http, server.url).get("/__admin/calls?live=true"))[1]["data"]["calls"]:
            await asyncio.sleep(0.05)
        await play((DEADLY,), replace(patient, url=url), session)
        assert "a request is answered" in [breach.rule for breach in breaches(await playing)]


async def test_a_script_that_the_server_does_not_survive_when_it_is_played_again_is_kept_alone(serve):
    server = await serve(mutant="unauthorized-as-403", token=["dev"])
    innocent, wrong = (Ask("GET", "/cdr"),), (Ask("GET", "/cdr", (), "wrong"),)

    class Fatal(Quiet):
        def suspected(self, breach) -> None:
            search.options = options()  # where nobody listens

    search = Search(options(server.url), Fatal(), at_a_time=2, back_within=0)
    await search.look([innocent, wrong])
    assert search.gone is not None
    assert [played.script for played in search.gone.plays] == [wrong]
    assert search.best is None
    assert search.plays == 3


async def test_a_server_that_was_started_again_is_not_gone():
    asked = 0

    async def starting(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        if asked < 5 and request.transport is not None:
            request.transport.abort()
        return web.json_response({"data": [], "meta": {}})

    async with running(starting) as url:
        assert await why_silent(options(url), within=0) == "Server disconnected"
        assert await why_silent(options(url), within=10) is None


async def test_no_more_calls_are_placed_than_allowed(serve):
    server = await serve(record_delay=0, dial_delay=0)
    search = Search(options(server.url, max_calls=2), Quiet(), at_a_time=4)
    await search.look([(PLACE,), (PLACE, PLACE), (PLACE,), (Ask("GET", "/cdr"),)])
    assert (search.calls, search.plays, search.best) == (2, 3, None)


async def test_a_saved_script_is_played_again(serve, tmp_path):
    right, wrong = await serve(record_delay=0), await serve(mutant="post-errors-null", record_delay=0)
    file = tmp_path / "script.jsonl"
    write_script(file, (PLACE,), {})
    lines: list[str] = []
    again = asyncio.to_thread(replay, str(file), right.url, "dev-secret", "089608675796", lines.append)
    assert await again == 0
    assert lines == ["1 steps, 1 calls: nothing was broken"]
    lines.clear()
    assert await asyncio.to_thread(replay, str(file), wrong.url, "dev-secret", "089608675796", lines.append) == 1
    assert "expected  a reply is an envelope" in lines
    assert "secret" not in "\n".join(lines)


async def test_a_script_that_kills_the_server_says_so_when_it_is_played_again(serve, tmp_path):
    server = await serve()
    write_script(tmp_path / "s", (Ask("GET", "/cdr"), DEADLY), {})
    lines: list[str] = []
    async with mortal(server.url, b"/deadly") as url:
        assert await asyncio.to_thread(replay, str(tmp_path / "s"), url, "dev-secret", "0812", lines.append) == 1
    assert lines[-1] == "2 steps, 0 calls: the server has stopped answering (Connection refused)"
    assert any(line.endswith("GET /cdr/deadly") for line in lines)
    assert "secret" not in "\n".join(lines)


def test_what_cannot_be_played_is_said(tmp_path, capsys):
    (tmp_path / "x").write_text("nonsense")
    assert replay(str(tmp_path / "x"), "http://127.0.0.1:1", "dev", "1") == 2
    assert "line 1: expected an object of JSON" in capsys.readouterr().err
    write_script(tmp_path / "y", (PLACE,), {})
    assert replay(str(tmp_path / "y"), "http://127.0.0.1:1", "dev", "1") == 2
    assert "does not answer: Connection refused" in capsys.readouterr().err
