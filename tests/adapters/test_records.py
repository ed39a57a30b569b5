"""`GET /cdr` and `GET /cdr/{sessionId}`: the dialect of nestjs-paginate, case by case."""

import pytest
from conftest import Api

from mockpbx.adapters.store import SqliteStore
from mockpbx.contract.vocabulary import Direction, Party
from mockpbx.domain.record import file_record
from mockpbx.runtime.records import StoredRecord
from mockpbx.runtime.switchboard import workspace_key

START = 1_753_241_876_700  # 2025-07-23T03:37:56.700Z

#: number: (destination, seconds of ringing, seconds of talk or None)
CALLS = [
    ("081200000001", 4, 10),
    ("081200000002", 4, 30),
    ("085500000003", 20, None),
    ("0812%_000004", 4, 60),
    ("089900000005", 4, 300),
]


def history() -> list[StoredRecord]:
    rows = []
    for number, (destination, rung, talked) in enumerate(CALLS, start=1):
        answered = None if talked is None else START + rung * 1000
        ended = START + (rung + (talked or 0)) * 1000
        record = file_record(
            session_id=f"s{number}",
            destination=destination,
            direction=Direction.OUTBOUND,
            started_at=START,
            answered_at=answered,
            ended_at=ended,
            by=Party.CALLEE if answered else None,
            cause=16 if answered else 19,
        )
        rows.append(StoredRecord(record, ended + 2_000))
    return rows


@pytest.fixture
async def filled(tmp_path):
    database = tmp_path / "calls.db"
    store = await SqliteStore.open(database, serving=False)
    await store.add_history(workspace_key("dev"), history())
    await store.close()
    return database


@pytest.fixture
async def api(serve, http, filled) -> Api:
    return Api(http, (await serve(database=filled)).url)


async def listed(api: Api, query: str) -> tuple[list[str], dict]:
    status, reply = await api.get(f"/cdr?{query}")
    assert status == 200, reply
    assert list(reply) == ["data", "meta"]
    return [row["sessionId"] for row in reply["data"]], reply["meta"]


ALL = ["s5", "s4", "s3", "s2", "s1"]
META = {"itemsPerPage": 100, "totalItems": 5, "currentPage": 1, "totalPages": 1, "sortBy": [["id", "DESC"]]}


async def test_rows_come_newest_first_without_id_and_in_the_contracts_shape(api):
    sessions, meta = await listed(api, "")
    assert sessions == ALL
    assert meta == META
    assert list(meta) == ["itemsPerPage", "totalItems", "currentPage", "totalPages", "sortBy"]
    _, reply = await api.get("/cdr")
    assert reply["data"][2] == {
        "sessionId": "s3",
        "destination": "085500000003",
        "startTime": "2025-07-23T03:37:56.000Z",
        "answerTime": None,
        "endTime": "2025-07-23T03:38:16.000Z",
        "duration": 20,
        "billableSeconds": 0,
        "disposition": "NO ANSWER",
        "hangupBy": None,
        "hangupCauseCode": 19,
        "hangupCauseText": "Destination not answering",
        "createdAt": "2025-07-23T03:38:18.000Z",
        "updatedAt": "2025-07-23T03:38:18.000Z",
    }
    assert await api.get("/cdr/s3") == (200, {"status": 200, "errors": "", "data": reply["data"][2]})


@pytest.mark.parametrize(
    ("query", "sessions", "changed"),
    [
        ("limit=2", ALL[:2], {"itemsPerPage": 2, "totalPages": 3}),
        ("limit=2&page=3", ALL[4:], {"itemsPerPage": 2, "totalPages": 3, "currentPage": 3}),
        ("limit=1000", ALL, {}),
        ("limit=", ALL, {}),
        ("page=", ALL, {}),
        ("page=0", ALL, {}),
        ("page=-3", ALL, {}),
        ("page=1.9&limit=2x", ALL[:2], {"itemsPerPage": 2, "totalPages": 3}),
        ("limit=1e3", ALL[:1], {"itemsPerPage": 1, "totalPages": 5}),
        ("page=2abc&limit=2", ALL[2:4], {"itemsPerPage": 2, "totalPages": 3, "currentPage": 2}),
        ("limit=0", [], {"itemsPerPage": 5}),
        ("limit=-1", ALL, {}),
        ("page=7", [], {"currentPage": 7}),
        (
            "page=99999999999999999999&limit=2",
            [],
            {"currentPage": 99999999999999999999, "itemsPerPage": 2, "totalPages": 3},
        ),
        ("sortBy=id:ASC", ALL[::-1], {"sortBy": [["id", "ASC"]]}),
        ("sortBy=id:DESC", ALL, {}),
        ("sortBy=duration:ASC", ALL, {}),
        ("sortBy=id:asc", ALL, {}),
        ("sortBy=id", ALL, {}),
        ("search=0812", ALL, {"search": "0812", "searchBy": []}),
        ("select=destination", ALL, {}),
        ("nonsense=1&filter=x", ALL, {}),
    ],
)
async def test_pages_and_sorting(api, query, sessions, changed):
    assert await listed(api, query) == (sessions, META | changed)


@pytest.mark.parametrize("query", ["page=abc", "limit=abc", "limit=-2", "limit=x1", "page=.5"])
async def test_a_page_or_limit_that_is_no_number_is_400(api, query):
    status, reply = await api.get(f"/cdr?{query}")
    assert (status, reply["status"], reply["data"]) == (400, 400, None)
    assert query.split("=")[0] in reply["errors"]


