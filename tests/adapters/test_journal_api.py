"""The journal over HTTP: pages, long polls, the stream, searches, and what they say when something is missing."""

import asyncio
import json

import pytest
from conftest import Api

from mockpbx.adapters.control.journal import JournalHandlers
from mockpbx.media.facts import CheckpointReached, DigitReceived, MediaSlipped

NUMBER = "089608675796"
BASE = "/__admin/journal"


class Reader(Api):
    """A workspace of a server, and its journal over HTTP."""

    def __init__(self, http, pbx, token: str = "dev") -> None:
        super().__init__(http, pbx.url, token)
        self.workspace = pbx.workspace_of(token)

    async def read(self, query: str = "") -> dict:
        status, reply = await self.get(f"{BASE}{query}")
        assert status == 200, reply
        return reply["data"]

    async def search(self, what: str, **body) -> dict:
        status, reply = await self.post(f"{BASE}/{what}", body)
        assert status == 200, reply
        return reply["data"]

    async def call(self) -> str:
        return (await self.post("/pbx/call", {"phoneNumber": NUMBER}))[1]["data"]["sessionId"]

    def note(self, *names: str, call: str | None = None) -> None:
        for name in names:
            self.workspace.note(call, CheckpointReached(name))

    def follow(self, query: str = "", **headers: str):
        return self.http.get(f"{self.url}{BASE}/stream{query}", headers=self.headers | headers)


@pytest.fixture
async def reader(serve, http) -> Reader:
    return Reader(http, await serve(clock="manual"))


@pytest.fixture
async def small(serve, http) -> Reader:
    """A journal that keeps 1,000 entries."""
    return Reader(http, await serve(clock="manual", journal_limit=1_000))


@pytest.fixture
def listening(monkeypatch):
    """`await listening(reader)`: somebody waits for the next entry of its journal."""

    def watch(reader: Reader) -> asyncio.Event:
        journal, waits = reader.workspace.journal, asyncio.Event()
        grown = journal.grown

        def watched() -> asyncio.Future[None]:
            waits.set()
            return grown()

        monkeypatch.setattr(journal, "grown", watched)
        return waits

    return watch


def names(page: dict) -> list[str]:
    return [entry["data"]["name"] for entry in page["entries"]]


# --- pages ------------------------------------------------------------------------------------------------------------


async def test_the_journal_tells_what_happened_and_where_to_go_on(reader):
    session = await reader.call()
    page = await reader.read()
    assert [entry["kind"] for entry in page["entries"]] == ["CallPlaced", "SessionAnnounced"]
    assert [entry["number"] for entry in page["entries"]] == [1, 2]
    assert page["entries"][0]["data"]["number"] == NUMBER
    assert {entry["call"] for entry in page["entries"]} == {session}
    assert page["first"] == 1
    assert not page["truncated"]
    assert (await reader.read(f"?after={page['next']}"))["entries"] == []
    reader.note("more")
    assert names(await reader.read(f"?after={page['next']}")) == ["more"]
    assert names(await reader.read("?after=2")) == ["more"]


async def test_pages_are_bounded_and_follow_each_other_without_a_gap(reader):
    reader.note(*"abcde")
    first = await reader.read("?limit=2")
    second = await reader.read(f"?limit=2&after={first['next']}")
    third = await reader.read(f"?limit=2&after={second['next']}")
    assert [*names(first), *names(second), *names(third)] == list("abcde")


async def test_entries_are_chosen_by_call_and_by_kinds(reader):
    one, other = await reader.call(), await reader.call()
    page = await reader.read(f"?call={one}&kind=CallPlaced&kind=RoomJoined")
    assert [(entry["call"], entry["kind"]) for entry in page["entries"]] == [(one, "CallPlaced")]
    assert page["next"] == (await reader.read())["next"]  # what was passed over is not asked for again
    assert [e["call"] for e in (await reader.read(f"?call={other}"))["entries"]] == [other, other]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("?kind=CallPlacd", "did you mean CallPlaced?"),
        ("?after=yesterday", "after is not valid: expected the `next` of a reply"),
        ("?after=-1", "after is not valid"),
        ("?limit=0", "limit is not valid: expected at least 1, got"),
        ("?limit=ten", 'limit is not valid: expected a whole number, got "ten"'),
        ("?wait=61", "wait is not valid: expected at most 60"),
        ("?wait=nan", "wait is not valid"),
        ("?cal=x", "cal is no query parameter of this request; did you mean call?"),
        ("?limit=1&limit=2", "limit is given more than once"),
    ],
)
async def test_questions_that_make_no_sense_get_a_sentence(reader, query, sentence):
    status, reply = await reader.get(BASE + query)
    assert (status, reply["status"], reply["data"]) == (400, 400, None)
    assert sentence in reply["errors"]


