"""Pages and filters of GET /cdr."""

from itertools import permutations

import pytest
from conformance.ledger import OURS, Ledger, met, row, visited
from conformance.talk import outcomes
from hypothesis import given
from hypothesis import strategies as st

from mockpbx.conformance.check import Outcome
from mockpbx.conformance.checks import pages, requests
from mockpbx.conformance.runner import judged

FILTERS = {check.id for check in pages.CHECKS if check.id.startswith("filter")}
OF_DURATION = {id for id in FILTERS if "duration" in id}


async def judge(ledger: Ledger) -> dict[str, str]:
    return outcomes(await visited(ledger), pages)


async def failing(ledger: Ledger) -> set[str]:
    return {id for id, outcome in (await judge(ledger)).items() if outcome == "failed"}


def of_meta(**fields):
    return lambda body: body | {"meta": body["meta"] | fields}


def as_text(name):
    return lambda body: of_meta(**{name: str(body["meta"][name])})(body)


# --- servers that are right -------------------------------------------------------------------------------------------


async def test_a_right_server_passes():
    assert await judge(Ledger()) == {}


@pytest.mark.parametrize("most", [2, 3, 1_000])
async def test_how_many_records_a_page_may_have_is_the_servers_business(most):
    assert await failing(Ledger(most=most)) == set()


async def test_a_page_may_hold_one_record_at_most():
    assert await judge(Ledger(most=1)) == {"pages-partition": "inconclusive"}


async def test_a_long_list_of_others_is_not_read_to_its_end():
    ledger = Ledger([*(row(place - 500, 7, 4, f"0812{place:06}") for place in range(400)), *OURS])
    assert await judge(ledger) == {}
    assert ledger.asked < 90


async def test_records_that_come_in_meanwhile_fail_nothing():
    found = await judge(Ledger(grows=lambda asked: row(100 + asked, asked % 30, asked % 20, f"0813{asked:06}")))
    assert "failed" not in found.values()


async def test_a_list_of_nobody_else_s_records_is_paged_by_our_number():
    grows = Ledger(grows=lambda asked: row(100 + asked, 3, 2, f"0813{asked:06}"))
    assert "pages-partition" not in await judge(grows)


async def test_a_list_that_never_stands_still_is_not_judged_by_its_pages():
    found = await judge(Ledger(grows=lambda asked: row(100 + asked, asked % 30, asked % 20)))
    assert "failed" not in found.values()
    assert {found[id] for id in ("pages-partition", "total-of-all-pages", "total-pages")} == {"inconclusive"}


async def test_records_that_nobody_answered_put_few_filters_to_the_test():
    found = await judge(Ledger([row(1, 0, None), row(2, 0, None)]))
    assert "failed" not in found.values()
    assert found["filter-duration-gt"] == found["filter-billable-seconds-gt"] == "inconclusive"


async def test_an_empty_list_tells_nothing():
    run = await visited(Ledger([]))
    assert set(outcomes(run, pages).values()) == {"inconclusive"}


async def test_a_list_may_show_calls_that_go_on():
    live = row(9, 0, None) | {"endTime": None, "duration": None, "createdAt": None}
    assert "failed" not in (await judge(Ledger([*OURS, live]))).values()


# --- pages ------------------------------------------------------------------------------------------------------------

