"""The SQLite file: what is in it when, for whom, and after a crash."""

import asyncio
import contextlib
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockpbx.adapters.store import SqliteStore
from mockpbx.adapters.store.presence import Presence
from mockpbx.contract.errors import ConfigurationError, NoSuchRecord
from mockpbx.contract.vocabulary import Direction, Party
from mockpbx.domain.record import file_record
from mockpbx.runtime.records import Condition, RecordQuery, StoredRecord

EVERYTHING = RecordQuery(page=1, limit=100, ascending=False)


def a_record(session_id: str, destination: str = "0811234567", talked: int = 5_000, cause: int = 16):
    return file_record(
        session_id=session_id,
        destination=destination,
        direction=Direction.OUTBOUND,
        started_at=1_000,
        answered_at=2_000,
        ended_at=2_000 + talked,
        by=Party.CALLEE,
        cause=cause,
    )


@pytest.fixture(params=["file", "memory"])
def database(request, tmp_path):
    return tmp_path / "calls.db" if request.param == "file" else ":memory:"


@pytest.fixture
async def store(database):
    store = await SqliteStore.open(database)
    yield store
    await store.close()


async def sessions(store, workspace="w", query=EVERYTHING):
    return [row.record.session_id for row in (await store.page(workspace, query)).rows]


async def test_a_kept_call_is_not_shown_and_an_issued_record_is(store):
    store.keep("w", a_record("s"))
    assert await sessions(store) == []
    await store.issue("w", a_record("s"), 9_000)
    assert await store.find("w", "s") == StoredRecord(a_record("s"), 9_000)
    assert await sessions(store) == ["s"]


async def test_one_change_that_the_database_cannot_take_fails_alone(store):
    good, bad = store.issue("w", a_record("good"), 0), store.issue("w", a_record("bad", destination="\ud800"), 0)
    results = await asyncio.gather(good, bad, return_exceptions=True)
    assert results[0] is None
    assert isinstance(results[1], UnicodeEncodeError)
    assert await sessions(store) == ["good"]


async def test_a_record_is_issued_once_whatever_is_tried(store):
    await asyncio.gather(*(store.issue("w", a_record("s", cause=cause), cause) for cause in (16, 17, 18)))
    assert (await store.find("w", "s")).record.cause == 16
    assert await sessions(store) == ["s"]


async def test_nobody_sees_another_workspaces_records(store):
    await store.issue("w", a_record("s"), 0)
    assert await sessions(store, "other") == []
    with pytest.raises(NoSuchRecord):
        await store.find("other", "s")


async def test_rows_come_in_the_order_of_issue_not_of_the_call(store):
    for name in ("first", "second"):
        store.keep("w", a_record(name))
    await store.issue("w", a_record("second"), 1)
    await store.issue("w", a_record("first"), 2)
    assert await sessions(store) == ["first", "second"]


async def test_two_thousand_records_at_once_are_all_committed(store):
    await asyncio.gather(*(store.issue("w", a_record(str(n)), n) for n in range(2_000)))
    assert (await store.page("w", EVERYTHING)).total == 2_000


async def test_a_killed_emulators_calls_are_closed_with_what_was_known_of_them(tmp_path, monkeypatch):
    locks = []
    monkeypatch.setattr("mockpbx.adapters.store.file.Presence", lambda file: locks.append(Presence(file)) or locks[-1])
    killed = await SqliteStore.open(tmp_path / "calls.db")
    killed.keep("w", a_record("alive", cause=127))
    killed.keep("w", a_record("ended", cause=17))
    await killed.issue("w", a_record("issued"), 0)
    locks[0].leave()  # as the kernel does for a process that is gone
    heir = await SqliteStore.open(tmp_path / "calls.db")
    assert sorted(await sessions(heir)) == ["alive", "ended", "issued"]
    assert [(await heir.find("w", name)).record.cause for name in ("alive", "ended")] == [127, 17]
    await heir.close()
    again = await SqliteStore.open(tmp_path / "calls.db")
    assert len(await sessions(again)) == 3
    await again.close()
    await killed.close()


async def test_a_killed_emulators_calls_have_lived_until_they_were_last_seen_alive(tmp_path, monkeypatch):
    locks = []
    monkeypatch.setattr("mockpbx.adapters.store.file.Presence", lambda file: locks.append(Presence(file)) or locks[-1])
    killed = await SqliteStore.open(tmp_path / "calls.db")
    for workspace, name in (("w", "alive"), ("w", "not seen"), ("other", "alive")):
        killed.keep(workspace, a_record(name, cause=127, talked=3_000))
    killed.live_until("w", ["alive", "unknown"], 65_000)
    await killed.issue("w", a_record("issued"), 0)
    killed.live_until("w", ["alive"], 64_000)  # never back
    await killed.issue("w", a_record("issued later"), 0)
    locks[0].leave()
    heir = await SqliteStore.open(tmp_path / "calls.db")
    assert (await heir.find("w", "alive")).record.ended_at == 65_000
    assert (await heir.find("w", "not seen")).record.ended_at == 5_000
    assert (await heir.find("other", "alive")).record.ended_at == 5_000
    await heir.close()
    await killed.close()