# --- what is missing --------------------------------------------------------------------------------------------------


async def test_an_answer_is_truncated_exactly_where_entries_that_belong_to_it_are_gone(small):
    old = await small.call()
    small.note(*map(str, range(998)))
    young = await small.call()
    page = await small.read()
    assert page["truncated"]
    assert page["first"] == 3
    assert page["entries"][0]["number"] == 3
    assert not (await small.read("?after=2"))["truncated"]
    assert (await small.read("?after=1"))["truncated"]
    # Of one call: its own first entries are gone, or they are not.
    assert (await small.read(f"?call={old}"))["truncated"]
    assert not (await small.read(f"?call={young}"))["truncated"]
    assert (await small.read("?call=unknown"))["truncated"]
    assert not (await small.read(f"?call=unknown&after={page['next']}"))["truncated"]
    # What is asked for after a point that is still known is complete, whatever went before.
    assert not (await small.read(f"?call={old}&after=2"))["truncated"]


async def test_a_position_in_another_journal_or_ahead_of_this_one_starts_over_and_says_so(reader):
    reader.note("a", "b")
    started = reader.workspace.journal.started
    assert names(await reader.read(f"?after={started}-1")) == ["b"]
    for foreign in (f"{started - 1}-1", "3", "999999999999"):
        page = await reader.read(f"?after={foreign}")
        assert (names(page), page["truncated"]) == (["a", "b"], True)
    at_its_end = await reader.read("?after=2")
    assert (at_its_end["entries"], at_its_end["truncated"]) == ([], False)


async def test_a_call_that_is_known_here_is_told_completely_even_from_a_position_elsewhere(reader):
    session = await reader.call()
    page = await reader.read(f"?after=1-50&call={session}")
    assert [entry["kind"] for entry in page["entries"]] == ["CallPlaced", "SessionAnnounced"]
    assert not page["truncated"]


async def test_of_a_call_from_before_the_workspace_was_forgotten_nobody_claims_to_tell_everything(serve, http):
    pbx = await serve(record_delay=0)
    session = await Reader(http, pbx).call()
    await pbx.close_workspace("dev")
    reader = Reader(http, pbx)
    assert (await reader.get(f"/cdr/{session}"))[0] == 200
    page = await reader.read(f"?call={session}&wait=10")
    assert (page["entries"], page["truncated"]) == ([], True)
    counted = await reader.search("count", call=session)
    assert (counted["count"], counted["truncated"]) == (0, True)
    assert not (await reader.read(f"?call={session}&after={page['next']}"))["truncated"]
    assert not (await reader.read())["truncated"]


async def test_after_a_reset_a_position_of_before_is_no_position(reader):
    reader.note("before")
    position = (await reader.read())["next"]
    await reader.post("/__admin/reset")
    page = await reader.read(f"?after={position}")
    assert [entry["kind"] for entry in page["entries"]] == ["WorkspaceReset"]
    assert page["truncated"]


# --- long polls -------------------------------------------------------------------------------------------------------


async def test_a_long_poll_answers_with_what_it_waited_for_and_with_nothing_else(reader, listening):
    waits = listening(reader)
    poll = asyncio.ensure_future(reader.read("?kind=CallPlaced&wait=60"))
    await waits.wait()
    waits.clear()
    reader.note("of another kind")
    await waits.wait()
    session = await reader.call()
    page = await poll
    assert [(entry["call"], entry["kind"]) for entry in page["entries"]] == [(session, "CallPlaced")]


async def test_a_long_poll_comes_back_empty_when_its_time_is_over_and_goes_on_from_there(reader):
    reader.note("seen")
    page = await reader.read("?after=1&wait=0.01")
    assert (page["entries"], page["truncated"]) == ([], False)
    reader.note("new")
    assert names(await reader.read(f"?after={page['next']}&wait=60")) == ["new"]


async def test_a_long_poll_does_not_wait_with_what_is_missing(small):
    small.note(*map(str, range(1_001)))
    page = await small.read("?call=unknown&wait=60")
    assert (page["entries"], page["truncated"]) == ([], True)


async def test_a_reset_wakes_a_long_poll(reader, listening):
    reader.note("before")
    position = (await reader.read())["next"]
    waits = listening(reader)
    poll = asyncio.ensure_future(reader.read(f"?after={position}&wait=60"))
    await waits.wait()
    await reader.post("/__admin/reset")
    page = await poll
    assert [entry["kind"] for entry in page["entries"]] == ["WorkspaceReset"]
    assert page["truncated"]


