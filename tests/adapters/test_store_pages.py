"""Pages and totals of records: whatever was added, taken back or deleted meanwhile, they are what the rows say."""

import contextlib
import operator
import sqlite3
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockpbx.adapters.store import SqliteStore, books, ledger, schema
from mockpbx.adapters.store.ledger import Ledger
from mockpbx.contract.vocabulary import Direction, Party
from mockpbx.domain.record import file_record
from mockpbx.runtime.records import Condition, RecordQuery, StoredRecord

EVERYTHING = RecordQuery(page=1, limit=100, ascending=False)
MEANING = {
    "=": operator.eq, ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le,
    "contains": operator.contains,
}  # fmt: skip


def a_record(session_id: str, destination: str = "0811234567", rung: int = 4, talked: int = 5) -> StoredRecord:
    record = file_record(
        session_id=session_id,
        destination=destination,
        direction=Direction.OUTBOUND,
        started_at=0,
        answered_at=rung * 1_000,
        ended_at=(rung + talked) * 1_000,
        by=Party.CALLEE,
        cause=16,
    )
    return StoredRecord(record, 9_000)


def field_of(row: StoredRecord, name: str) -> object:
    return row.record.billable_seconds if name == "billableSeconds" else getattr(row.record, name)


def passes(row: StoredRecord, name: str, conditions: tuple[Condition, ...]) -> bool:
    """AND binds tighter than OR, as in SQL."""
    value = field_of(row, name)
    groups: list[list[bool]] = [[]]
    for number, condition in enumerate(conditions):
        if condition.either and number:
            groups.append([])
        groups[-1].append(MEANING[condition.operator](value, condition.value))
    return any(all(group) for group in groups)


def expected(rows: list[StoredRecord], query: RecordQuery) -> tuple[list[StoredRecord], int]:
    found = [row for row in rows if all(passes(row, *one) for one in query.filters)]
    ordered = found if query.ascending else found[::-1]
    return ordered[(query.page - 1) * query.limit : query.page * query.limit], len(found)


NUMBERS = ["0812", "08%2", "08_2", "62812", "081234", "0", "081208120812", "+62", "\N{WAVE DASH}08"]
TEXTS = st.builds(
    Condition,
    st.sampled_from(["=", "contains"]),
    st.sampled_from([*NUMBERS, "", "2", "20", "12\N{WAVE DASH}", "4620", "9" * 500]),
    st.booleans(),
)
FIGURES = st.builds(
    Condition,
    st.sampled_from(["=", ">", ">=", "<", "<="]),
    st.sampled_from([-1.0, 0.0, 1.0, 1.5, 2.0, 3.0, float("inf")]),
    st.booleans(),
)


def statements(conditions):
    return st.lists(conditions, min_size=1, max_size=3).map(tuple)


FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "destination": statements(TEXTS),
        "duration": statements(FIGURES),
        "billableSeconds": statements(FIGURES),
    },
).map(lambda chosen: tuple(chosen.items()))
ADD = st.tuples(
    st.just("add"), st.lists(st.tuples(st.sampled_from(NUMBERS), st.integers(0, 2), st.integers(0, 2)), max_size=9)
)
TAKE_BACK = st.tuples(st.just("take back"), st.integers(0, 12))
PAGE = st.tuples(st.just("page"), st.builds(RecordQuery, st.integers(1, 4), st.integers(0, 5), st.booleans(), FILTERS))


@pytest.fixture(scope="module")
def small_blocks():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "BLOCK", 4)
        yield


@settings(max_examples=100, deadline=None)
@given(actions=st.lists(st.one_of(ADD, TAKE_BACK, PAGE), max_size=12), last=PAGE)
def test_a_page_is_what_a_plain_reading_of_the_rows_says_whatever_happened_before(small_blocks, actions, last):
    names = count()
    rows: list[StoredRecord] = []
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as file:
        file.executescript(schema.SCHEMA)
        book = Ledger("w")
        for action, argument in [*actions, last]:
            if action == "add":
                for number, rung, talked in argument:
                    row = a_record(str(next(names)), number, rung, talked)
                    for workspace in ("other", "w"):
                        file.execute(schema.ISSUE_RECORD, schema.record_row(workspace, row.record, row.created_at))
                    rows.append(row)
            elif action == "take back":
                rows = rows[: max(0, len(rows) - argument)]
                ids = file.execute("SELECT id FROM records WHERE workspace = 'w' ORDER BY id").fetchall()
                (kept,) = ids[len(rows) - 1] if rows else (0,)
                file.execute(schema.FORGET_NEW, ("w", kept))
            else:
                page = book.page(file, argument)
                assert (page.rows, page.total) == expected(rows, argument)


async def shown(store: SqliteStore, workspace: str = "w") -> list[str]:
    page = await store.page(workspace, EVERYTHING)
    assert page.total == len(page.rows)
    return [row.record.session_id for row in page.rows]


async def test_what_another_emulator_on_the_file_adds_and_takes_back_shows_at_once(tmp_path):
    one = await SqliteStore.open(tmp_path / "calls.db")
    await one.add_history("w", [a_record("old")])
    other = await SqliteStore.open(tmp_path / "calls.db")
    await other.add_history("w", [a_record("new"), a_record("newer")])
    assert await shown(one) == ["newer", "new", "old"]
    await other.forget_new("w")
    await one.add_history("w", [a_record("newest")])
    assert await shown(one) == await shown(other) == ["newest", "old"]
    await other.close()
    await one.close()


async def test_what_somebody_deletes_by_hand_is_not_shown(tmp_path):
    store = await SqliteStore.open(tmp_path / "calls.db")
    await store.add_history("w", [a_record(name) for name in "abc"])
    assert await shown(store) == ["c", "b", "a"]
    with contextlib.closing(sqlite3.connect(tmp_path / "calls.db", isolation_level=None)) as hand:
        hand.execute("DELETE FROM records WHERE session_id = 'b'")
    assert await shown(store) == ["c", "a"]
    await store.close()


async def test_workspaces_beyond_those_kept_in_memory_are_read_again(tmp_path, monkeypatch):
    monkeypatch.setattr(books, "MOST_LEDGERS", 2)
    store = await SqliteStore.open(tmp_path / "calls.db")
    for name in "abcd":
        await store.add_history(name, [a_record(name)])
    for name in "abcdabcd":
        assert await shown(store, name) == [name]
    await store.close()


async def test_a_filled_file_is_read_before_anybody_asks(tmp_path, monkeypatch):
    store = await SqliteStore.open(tmp_path / "calls.db", serving=False)
    for name in ("early", "late"):
        await store.add_history(name, [a_record(name)])
    await store.close()
    monkeypatch.setattr(books, "AHEAD", 1)  # the workspace with the latest record comes first, and is enough
    again = await SqliteStore.open(tmp_path / "calls.db")
    await again._reading_ahead
    assert list(again._books._ledgers) == ["late"]
    assert await shown(again, "early") == ["early"]
    await again.close()