async def test_an_emulator_that_lives_keeps_its_calls_when_another_opens_the_file(tmp_path):
    one = await SqliteStore.open(tmp_path / "calls.db")
    one.keep("w", a_record("alive"))
    await one.issue("w", a_record("ended"), 0)
    other = await SqliteStore.open(tmp_path / "calls.db")
    assert await sessions(other) == ["ended"]
    await other.close()
    await one.close()


async def test_no_token_is_in_the_file(serve, http, tmp_path):
    pbx = await serve(database=tmp_path / "calls.db", token=("s3cret-token",))
    body = {"json": {"phoneNumber": "089608675796"}, "headers": {"Authorization": "Bearer s3cret-token"}}
    async with http.post(pbx.url + "/pbx/call", **body) as reply:
        assert reply.status == 200
    await pbx.stop()
    files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"089608675796" in files
    assert b"s3cret" not in files


async def test_a_file_of_another_format_is_refused_and_left_alone(tmp_path):
    file = tmp_path / "calls.db"
    with contextlib.closing(sqlite3.connect(file)) as other:
        other.execute("PRAGMA user_version = 99")
    with pytest.raises(ConfigurationError, match="its format is 99, this mockpbx reads format 1"):
        await SqliteStore.open(file)


async def test_a_file_that_another_process_locks_costs_time_and_no_record(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("mockpbx.adapters.store.file.BUSY_TIMEOUT", 0.01)
    monkeypatch.setattr("mockpbx.adapters.store.writer.RETRY", 0.01)
    store = await SqliteStore.open(tmp_path / "calls.db")
    with contextlib.closing(sqlite3.connect(tmp_path / "calls.db", isolation_level=None)) as bully:
        bully.execute("BEGIN IMMEDIATE")
        issuing = asyncio.ensure_future(store.issue("w", a_record("s"), 0))
        while "locked" not in caplog.text:
            await asyncio.sleep(0)
        assert not issuing.done()
        assert await sessions(store) == []
        bully.execute("ROLLBACK")
    await issuing
    assert await sessions(store) == ["s"]
    await store.close()


async def test_closing_gives_up_on_a_file_that_stays_locked_and_says_so(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("mockpbx.adapters.store.file.BUSY_TIMEOUT", 0.01)
    store = await SqliteStore.open(tmp_path / "calls.db")
    with contextlib.closing(sqlite3.connect(tmp_path / "calls.db", isolation_level=None)) as bully:
        bully.execute("BEGIN IMMEDIATE")
        issuing = asyncio.ensure_future(store.issue("w", a_record("s"), 0))
        await asyncio.sleep(0)
        await store.close()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            await issuing
    assert "the database did not take 2 changes: database is locked" in caplog.text


NUMBERS = ["0812", "08%2", "08_2", "0855", "081234"]
CONDITIONS = st.builds(
    Condition, st.sampled_from(["=", ">", ">=", "<", "<="]), st.sampled_from([0.0, 1.0, 1.5, 2.0, 9e9]), st.booleans()
)
TEXTS = st.builds(
    Condition, st.sampled_from(["=", "contains"]), st.sampled_from([*NUMBERS, "%", "_", "", "'"]), st.booleans()
)
FILTERS = st.tuples(
    st.one_of(st.just(()), st.tuples(st.just("destination"), st.lists(TEXTS, min_size=1, max_size=3).map(tuple))),
    st.one_of(
        st.just(()), st.tuples(st.just("billableSeconds"), st.lists(CONDITIONS, min_size=1, max_size=3).map(tuple))
    ),
)

MEANING = {
    "=": lambda a, b: a == b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    "contains": lambda a, b: b in a,
}


def matches(value: object, conditions: tuple[Condition, ...]) -> bool:
    """AND binds tighter than OR, as in SQL."""
    groups = [[conditions[0]]]
    for condition in conditions[1:]:
        if condition.either:
            groups.append([])
        groups[-1].append(condition)
    return any(all(MEANING[c.operator](value, c.value) for c in group) for group in groups)


@settings(max_examples=60, deadline=None)
@given(FILTERS, st.integers(1, 4), st.integers(0, 7), st.booleans())
def test_every_filter_means_what_a_plain_reading_of_the_rows_means(filters, page, limit, ascending):
    filters = tuple(found for found in filters if found)

    async def ask():
        store = await SqliteStore.open(":memory:")
        rows = [
            StoredRecord(a_record(f"{number}/{talked}", number, talked * 1_000), 0)
            for number in NUMBERS
            for talked in range(4)
        ]
        await store.add_history("w", rows)
        answer = await store.page("w", RecordQuery(page, limit, ascending, filters))
        await store.close()
        return rows, answer

    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        rows, answer = runner.run(ask())
    value = {"destination": lambda r: r.destination, "billableSeconds": lambda r: r.billable_seconds}
    expected = [row for row in rows if all(matches(value[name](row.record), found) for name, found in filters)]
    ordered = expected if ascending else expected[::-1]
    assert answer.total == len(expected)
    assert answer.rows == ordered[(page - 1) * limit : page * limit]