async def test_nobody_who_waits_holds_up_the_end_of_the_server(serve, http, listening):
    pbx = await serve()
    reader = Reader(http, pbx)
    waits = listening(reader)
    poll = asyncio.ensure_future(reader.read("?kind=CallPlaced&wait=60"))
    await waits.wait()
    waits.clear()
    async with reader.follow() as stream:
        await waits.wait()
        await asyncio.wait_for(pbx.stop(), 4)
        assert (await poll)["entries"] == []
        assert await stream.content.read() == b""


# --- the stream -------------------------------------------------------------------------------------------------------


async def hear(stream) -> dict[str, str]:
    """Return the next event of a stream: its fields, and under "" its comments."""
    event: dict[str, str] = {}
    async with asyncio.timeout(10):
        while (line := (await stream.content.readline()).decode().rstrip("\n")) or not event:
            name, _, value = line.partition(":")
            event[name] = value.removeprefix(" ")
    return event


async def heard_names(stream, count: int) -> list[str]:
    return [json.loads((await hear(stream))["data"])["data"]["name"] for _ in range(count)]


async def test_a_stream_tells_what_there_is_and_what_comes(reader, listening):
    waits = listening(reader)
    session = await reader.call()
    async with reader.follow() as stream:
        assert stream.headers["Content-Type"] == "text/event-stream"
        first = await hear(stream)
        assert first["event"] == "CallPlaced"
        assert first["id"] == f"{reader.workspace.journal.started}-1"
        assert json.loads(first["data"]) == (await reader.read("?limit=1"))["entries"][0]
        assert (await hear(stream))["event"] == "SessionAnnounced"
        await waits.wait()
        reader.note("live", call=session)
        assert (await hear(stream))["event"] == "CheckpointReached"


async def test_a_stream_resumes_where_its_client_left_off(reader):
    reader.note(*"abc")
    async with reader.follow() as stream:
        await heard_names(stream, 1)
        last = (await hear(stream))["id"]
    reader.note("d")
    async with reader.follow(**{"Last-Event-ID": last}) as stream:
        assert await heard_names(stream, 2) == ["c", "d"]
    async with reader.follow("?after=3") as stream:
        assert await heard_names(stream, 1) == ["d"]


async def test_a_stream_has_the_same_filters(reader):
    session = await reader.call()
    reader.note("of none")
    reader.note("of the call", call=session)
    async with reader.follow(f"?call={session}&kind=CheckpointReached") as stream:
        assert await heard_names(stream, 1) == ["of the call"]
    status, reply = await reader.get(f"{BASE}/stream?kind=CheckpointReach")
    assert status == 400
    assert "did you mean CheckpointReached?" in reply["errors"]


async def test_a_stream_says_first_what_it_cannot_tell_any_more(small):
    small.note(*map(str, range(1_500)))
    async with small.follow("?after=100") as stream:
        missing = await hear(stream)
        assert (missing["event"], json.loads(missing["data"])["truncated"]) == ("truncated", True)
        assert json.loads(missing["data"])["first"] == 501
        assert await heard_names(stream, 1) == ["500"]


async def test_a_reader_that_is_too_slow_is_told_what_it_missed_and_goes_on(small, listening):
    waits = listening(small)
    small.note("first")
    async with small.follow() as stream:
        assert await heard_names(stream, 1) == ["first"]
        await waits.wait()
        small.note(*map(str, range(5_000)))  # before the stream has had its turn
        assert (await hear(stream))["event"] == "truncated"
        assert await heard_names(stream, 1_000) == [str(number) for number in range(4_000, 5_000)]


async def test_a_reset_shows_in_a_stream(reader, listening):
    waits = listening(reader)
    async with reader.follow() as stream:
        await waits.wait()
        await reader.post("/__admin/reset")
        assert (await hear(stream))["event"] == "truncated"
        assert (await hear(stream))["event"] == "WorkspaceReset"


async def test_a_quiet_stream_sends_comments_and_how_far_it_has_come(reader, monkeypatch):
    monkeypatch.setattr(JournalHandlers, "heartbeat", 0.01)
    reader.note("passed over")
    async with reader.follow("?kind=CallPlaced") as stream:
        assert await hear(stream) == {"": "", "id": f"{reader.workspace.journal.started}-1"}
        assert await hear(stream) == {"": ""}
        session = await reader.call()
        while "data" not in (event := await hear(stream)):
            pass
        assert json.loads(event["data"])["call"] == session


async def test_a_stream_that_nobody_reads_does_not_hold_up_the_end(serve, http, monkeypatch):
    monkeypatch.setattr(JournalHandlers, "patience", 0.01)
    pbx = await serve()
    reader = Reader(http, pbx)
    reader.note(*("x" * 1_000 for _ in range(20_000)))  # far more than the buffers on the way take
    async with reader.follow() as stream:
        assert stream.status == 200
        await asyncio.wait_for(pbx.stop(), 4)