@pytest.mark.parametrize(
    ("query", "sessions"),
    [
        # every operator of every field
        ("filter.destination=$eq:081200000001", ["s1"]),
        ("filter.destination=081200000001", ["s1"]),
        ("filter.destination=$contains:0812", ["s4", "s2", "s1"]),
        ("filter.destination=$contains:%25_", ["s4"]),
        ("filter.destination=$contains:", ALL),
        ("filter.duration=$eq:14", ["s1"]),
        ("filter.duration=14", ["s1"]),
        ("filter.duration=$gt:34", ["s5", "s4"]),
        ("filter.duration=$gte:34", ["s5", "s4", "s2"]),
        ("filter.duration=$lt:20", ["s1"]),
        ("filter.duration=$lte:20", ["s3", "s1"]),
        ("filter.billableSeconds=$eq:0", ["s3"]),
        ("filter.billableSeconds=$gt:30", ["s5", "s4"]),
        ("filter.billableSeconds=$gte:30", ["s5", "s4", "s2"]),
        ("filter.billableSeconds=$lt:30", ["s3", "s1"]),
        ("filter.billableSeconds=$lte:30", ["s3", "s2", "s1"]),
        # numbers
        ("filter.duration=$gte:34.0", ["s5", "s4", "s2"]),
        ("filter.duration=$gt:33.5", ["s5", "s4", "s2"]),
        ("filter.duration=$lt:1e2", ["s4", "s3", "s2", "s1"]),
        # combinations
        ("filter.duration=$gte:20&filter.duration=$lte:64", ["s4", "s3", "s2"]),
        ("filter.duration=$or:$eq:14&filter.duration=$or:$eq:20", ["s3", "s1"]),
        ("filter.duration=$eq:14&filter.duration=$or:$eq:20", ["s3", "s1"]),
        ("filter.duration=$or:14&filter.duration=$or:20&filter.destination=$contains:0812", ["s1"]),
        ("filter.destination=$contains:0812&filter.duration=$gte:30", ["s4", "s2"]),
        # encoded keys and values
        ("filter%2Edestination=%24contains%3A0855", ["s3"]),
        # dropped statements show all rows
        ("filter.disposition=ANSWERED", ALL),
        ("filter.destination=$gt:1", ALL),
        ("filter.destination=$in:081200000001", ALL),
        ("filter.destination=$not:$eq:081200000001", ALL),
        ("filter.duration=$btw:1,2", ALL),
        ("filter.duration=$null", ALL),
        ("filter.duration=$contains:1&filter.duration=$gt:34", ["s5", "s4"]),
        # unknown operators are part of the value
        ("filter.destination=$GTE:1", []),
        ("filter.destination=$like:0812", []),
        ("filter.destination=$eq:a:b", []),
        ("filter.destination=$eq:", []),
        # not this dialect
        ("filter[duration]=14", ALL),
        ("filter.duration[]=14", ALL),
    ],
)
async def test_filters(api, query, sessions):
    found, meta = await listed(api, query)
    assert found == sessions
    assert meta["totalItems"] == len(sessions)
    assert meta["totalPages"] == (1 if sessions else 0)


@pytest.mark.parametrize(
    ("query", "echo"),
    [
        ("filter.duration=$gte:30", {"duration": "$gte:30"}),
        ("filter.duration=$gte:30&filter.duration=$lte:60", {"duration": ["$gte:30", "$lte:60"]}),
        ("filter.colour=red", {"colour": "red"}),
        ("filter.destination=$in:1", {"destination": "$in:1"}),
    ],
)
async def test_meta_echoes_every_filter_last(api, query, echo):
    _, meta = await listed(api, query)
    assert meta["filter"] == echo
    assert list(meta)[-1] == "filter"


@pytest.mark.parametrize("value", ["abc", "", "$gte:", "$gte:abc", "$GTE:1", "$gte:1:2", "$like:1", "Infinity", "NaN"])
@pytest.mark.parametrize("field", ["duration", "billableSeconds"])
async def test_a_number_field_with_a_value_that_is_no_number_is_400(api, field, value):
    status, reply = await api.get(f"/cdr?filter.{field}={value}")
    assert (status, reply["data"]) == (400, None)
    assert reply["errors"].startswith(f"filter.{field} must be a number")


async def test_without_any_rows_there_are_no_pages(api):
    api.headers = {"Authorization": "Bearer somebody-else"}
    assert await listed(api, "") == ([], META | {"totalItems": 0, "totalPages": 0})
    assert await listed(api, "limit=0") == ([], META | {"totalItems": 0, "totalPages": 0, "itemsPerPage": 0})
    assert (await api.get("/cdr/s3"))[0] == 404


async def test_limits_links_and_cause_names_are_switches(serve, http, filled):
    pbx = await serve(database=filled, page_limit=2, page_limit_max=3, page_links=True, cause_text="asterisk")
    api = Api(http, pbx.url)
    _, reply = await api.get("/cdr?page=2")
    assert reply["meta"]["itemsPerPage"] == 2
    base = f"{pbx.url}/cdr?page={{}}&limit=2&sortBy=id:DESC"
    assert reply["links"] == {
        "first": base.format(1),
        "previous": base.format(1),
        "current": base.format(2),
        "next": base.format(3),
        "last": base.format(3),
    }
    assert reply["data"][0]["hangupCauseText"] == "User alerting, no answer"
    _, reply = await api.get("/cdr?limit=50")
    assert reply["meta"]["itemsPerPage"] == 3
