from itertools import product

import pytest

from mockpbx.contract.vocabulary import Direction
from mockpbx.domain.call import TRANSITIONS, Call, IllegalMove, Move, State


def a_call(state: State = State.CREATED) -> Call:
    return Call("s", "0811234567", Direction.OUTBOUND, placed_at=0, state=state)


def test_a_call_that_is_answered_goes_through_every_stage_and_keeps_the_times():
    call = a_call()
    for now, move in enumerate([Move.DIAL, Move.RING, Move.ANSWER, Move.END], start=1):
        call.make(move, now * 1000)
    assert call.state is State.ENDED
    assert (call.started_at, call.answered_at, call.ended_at) == (1000, 3000, 4000)


@pytest.mark.parametrize(("state", "move"), sorted(set(product(State, Move)) - set(TRANSITIONS), key=str))
def test_an_illegal_move_raises_and_changes_nothing(state: State, move: Move):
    call, untouched = a_call(state), a_call(state)
    with pytest.raises(IllegalMove, match=f"{state.name} cannot {move.name}"):
        call.make(move, 1)
    assert call == untouched


def test_every_state_but_the_last_can_end_and_nothing_leaves_the_end():
    assert {state for state, move in TRANSITIONS if move is Move.END} == set(State) - {State.ENDED}
    assert State.ENDED not in {state for state, _ in TRANSITIONS}