async def test_an_open_stream_keeps_its_workspace(serve, http, monkeypatch):
    monkeypatch.setattr(JournalHandlers, "heartbeat", 0.01)
    reader = Reader(http, await serve())
    async with reader.follow() as stream:
        reader.workspace.used_at = 0
        await hear(stream)
        await hear(stream)
        assert reader.workspace.used_at > 0


async def test_head_of_a_stream_is_no_stream(reader):
    async with http_head(reader) as reply:
        assert (reply.status, await reply.read()) == (200, b"")


def http_head(reader: Reader):
    return reader.http.head(f"{reader.url}{BASE}/stream", headers=reader.headers)


# --- find and count ---------------------------------------------------------------------------------------------------


async def test_entries_are_found_by_a_part_of_what_they_say(reader):
    session = await reader.call()
    reader.note("greeting", "goodbye", "other", call=session)
    reader.workspace.note(session, DigitReceived("*", in_band=False))
    reader.workspace.note(session, DigitReceived("1", in_band=True))
    assert names(await reader.search("find", pattern={"name": "g*e"})) == ["goodbye"]
    assert names(await reader.search("find", pattern={"name": "g*"}, limit=1)) == ["greeting"]
    found = await reader.search("find", pattern={"digit": "\\*"})
    assert [entry["data"] for entry in found["entries"]] == [{"digit": "*", "inBand": False}]
    assert (await reader.search("count", pattern={"digit": "*"}))["count"] == 2
    assert (await reader.search("count", pattern={"inBand": True}))["count"] == 1
    assert (await reader.search("count", pattern={"inBand": 1}))["count"] == 0
    assert (await reader.search("count", kind="CheckpointReached", call=session))["count"] == 3
    assert (await reader.search("count", kind=["CheckpointReached", "CallPlaced"]))["count"] == 4
    assert (await reader.search("count", call="another"))["count"] == 0


async def test_a_pattern_reaches_into_records(reader):
    session = await reader.call()
    await reader.post("/pbx/hangup", {"sessionId": session})
    wanted = {"record": {"sessionId": session, "disposition": "CANCEL"}}
    assert (await reader.search("count", pattern=wanted, kind="CallEnded"))["count"] == 1
    wanted["record"]["cause"] = 17
    assert (await reader.search("count", pattern=wanted))["count"] == 0


async def test_find_goes_on_where_it_stopped(reader):
    reader.note(*"abcab")
    first = await reader.search("find", pattern={"name": "a"}, limit=1)
    second = await reader.search("find", pattern={"name": "a"}, after=first["next"])
    assert [entry["number"] for entry in (*first["entries"], *second["entries"])] == [1, 4]


async def test_what_cannot_be_counted_completely_is_marked(small):
    small.note("gone", *("kept" for _ in range(1_000)))
    counted = await small.search("count", pattern={"name": "gone"})
    assert (counted["count"], counted["truncated"]) == (0, True)
    assert not (await small.search("count", pattern={"name": "kept"}, after="1"))["truncated"]
    assert (await small.search("find", limit=1))["truncated"]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"pattern": {"nam": "x"}}, "did you mean name?"),
        (
            {"pattern": {"digit": "1"}, "kind": "CheckpointReached"},
            'No such fact has "digit" in its data; expected name',
        ),
        ({"pattern": []}, "pattern is not valid: expected a JSON object, got a list"),
        ({"patern": {}}, "patern is no field of this request; did you mean pattern?"),
        ({"kind": "X"}, 'No fact is of kind "X"'),
        ({"kind": [1]}, "kind.0 is not valid: expected a string"),
    ],
)
async def test_searches_that_make_no_sense_get_a_sentence(reader, body, sentence):
    for what in ("find", "count"):
        status, reply = await reader.post(f"{BASE}/{what}", body)
        assert status == 400
        assert sentence in reply["errors"]


async def test_a_search_through_a_full_journal_lets_the_calls_have_their_turn(reader, monkeypatch):
    reader.note(*map(str, range(1_000)))
    turns = 0

    def count_turns() -> None:
        nonlocal turns
        turns += 1
        handle[0] = asyncio.get_running_loop().call_soon(count_turns)

    handle = [asyncio.get_running_loop().call_soon(count_turns)]
    before = turns
    assert (await reader.search("count", pattern={"name": "999"}))["count"] == 1
    handle[0].cancel()
    assert turns - before >= 10


async def test_other_workspaces_journals_are_other_journals(reader, serve, http):
    stranger = Api(http, reader.url, "other")
    reader.note("secret")
    reader.workspace.note(None, MediaSlipped(20))
    assert (await stranger.get(BASE))[1]["data"]["entries"] == []
    assert (await stranger.post(f"{BASE}/count", {}))[1]["data"]["count"] == 0
