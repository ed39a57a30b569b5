"""The judge is judged by what it must catch and what it must leave alone; tests/tools/judge.py tries all of it."""

import asyncio

from conformance.caught import CAUGHT_BY, EQUIVALENT, LEFT, LEGAL, SHOWN_WITH
from tools.judge import Case, Judged, cases, judge

from mockpbx.conformance.checks import CHECKS
from mockpbx.runtime.mutants.table import MUTANTS
from mockpbx.runtime.settings import ServerSettings, WorkspaceSettings

#: Servers that are judged at once: with more, a checker on two processors is too late itself to be sure.
AT_A_TIME = 4
#: How often a verdict is asked for before it must be there: a busy machine leaves a checker in doubt now and then.
TRIES = 5
IDS = {check.id for check in CHECKS}

#: One breach of each kind, and the cheapest to try.
SAMPLE = (
    "mutant post-201",
    "mutant errors-as-200",
    "mutant any-socket-token-accepted",
    "mutant join-always-succeeds",
    "mutant ringing-skipped",
    "mutant frames-of-160-bytes",
    "mutant ack-error-null",
    "mutant checkpoint-early",
    "mutant client-audio-as-alaw",
    "mutant checkpoint-survives-interruption",
    "mutant client-digit-mistaken",
    "mutant hangup-late",
    "mutant duration-in-milliseconds",
    "mutant filter-ignored",
    "legal as-it-is",
)


def test_every_mutant_has_a_check_that_names_it_or_a_reason_why_it_breaks_nothing():
    assert set(CAUGHT_BY) | set(EQUIVALENT) == set(MUTANTS)
    assert not set(CAUGHT_BY) & set(EQUIVALENT)
    named = {*CAUGHT_BY.values(), *(id for ids in SHOWN_WITH.values() for id in ids)}
    assert named | {id for each in LEFT for id in each.must_fail} <= IDS


def test_every_check_has_an_id_of_its_own():
    assert len(IDS) == len(CHECKS)


def test_every_switch_that_leaves_the_contract_is_to_be_caught():
    leaves = {
        name
        for model in (ServerSettings, WorkspaceSettings)
        for name, field in model.model_fields.items()
        if "leaves the contract" in (field.description or "")
    }
    assert leaves == {name for each in LEFT for name in each.settings}
    assert not leaves & {name for each in LEGAL for name in each.settings}


async def test_a_sample_of_breaches_is_caught_and_the_unbroken_service_is_not_blamed():
    chosen: list[Case] = [case for case in cases(everything=False) if case.name in SAMPLE]
    assert len(chosen) == len(SAMPLE)
    few = asyncio.Semaphore(AT_A_TIME)

    async def in_turn(case: Case) -> Judged:
        async with few:
            for _ in range(TRIES):
                judged = await judge(case)
                if judged.right or not set(case.must_fail) & set(judged.inconclusive):
                    break
            return judged

    # The longest first: the others fit beside it.
    judged = await asyncio.gather(*map(in_turn, reversed(chosen)))
    assert [f"{each.name}: {each.what}" for each in judged if not each.right] == []
