"""What has to agree before two sides may be compared, what is not known of them, and what is a suspect."""

from __future__ import annotations

import msgspec
import pytest

from bench.judge.comparability import Comparability, FieldDifference, check_comparability, compare_plans
from bench.records.environment import Accelerator, Environment, Identity, Recorded
from bench.records.run import Run, assemble_run
from tests.bench.runs import ENVIRONMENT, make_case, make_info, make_run, make_training
from tests.bench.sides import EAGER, make_environment, make_measured


def check(base: Environment | None, head: Environment | None) -> Comparability:
    return check_comparability([measured_in(base)], [measured_in(head)])


def measured_in(environment: Environment | None) -> Run:
    return make_measured({EAGER: 1.0}, environment=environment)


def fields(differences: tuple[FieldDifference, ...]) -> list[str]:
    return [each.field for each in differences]


def test_two_runs_of_one_machine_have_nothing_between_them() -> None:
    assert check(ENVIRONMENT, ENVIRONMENT) == Comparability((), (), ())


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("cpu_model", "Other CPU", "Other CPU"),
        ("num_cpus_granted", 1.5, "1.5"),
        ("torch_version", "2.12.0", "2.12.0"),
        ("accelerators", (), "[]"),
    ],
)
def test_a_field_of_identity_that_differs_is_a_conflict_with_both_values(field: str, value: object, shown: str) -> None:
    (conflict,) = check(ENVIRONMENT, make_environment({field: value})).conflicts
    assert (conflict.field, conflict.head) == (field, shown)
    assert conflict.base not in ("", shown)


def test_every_field_of_identity_is_looked_at() -> None:
    values: dict[str, object] = {name: f"some {name}" for name in Identity.__struct_fields__}
    values |= {"num_cpus_granted": 3.0, "cudnn_version": 9, "cuda_architectures": ("sm_90",), "variables": {"A": "1"}}
    values["accelerators"] = (Accelerator(name="mps", model_name="M"),)
    other = {**values, "num_cpus_granted": 4.0, "cudnn_version": 8, "cuda_architectures": (), "variables": {"A": "2"}}
    other |= {name: f"other {name}" for name, value in values.items() if isinstance(value, str)}
    other["accelerators"] = ()
    found = check(make_environment(values), make_environment(other)).conflicts
    assert sorted(fields(found)) == sorted(Identity.__struct_fields__)


def test_of_variables_only_those_that_differ_are_shown() -> None:
    base, head = {"OMP_NUM_THREADS": "2", "MKL_X": "1"}, {"MKL_X": "1"}
    (conflict,) = check(make_environment({"variables": base}), make_environment({"variables": head})).conflicts
    assert conflict == FieldDifference("variables", "OMP_NUM_THREADS=2", "OMP_NUM_THREADS unset")


def test_a_long_text_is_cut_around_where_it_begins_to_differ() -> None:
    start, end = "x" * 500, "y" * 500
    base, head = ({"torch_build": f"{start}{each}{end}"} for each in ("GCC 13", "GCC 14"))
    (conflict,) = check(make_environment(base), make_environment(head)).conflicts
    assert "GCC 13" in conflict.base
    assert "GCC 14" in conflict.head
    assert len(conflict.base) < 70


@pytest.mark.parametrize("thin", [None, Environment(identity=Identity(), recorded=Recorded())])
def test_without_an_environment_it_is_said_which_fields_cannot_be_established(thin: Environment | None) -> None:
    found = check(ENVIRONMENT, thin)
    assert fields(found.conflicts) == ["cpu_model", "torch_version"]
    assert found.conflicts[0] == FieldDifference("cpu_model", "Example CPU", "not recorded")
    assert found.unchecked == ("num_cpus_granted", "accelerators", "python_version")
    assert fields(check(thin, thin).conflicts) == ["cpu_model", "torch_version"]


def test_a_field_that_an_older_run_lacks_is_unchecked_and_no_conflict() -> None:
    found = check(make_environment({"cudnn_version": 90100}), ENVIRONMENT)
    assert (found.conflicts, found.unchecked) == ((), ("cudnn_version",))


def test_where_a_case_runs_on_an_accelerator_that_one_must_be_known() -> None:
    case = make_case(device="cuda")
    runs = [
        make_measured({case: 1.0}, environment=each) for each in (ENVIRONMENT, make_environment({"accelerators": None}))
    ]
    assert fields(check_comparability(runs[:1], runs[1:]).conflicts) == ["accelerators"]


def test_runs_of_one_side_that_differ_are_a_conflict_too() -> None:
    base = [measured_in(ENVIRONMENT), measured_in(make_environment({"cpu_model": "Other CPU"}))]
    (conflict,) = check_comparability(base, [measured_in(ENVIRONMENT)]).conflicts
    assert conflict == FieldDifference("cpu_model", "Example CPU or Other CPU", "Example CPU")


def test_trainings_of_other_length_are_other_work_and_their_digests_are_not_held_together() -> None:
    short = make_case("eager", num_epochs=10)
    base, head = (
        make_run([case], make_training(case, [1.0], digest=digest)) for case, digest in ((EAGER, "a"), (short, "b"))
    )
    assert compare_plans([base], [head]) == (
        FieldDifference("epochs", "1000 (cpu/eager/manual)", "10 (cpu/eager/manual)"),
    )


def test_the_same_seed_on_other_data_is_other_work() -> None:
    base, head = (make_run([EAGER], make_training(EAGER, [1.0], digest=digest)) for digest in ("abc", "xyz"))
    (conflict,) = compare_plans([base], [head])
    place = "(seed 1 of cpu/eager/manual, 1000 epochs)"
    assert conflict == FieldDifference("digest", f"abc {place}", f"xyz {place}")


def test_other_seeds_may_have_other_data() -> None:
    info = make_info([EAGER])
    other = msgspec.structs.replace(info, plan=msgspec.structs.replace(info.plan, seed=7))
    head = assemble_run(other, make_training(EAGER, [1.0], digest="xyz"))
    assert compare_plans([make_run([EAGER], make_training(EAGER, [1.0], digest="abc"))], [head]) == ()


@pytest.mark.parametrize(
    ("field", "base", "head", "is_suspect"),
    [
        ("git_commit", "a" * 40, "b" * 40, True),
        ("cpu_quota", None, 1.5, True),
        ("is_on_battery", False, True, True),
        ("host_name", "one", "two", True),
        ("num_processes", 80, 95, False),
        ("num_processes", 80, 400, True),
        ("load_average_1_minute", 0.1, 0.9, False),
        ("load_average_1_minute", 0.1, 3.0, True),
        ("load_average_1_minute", 0.0, 0.0, False),
        ("load_average_1_minute", 0.0, 0.5, False),
        ("cpu_temperature_celsius", 50.0, 55.0, False),
        ("cpu_temperature_celsius", 50.0, 80.0, True),
        ("cpu_frequency_hertz", 3.0e9, 3.1e9, False),
        ("cpu_frequency_hertz", 3.0e9, 1.5e9, True),
        ("memory_available_bytes", 8 * 2**30, 7 * 2**30, False),
        ("memory_available_bytes", 8 * 2**30, 2**30, True),
        ("num_processes", None, 95, False),
    ],
)
def test_what_moves_by_itself_is_a_suspect_only_where_it_moved_much(
    field: str, base: object, head: object, is_suspect: bool
) -> None:
    found = check(make_environment(None, **{field: base}), make_environment(None, **{field: head}))
    assert found.conflicts == ()
    assert fields(found.suspects) == [field] * is_suspect
