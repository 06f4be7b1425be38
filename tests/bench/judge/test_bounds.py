from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.judge.bounds import EXPLAINS, Bound, Shares, judge_bound

SHARE = st.none() | st.floats(0.0, 2.0)


@pytest.mark.parametrize(
    ("dispatch", "compute", "memory", "bound"),
    [
        (0.9, 0.01, 0.0, Bound.DISPATCH),
        (0.5, 0.01, 0.0, Bound.DISPATCH),
        (0.1, 0.5, 0.0, Bound.COMPUTE),
        (0.1, 0.2, 0.7, Bound.MEMORY),
        (0.0, 0.49, 0.49, Bound.LATENCY),
        (0.0, 0.0, 0.0, Bound.LATENCY),
        # noise can make two causes take more than half of a step each: the larger one is it
        (0.6, 0.7, 0.0, Bound.COMPUTE),
        # what is known and explains a step is enough
        (0.9, None, None, Bound.DISPATCH),
        (None, 0.6, 0.0, Bound.COMPUTE),
        (None, None, 0.6, Bound.MEMORY),
        # that nothing explains it can only be said where all is known
        (None, 0.1, 0.0, None),
        (0.1, None, 0.0, None),
        (0.1, 0.1, None, None),
        (None, None, None, None),
    ],
)
def test_a_step_is_held_up_by_what_takes_half_of_it_by_itself(
    dispatch: float | None, compute: float | None, memory: float | None, bound: Bound | None
) -> None:
    assert judge_bound(Shares(dispatch, compute, memory)) is bound


@given(st.builds(Shares, SHARE, SHARE, SHARE))
def test_no_cause_is_named_that_does_not_explain_a_step(shares: Shares) -> None:
    named = {Bound.DISPATCH: shares.dispatch, Bound.COMPUTE: shares.compute, Bound.MEMORY: shares.memory}
    bound = judge_bound(shares)
    known = [share for share in named.values() if share is not None]
    if bound in named:
        assert named[bound] == max(known) >= EXPLAINS
    else:
        assert max(known, default=0.0) < EXPLAINS
        assert (bound is Bound.LATENCY) == (len(known) == 3)
