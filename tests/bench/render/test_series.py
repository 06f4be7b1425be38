"""What goes out as a bare number: what may be ranked, under a name that no other machine shares."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.errors import IncompleteError, UsageError
from bench.records.case import Case
from bench.records.collection import Collection
from bench.records.environment import Environment
from bench.records.foreign import read_foreign
from bench.records.run import Run
from bench.records.stored import Stored
from bench.render.series import list_left_out, list_points
from tests.bench.races import make_race
from tests.bench.records.test_foreign import HYPERFINE
from tests.bench.render.test_report import HOSTILE, make_golden_run
from tests.bench.runs import make_case, make_run, make_training
from tests.bench.sides import EAGER, REFERENCE, make_environment, make_measured

CUDA = make_case("eager", device="cuda:0")


def make_collection(*runs: Run) -> Collection:
    return Collection(tuple(Stored(Path(f"run{place}"), str(place), run) for place, run in enumerate(runs)), (), {})


def name_of(case: Case, environment: Environment | None) -> str:
    (point,) = list_points(make_collection(make_measured({case: 1.0}, environment=environment)))
    return point.name


def test_only_what_may_be_ranked_goes_out_and_the_rest_is_told_of() -> None:
    collection = make_collection(make_golden_run(is_complete=True))
    assert [point.result.case.name for point in list_points(collection)] == [
        "cpu/reference/manual",
        "cpu/reference/dataloader",
    ]
    told = list_left_out(collection)
    assert [each.partition(" is left out: ")[0] for each in told] == [
        "run0: cpu/eager/manual",
        "run0: cpu/reference/manual/bf16",
        "run0: cpu/reference/manual/fp16",
        "run0: cuda:0/eager/manual",
    ]
    reasons = [each.partition(" is left out: ")[2].partition(":")[0] for each in told]
    assert reasons == ["INVALID", "DIFFERENT", "UNDECIDED", "failed"]


def test_of_a_run_that_was_stopped_nothing_goes_out() -> None:
    collection = make_collection(make_golden_run(), make_measured({EAGER: 1.0}))
    assert [point.stored.path for point in list_points(collection)] == [Path("run1")]
    assert list_left_out(collection) == ["run0 is left out: the run was stopped before its end"]


def test_races_and_what_others_measured_do_not_go_out() -> None:
    runs = make_collection(make_measured({EAGER: 1.0}))
    race = Stored(Path("race"), "content", make_race([0.0]))
    collection = Collection(runs.runs, (race,), {}, (read_foreign(HYPERFINE),))
    assert len(list_points(collection)) == 1
    told = list_left_out(collection)
    assert [each.partition(" is left out: ")[0] for each in told] == ["race", str(HYPERFINE)]
    assert told[1].endswith("it was measured by hyperfine")


def test_where_nothing_may_go_out_there_is_an_error_and_no_empty_file() -> None:
    with pytest.raises(IncompleteError, match="1, is left out"):
        list_points(make_collection(make_golden_run()))


def test_a_name_is_that_of_the_case_and_of_the_machine() -> None:
    assert name_of(EAGER, make_environment()) == "cpu/eager/manual on Example CPU"
    assert name_of(CUDA, make_environment()) == "cuda:0/eager/manual on Example GPU, Example CPU"
    unnamed = make_environment({"cpu_model": None}, host_name="box")
    assert name_of(EAGER, unnamed) == "cpu/eager/manual on box"


def test_a_name_does_not_change_with_what_it_goes_out_with() -> None:
    other = make_environment({"cpu_model": "Other CPU"})
    runs = make_measured({EAGER: 1.0}), make_measured({EAGER: 1.0}, environment=other)
    together = [point.name for point in list_points(make_collection(*runs))]
    assert together == [name_of(EAGER, make_environment()), name_of(EAGER, other)]
    assert len(set(together)) == 2


@pytest.mark.parametrize("environment", [None, make_environment({"cpu_model": None})])
def test_where_nothing_tells_the_machine_nothing_goes_out(environment: Environment | None) -> None:
    collection = make_collection(make_measured({EAGER: 1.0}, environment=environment))
    assert list_left_out(collection) == [
        "run0: cpu/eager/manual is left out: nothing says which machine it was measured on"
    ]
    with pytest.raises(IncompleteError):
        list_points(collection)


def test_two_runs_of_one_machine_are_not_one_point() -> None:
    with pytest.raises(UsageError, match="run0 and run1 both have cpu/eager/manual on Example CPU"):
        list_points(make_collection(make_measured({EAGER: 1.0}), make_measured({EAGER: 1.0})))
    assert len(list_points(make_collection(make_measured({EAGER: 1.0}), make_measured({REFERENCE: 1.0})))) == 2


def test_hostile_names_become_harmless_ones() -> None:
    hostile = make_environment({"cpu_model": f"@team `x` | https://a.b {HOSTILE}" + "x" * 1_000})
    case = make_case("=1+1", batching="@SUM(A1)<b>")
    name = name_of(case, hostile)
    assert name.isascii()
    assert name.isprintable()
    assert not set("<>`|*[]#=&\\\"'$!~") & set(name)
    assert "@" not in name
    assert len(name) < 1_024
    assert name_of(make_case(device="+1"), make_environment(host_name="box")).startswith("_1/")
    xeon = make_environment({"cpu_model": "Intel(R) Xeon(R) CPU @ 2.20GHz"})
    assert name_of(EAGER, xeon) == "cpu/eager/manual on Intel(R) Xeon(R) CPU @ 2.20GHz"


def test_a_step_takes_what_the_median_of_the_replicates_says() -> None:
    trainings = [make_training(EAGER, [each, each], replicate=place) for place, each in enumerate((1.0, 2.0, 4.0))]
    (point,) = list_points(make_collection(make_run([EAGER], *trainings, num_replicates=3)))
    assert (point.step_seconds.median, point.num_replicates, len(point.blocks)) == (0.02, 3, 6)