PAGES = {
    "from 0": ({"first": lambda page: page + 1}, {"pages-partition", "current-page"}),
    "page ignored": ({"first": lambda page: 1}, {"pages-partition", "current-page", "page-beyond-last-is-empty"}),
    "limit ignored": ({"limit": lambda limit: 100}, {"limit-respected", "items-per-page"}),
    "a page too long": ({"limit": lambda limit: limit + 1}, {"limit-respected", "items-per-page"}),
    "oldest first": ({"order": lambda rows: rows}, {"newest-first"}),
    "total of the page": (
        {"body": lambda body: of_meta(totalItems=len(body["data"]))(body)},
        {"total-of-all-pages"},
    ),
    "total as text": ({"body": lambda body: of_meta(totalItems=str(body["meta"]["totalItems"]))(body)}, {"meta-shape"}),
    "page as text": (
        {"body": lambda body: of_meta(currentPage=str(body["meta"]["currentPage"]))(body)},
        {"meta-shape"},
    ),
    "sorting as text": ({"body": of_meta(sortBy="id:DESC")}, {"meta-shape"}),
    "sorting as one pair": ({"body": of_meta(sortBy=["id", "DESC"])}, {"meta-shape"}),
    "pages rounded down": (
        {"body": lambda body: of_meta(totalPages=body["meta"]["totalItems"] // body["meta"]["itemsPerPage"])(body)},
        {"total-pages"},
    ),
    "one page too many": (
        {"body": lambda body: of_meta(totalPages=body["meta"]["totalPages"] + 1)(body)},
        {"total-pages"},
    ),
    "pages refused": (
        {"refused": lambda path: 500 if "page=2" in path else 200},
        {"limit-respected", "pages-partition", "current-page", "items-per-page", "total-of-all-pages", "total-pages"}
        | {"page-beyond-last-is-empty", "filter-on-every-page"},
    ),
}


@pytest.mark.parametrize("breach", PAGES)
async def test_a_breach_of_the_pages_fails_the_check_that_names_it(breach):
    change, caught = PAGES[breach]
    found = await visited(Ledger(**change))
    assert {id for id, outcome in outcomes(found, pages).items() if outcome == "failed"} == caught


async def test_meta_may_tell_more():
    assert await judge(Ledger(body=of_meta(links={"next": None}, filter={"duration": "$gte:1"}))) == {}


async def test_a_list_in_an_envelope_is_no_list():
    run = await visited(Ledger(body=lambda body: {"status": 200, "errors": "", "data": body}))
    found = outcomes(run, pages, requests)
    assert {id for id, outcome in found.items() if outcome == "failed"} == {"list-shape"}


async def test_the_records_of_others_are_ordered_by_createdAt():  # noqa: N802
    others = [row(place, 3, 2) for place in (50, 51, 52)]
    assert "newest-first" not in await judge(Ledger(others))
    assert "newest-first" in await failing(Ledger(others, order=lambda rows: rows))


async def test_records_without_createdAt_are_ordered_by_our_own_calls():  # noqa: N802
    rows = [{name: value for name, value in own.items() if name != "createdAt"} for own in OURS]
    assert "newest-first" not in await judge(Ledger(rows))
    assert await failing(Ledger(rows, order=lambda rows: rows)) == {"newest-first"}


# --- filters ----------------------------------------------------------------------------------------------------------


async def test_no_filter_passes_where_filters_have_no_effect():
    assert await failing(Ledger(keeps=lambda *_: True)) == FILTERS - {"filter-percent-encoded"}


async def test_no_filter_passes_where_nothing_is_found_by_them():
    found = await judge(Ledger(keeps=lambda *_: False))
    assert set(found) >= FILTERS


#: Which operator is taken for which: each is caught wherever it is asked.
TAKEN_FOR = list(permutations(("$eq", "$gt", "$gte", "$lt", "$lte"), 2))


@pytest.mark.parametrize("name", ["duration", "billableSeconds"])
@pytest.mark.parametrize(("asked", "instead"), TAKEN_FOR)
async def test_an_operator_that_is_taken_for_another_is_caught(name, asked, instead):
    def keeps(row, field, operator, value):
        return met(row[field], instead if (field, operator) == (name, asked) else operator, value)

    caught = await failing(Ledger(keeps=keeps))
    kebab = "duration" if name == "duration" else "billable-seconds"
    assert f"filter-{kebab}-{asked[1:]}" in caught
    together = {"filters-combine", "filter-range-on-one-field", "filter-on-every-page"}
    assert caught <= {f"filter-{kebab}-{asked[1:]}", *together}


async def test_a_busy_server_s_filters_are_judged_by_our_records():
    others = [row(place, 0, None, "0812345678") for place in range(100, 200)]
    right = Ledger([*OURS, *others])
    assert "failed" not in (await judge(right)).values()

    def keeps(row, field, asked, value):
        return met(row[field], "$lt" if (field, asked) == ("duration", "$lte") else asked, value)

    assert "filter-duration-lte" in await failing(Ledger([*OURS, *others], keeps=keeps))


@pytest.mark.parametrize(
    ("asked", "keeps", "caught"),
    [
        ("$contains", lambda found, value: found == value, "filter-destination-contains"),
        ("$contains", lambda found, value: found.startswith(value), "filter-destination-contains"),
        ("$contains", lambda found, value: found.endswith(value), "filter-destination-contains"),
        ("$contains", lambda found, value: True, "filter-destination-contains"),
        ("$eq", lambda found, value: value in found, "filter-destination-eq"),
        ("$eq", lambda found, value: found in value, "filter-destination-eq"),
    ],
)
async def test_a_destination_that_is_compared_otherwise_is_caught(asked, keeps, caught):
    def kept(row, field, operator, value):
        return (
            keeps(row[field], value)
            if (field, operator) == ("destination", asked)
            else met(row[field], operator, value)
        )

    assert caught in await failing(Ledger(keeps=kept))


async def test_a_field_that_is_compared_by_another_is_caught():
    other = {"duration": "billableSeconds", "billableSeconds": "duration", "destination": "destination"}
    caught = await failing(Ledger(keeps=lambda row, field, asked, value: met(row[other[field]], asked, value)))
    assert caught >= OF_DURATION


async def test_figures_that_are_compared_as_text_are_caught():
    def keeps(row, field, asked, value):
        return met(str(row[field]), asked, value)

    caught = await failing(Ledger([row(1, 9, 9), row(2, 10, 9), row(3, 100, 95)], keeps=keeps))
    assert {"filter-duration-gt", "filter-duration-lt"} <= caught


@pytest.mark.parametrize(
    ("together", "caught"),
    [
        (lambda some: not some or any(some), {"filters-combine", "filter-range-on-one-field"}),
        (lambda some: not some or some[0], {"filters-combine", "filter-range-on-one-field"}),
        (lambda some: not some or some[-1], {"filters-combine", "filter-range-on-one-field"}),
    ],
    ids=["any", "first", "last"],
)
async def test_filters_that_are_not_all_met_are_caught(together, caught):
    assert await failing(Ledger(together=together)) == caught


def _alone(name, beside):
    """A filter that has no effect beside another."""
    return lambda statements, page: [
        one for one in statements if one[0] != name or not {other[0] for other in statements} & beside
    ]


@pytest.mark.parametrize(
    ("name", "beside"),
    [
        ("billableSeconds", {"destination"}),
        ("billableSeconds", {"duration"}),
        ("duration", {"billableSeconds"}),
        ("destination", {"billableSeconds"}),
        ("destination", {"duration"}),
    ],
)
@pytest.mark.parametrize("most", [2, 100])
async def test_a_filter_without_effect_beside_another_is_caught(name, beside, most):
    assert "filters-combine" in await failing(Ledger(heeds=_alone(name, beside), most=most))


async def test_a_filter_that_is_dropped_from_page_2_on_is_caught():
    ledger = Ledger(heeds=lambda statements, page: statements if page < 2 else [])
    assert await failing(ledger) == {"filter-on-every-page"}


async def test_a_filter_that_every_record_meets_says_nothing_of_page_2():
    found = await judge(Ledger([row(1, 11, 8), row(2, 11, 4)], heeds=lambda some, page: some if page < 2 else []))
    assert found["filter-on-every-page"] == "inconclusive"


@pytest.mark.parametrize("most", [2, 3, 50, 100])
async def test_a_total_of_what_is_not_filtered_is_caught(most):
    assert await failing(Ledger(counts=lambda found, rows: len(rows), most=most)) == {"total-of-filtered-list"}


async def test_a_total_that_is_too_small_hides_no_record():
    """The filter is right, and its list goes on behind what the total tells."""
    ledger = Ledger(counts=lambda found, rows: len(rows) if len(found) == len(rows) else 1, most=2)
    assert await failing(ledger) == {"total-of-filtered-list"}


async def test_a_filtered_list_that_begins_with_the_oldest_is_caught():
    ledger = Ledger(finds=lambda rows, statements: rows[::-1] if statements else rows)
    assert await failing(ledger) == {"newest-first"}


async def test_a_filter_that_is_refused_is_caught():
    ledger = Ledger(refused=lambda path: 400 if "$gte" in path else 200)
    caught = await failing(ledger)
    assert caught == {"filter-duration-gte", "filter-billable-seconds-gte", "filter-range-on-one-field"}


async def test_a_spelling_with_percent_is_the_same_filter():
    ledger = Ledger(rows=[*OURS], refused=lambda path: 400 if "%24" in path else 200)
    assert await failing(ledger) == {"filter-percent-encoded"}


async def test_a_record_that_tells_a_wrong_figure_is_no_filters_fault():
    wrong = [own | {"duration": own["duration"] * 1_000} for own in OURS]
    truth = {own["sessionId"]: own for own in OURS}

    def keeps(row, field, asked, value):
        return met(truth[row["sessionId"]][field], asked, value)

    found = await judge(Ledger(wrong, keeps=keeps))
    assert "failed" not in found.values()
    assert {id for id in found if id.startswith("filter-duration")} == OF_DURATION


async def test_numbers_that_come_back_otherwise_are_no_filters_fault():
    truth = {own["sessionId"]: own for own in OURS}

    def keeps(row, field, asked, value):
        return met(truth[row["sessionId"]][field], asked, value)

    found = await judge(Ledger([own | {"destination": own["destination"][1:]} for own in OURS], keeps=keeps))
    assert "failed" not in found.values()
    assert found["filter-destination-eq"] == "inconclusive"


async def test_the_sentence_names_the_query_and_the_record():
    run = await visited(
        Ledger(keeps=lambda row, field, asked, value: met(row[field], asked.replace("$gte", "$gt"), value))
    )
    check = next(check for check in pages.CHECKS if check.id == "filter-duration-gte")
    result = judged(check, run)
    assert result.outcome is Outcome.FAILED
    assert result.got == "/cdr?limit=50&filter.duration=$gte:11 does not show a record with duration 11"
    assert [item.path for item in result.items] == ["/cdr?limit=50&filter.duration=$gte:11"]


# --- anything ---------------------------------------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("data", "meta", "sessionId", "destination", "duration", "endTime", "createdAt", "totalItems", "itemsPerPage")


@given(st.sampled_from(FIELDS), json_values)
async def test_no_shape_of_a_reply_makes_a_check_stumble(name, value):
    def change(body):
        if name in body:
            return body | {name: value}
        if name in body["meta"]:
            return of_meta(**{name: value})(body)
        return body | {"data": [row | {name: value} for row in body["data"]]}

    outcomes(await visited(Ledger(body=change)), pages, requests)
