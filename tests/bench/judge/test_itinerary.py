"""Where a sweep goes next."""

from __future__ import annotations

from bench.judge.itinerary import MAX_MEMBERS, Visit, choose_visits, list_groups
from bench.judge.sweep import judge_sweep, list_pairs, work_of
from bench.records.sweep import Sweep, SweepRecord, assemble_sweep
from tests.bench.runs import make_case
from tests.bench.sweeps import make_info, make_lost, make_plan, make_records, make_sweep, make_timed

PLAN = make_plan(("batch_size", (1, 100, 10_000)))
COSTS = ((100e-6, 100e-9), (300e-6, 50e-9))


def assemble(*records: SweepRecord) -> Sweep:
    return assemble_sweep(make_info(PLAN), records)


def go(sweep: Sweep) -> Visit | None:
    return next(iter(choose_visits(sweep, lambda together: len(together) == 1)), None)


def values_of(visit: Visit | None) -> set[int]:
    return set() if visit is None else {values[0] for _, values in visit.members}


def test_it_begins_with_the_smallest_for_all_curves_together() -> None:
    assert go(assemble()) == Visit(((0, (1,)), (1, (1,))))


def test_every_value_is_visited_once_before_any_is_twice() -> None:
    once = make_records(COSTS, [(1,), (100,)], 1, 0.0)
    assert values_of(go(assemble(*once))) == {10_000}


def test_what_can_not_be_afforded_is_passed_over() -> None:
    (visit,) = choose_visits(assemble(), lambda together: values_of(together[-1]) == {100})
    assert values_of(visit) == {100}
    assert choose_visits(assemble(), lambda _together: False) == []


def test_visits_are_prepared_together_as_far_as_workers_may_be_alive_and_share_no_point() -> None:
    plan = make_plan(("batch_size", (1, 10, 100, 1_000, 10_000)))
    first = choose_visits(assemble_sweep(make_info(plan), ()), lambda _together: True)
    assert [values_of(visit) for visit in first] == [{1}, {10}, {100}, {1_000}]
    assert sum(len(visit.members) for visit in first) == MAX_MEMBERS
    once = make_records(COSTS, [(1,), (10,), (100,), (1_000,)], 1, 0.0)
    values = [
        values_of(visit) for visit in choose_visits(assemble_sweep(make_info(plan), once), lambda _together: True)
    ]
    assert values[0] == {10_000}
    assert len(set.union(*values)) == len(values) == 4


def test_no_crossing_is_searched_before_every_value_has_been_visited() -> None:
    records = make_records(COSTS, [(1,), (100,)], 2, 0.0) + make_records(COSTS, [(10_000,)], 1, 0.0)
    (last,) = choose_visits(assemble(*records), lambda _together: True)
    assert values_of(last) == {10_000}
    assert not last.is_refining


def test_a_curve_that_did_not_fit_is_not_tried_any_larger_and_the_other_is() -> None:
    once = make_records(COSTS, [(1,)], 1, 0.0)
    sweep = assemble(*once, make_lost(0, (100,)))
    assert go(sweep) == Visit(((1, (100,)),))
    assert go(assemble(*once, make_lost(0, (100,), kind="failed"), make_timed(1, 1, (100,)))) == Visit(
        ((0, (10_000,)), (1, (10_000,)))
    )


def test_after_the_grid_it_goes_to_where_two_curves_cross() -> None:
    chosen = go(make_sweep(COSTS, (1, 100, 10_000)))
    assert chosen == Visit(((0, (1_000,)), (1, (1_000,))), is_refining=True)


def test_when_all_is_known_it_ends() -> None:
    assert go(make_sweep(((100e-6, 100e-9), (300e-6, 300e-9)), (1, 100, 10_000))) is None


def test_of_three_curves_only_the_two_that_cross_are_measured_there() -> None:
    curves = (make_case("eager"), make_case("reference"), make_case("compiled-model"))
    sweep = make_sweep((*COSTS, (900e-6, 900e-9)), (1, 100, 10_000), curves=curves)
    chosen = go(sweep)
    assert chosen is not None
    assert [curve for curve, _ in chosen.members] == [0, 1]


def test_thread_counts_of_all_curves_take_turns_where_so_many_may_be_alive() -> None:
    (group,) = list_groups(make_plan(("threads", (1, 2, 4))))
    assert group == tuple((curve, (count,)) for curve in range(2) for count in (1, 2, 4))


def test_of_more_counts_each_is_held_against_the_least() -> None:
    groups = list_groups(make_plan(("threads", tuple(range(1, 17)))))
    assert all(len(group) <= MAX_MEMBERS for group in groups)
    assert all(group[0][1] == (1,) for group in groups)
    assert {member for group in groups for member in group} == {(c, (n,)) for c in range(2) for n in range(1, 17)}


def test_a_second_axis_makes_families_that_cross_each_by_itself() -> None:
    plan = make_plan(("batch_size", (1, 100, 10_000)), ("hidden", (16, 64)))
    points = [(value, width) for width in (16, 64) for value in (1, 100, 10_000)]
    timed = make_records(COSTS, points, 2, 0.001)
    result = judge_sweep(assemble_sweep(make_info(plan), timed))
    assert [pairing.family for pairing in result.pairings] == [(16,), (64,)]
    for pairing in result.pairings:
        (crossing,) = pairing.encounter.crossings
        assert crossing.low < 4_000 < crossing.high


def test_the_work_of_a_step_is_what_grows_along_the_axis() -> None:
    def work(name: str, value: int) -> float | None:
        plan = make_plan((name, (value,)))
        count = work_of(plan)
        return None if count is None else count(plan.case_at(0, (value,)))

    assert work("batch_size", 6_400) == 6_400
    assert work("hidden", 16) == 100 * 472
    assert work("depth", 5) == 5
    assert work("threads", 2) is None
    assert work("num_samples", 2_000) is None


def test_only_what_took_turns_is_compared() -> None:
    alone = [make_timed(0, 0, (100,)), make_timed(1, 1, (100,))]
    assert list_pairs(alone, 0, 1, ()) == []
    (pair,) = list_pairs([*alone, make_timed(1, 0, (100,), 0.002)], 0, 1, ())
    assert (pair.value, len(pair.differences)) == (100, 1)


def test_what_the_budget_left_out_is_named() -> None:
    sweep = assemble(*make_records(COSTS, [(1,)], 2, 0.0), make_lost(0, (100,)))
    assert judge_sweep(sweep).not_reached == ((1, (100,)), (1, (10_000,)))
