"""Checks of the machine, one situation each, with the nearest one that is none."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from bench.judge.checks import CHECKS, check_machine, check_run
from bench.judge.findings import Evidence, Finding
from bench.judge.results import judge_run
from bench.records.conditions import Conditions, GpuConditions, Moment
from bench.records.environment import Accelerator, Environment, Gpu, Identity, Recorded
from tests.bench.runs import make_case, make_run, make_training

UUID = "1234"
BOTH: tuple[tuple[Moment, float], ...] = (("before", 0.0), ("after", 20.0))


def make_evidence(
    recorded: Recorded | None = None,
    identity: Identity | None = None,
    before: Conditions | None = None,
    after: Conditions | None = None,
) -> Evidence:
    environment = Environment(identity=identity or Identity(), recorded=recorded or Recorded())
    return Evidence(environment, ((before, after),) if before else ())


def find(evidence: Evidence, name: str) -> list[Finding]:
    return [finding for finding in check_machine(evidence) if finding.check == name]


def names(evidence: Evidence) -> list[str]:
    return [finding.check for finding in check_machine(evidence)]


def at(moment: Moment, *gpus: GpuConditions, wave: int = 0, **facts: float) -> Conditions:
    return msgspec.convert({"type": "conditions", "moment": moment, "wave": wave, **facts, "gpus": gpus}, Conditions)


def test_a_machine_of_which_nothing_is_known_has_no_finding() -> None:
    assert names(Evidence(None, ())) == []
    assert names(make_evidence(before=Conditions(moment="before"), after=Conditions(moment="after"))) == []


@pytest.mark.parametrize(
    ("fact", "name"),
    [
        (Recorded(cpu_governor="powersave"), "governor"),
        (Recorded(cpu_boosts=True), "boost"),
        (Recorded(load_average_1_minute=2.1, num_logical_cpus=2), "load"),
        (Recorded(cpu_quota=1.5, cpu_affinity=(0, 1)), "container quota"),
        (Recorded(is_on_battery=True), "power saving"),
        (Recorded(power_profile="low-power"), "power saving"),
        (Recorded(cpu_affinity=(0, 1, 2), num_logical_cpus=3), "free affinity"),
        (Recorded(gpus=(Gpu(name="cuda", is_persistent=False),)), "no persistence mode"),
    ],
)
def test_what_a_fact_of_the_machine_may_spoil_is_found(fact: Recorded, name: str) -> None:
    assert names(make_evidence(fact)) == [name]


@pytest.mark.parametrize(
    "fact",
    [
        Recorded(cpu_governor="performance"),
        Recorded(cpu_boosts=False),
        Recorded(load_average_1_minute=1.9, num_logical_cpus=2),
        Recorded(load_average_1_minute=9.0),
        Recorded(cpu_quota=2.0, cpu_affinity=(0, 1)),
        Recorded(is_on_battery=False, power_profile="balanced"),
        Recorded(cpu_affinity=(0, 1), num_logical_cpus=3),
        Recorded(cpu_affinity=(0, 1), num_logical_cpus=2),
        Recorded(gpus=(Gpu(name="cuda"), Gpu(name="cuda:1", is_persistent=True))),
    ],
)
def test_what_is_as_it_should_be_is_not(fact: Recorded) -> None:
    assert names(make_evidence(fact)) == []


def test_a_governor_is_undone_with_the_one_that_was_there() -> None:
    (finding,) = find(make_evidence(Recorded(cpu_governor="powersave")), "governor")
    assert finding.remedy.startswith("echo performance | sudo tee /sys/")
    assert (finding.undo or "").startswith("echo powersave | sudo tee /sys/")


def test_no_value_of_a_file_becomes_a_command_of_its_own() -> None:
    (finding,) = find(make_evidence(Recorded(cpu_governor="x; reboot {names}")), "governor")
    assert (finding.undo or "").startswith("echo 'x; reboot {names}' |")


@pytest.mark.parametrize(
    ("granted", "accelerators", "num_threads", "is_found"),
    [
        (1.0, (), 1, False),
        (0.5, (), 1, True),
        (2.0, (), 4, True),
        (1.0, ("cuda",), 1, True),
        (2.0, ("cuda",), 2, False),
    ],
)
def test_fewer_cpus_than_threads_are_found(
    granted: float, accelerators: tuple[str, ...], num_threads: int, is_found: bool
) -> None:
    cards = tuple(Accelerator(name=name, model_name="x") for name in accelerators)
    evidence = make_evidence(identity=Identity(num_cpus_granted=granted, accelerators=cards))
    assert bool(find(replace(evidence, num_threads=num_threads), "too few CPUs")) is is_found


def test_stolen_time_is_a_share_of_what_passed_and_one_percent_is_allowed() -> None:
    before = at("before", cpu_seconds=1000.0, stolen_seconds=500.0)
    (finding,) = find(
        make_evidence(before=before, after=at("after", cpu_seconds=1100.0, stolen_seconds=501.5)), "stolen time"
    )
    assert finding.seen["share"] == pytest.approx(0.015)
    assert names(make_evidence(before=before, after=at("after", cpu_seconds=1100.0, stolen_seconds=500.9))) == []


def test_counters_add_up_over_waves_and_one_that_runs_backwards_counts_nothing() -> None:
    evidence = make_evidence()
    first = (at("before", cpu_throttle_count=5), at("after", cpu_throttle_count=7))
    second = (at("before", cpu_throttle_count=7, wave=1), at("after", cpu_throttle_count=8, wave=1))
    reset = (at("before", cpu_throttle_count=9, wave=2), at("after", cpu_throttle_count=0, wave=2))
    cut = (at("before", cpu_throttle_count=0, wave=3), None)
    (finding,) = find(replace(evidence, pairs=(first, second, reset, cut)), "CPU throttling")
    assert finding.seen["count"] == 3
    assert names(replace(evidence, pairs=(reset, cut))) == []


@pytest.mark.parametrize(("throttled", "is_found"), [(0.0, False), (0.005, False), (2.0, True)])
def test_after_a_run_a_quota_counts_where_it_has_stopped_us(throttled: float, is_found: bool) -> None:
    case = make_case()
    environment = Environment(
        identity=Identity(), recorded=Recorded(cpu_quota=1.5, cpu_affinity=(0, 1), num_logical_cpus=2)
    )
    moments = [
        at("before", cpu_seconds=0.0, quota_throttled_seconds=1.0),
        at("after", cpu_seconds=20.0, quota_throttled_seconds=1.0 + throttled),
    ]
    run = make_run([case], make_training(case, [1.0]), moments, environment=environment)
    assert bool(check_run(run, judge_run(run))) is is_found


def test_before_a_run_a_quota_counts_also_where_it_has_not_yet_stopped_us() -> None:
    recorded = Recorded(cpu_quota=1.5, cpu_affinity=(0, 1), num_logical_cpus=2)
    idle = [at(moment, cpu_seconds=seconds, quota_throttled_seconds=1.0) for moment, seconds in BOTH]
    (finding,) = find(make_evidence(recorded, before=idle[0], after=idle[1]), "container quota")
    assert finding.remedy.endswith("docker run --cpuset-cpus 0")
    assert finding.undo == "docker run --cpus 1.5"


def gpu(**facts: object) -> GpuConditions:
    return msgspec.convert({"name": "cuda"} | facts, GpuConditions)


@pytest.mark.parametrize(
    ("before", "after", "reasons"),
    [
        (gpu(slowed_by=["SwPowerCap"]), gpu(), "power"),
        (gpu(), gpu(slowed_by=["HwThermalSlowdown", "SwThermalSlowdown"]), "heat"),
        (gpu(heat_slowed_seconds=1.0), gpu(heat_slowed_seconds=1.5), "heat"),
        (gpu(power_slowed_seconds=1.0), gpu(power_slowed_seconds=1.0), None),
        (gpu(slowed_by=["GpuIdle", "ApplicationsClocksSetting"]), gpu(), None),
    ],
)
def test_a_card_that_heat_or_power_has_held_down_is_found(
    before: GpuConditions, after: GpuConditions, reasons: str | None
) -> None:
    found = find(make_evidence(before=at("before", before), after=at("after", after)), "GPU throttling")
    assert [finding.seen["reasons"] for finding in found] == ([reasons] if reasons else [])


def test_power_that_held_a_card_down_while_its_peak_was_measured_before_the_rounds_has_spoilt_none() -> None:
    still = [gpu(power_slowed_seconds=seconds) for seconds in (0.0, 0.0, 2.1, 2.1)]
    waves = ((at("before", still[0]), at("after", still[1])), (at("before", still[2]), at("after", still[3])))
    assert find(replace(make_evidence(), pairs=waves), "GPU throttling") == []


def test_who_else_works_on_a_card_is_named_once() -> None:
    busy = gpu(other_processes=["game (12)"])
    (finding,) = find(make_evidence(before=at("before", busy), after=at("after", busy)), "other work on the GPU")
    assert finding.seen["processes"] == "game (12)"
    assert names(make_evidence(before=at("before", gpu(other_processes=[])))) == []


@pytest.mark.parametrize(
    ("before", "after", "is_found"),
    [
        (gpu(clock_hertz=3.45e8), gpu(clock_hertz=1.98e9), True),
        (gpu(clock_hertz=3.45e8, slowed_by=["GpuIdle"]), None, True),
        (gpu(clock_hertz=1.41e9), gpu(clock_hertz=1.395e9), False),
        (gpu(clock_hertz=1.41e9), None, False),
        (gpu(), gpu(slowed_by=["GpuIdle"]), False),
    ],
)
def test_a_clock_that_moves_is_not_locked(before: GpuConditions, after: GpuConditions | None, is_found: bool) -> None:
    card = Gpu(name="cuda", uuid=UUID, max_clock_hertz=2e9)
    evidence = make_evidence(
        Recorded(gpus=(card,)), before=at("before", before), after=at("after", after) if after else None
    )
    found = find(evidence, "unlocked GPU clocks")
    assert bool(found) is is_found
    if found:
        assert found[0].remedy == "sudo nvidia-smi -i GPU-1234 -lgc 1500,1500"
        assert found[0].undo == "sudo nvidia-smi -i GPU-1234 -rgc"


def test_variables_that_change_speed_are_found_and_can_be_set_again() -> None:
    variables = {"OMP_NUM_THREADS": "3; ls", "CUDA_LAUNCH_BLOCKING": "0", "CUDA_VISIBLE_DEVICES": "1"}
    (finding,) = check_machine(make_evidence(identity=Identity(variables=variables)))
    assert finding.remedy == "unset OMP_NUM_THREADS"
    assert finding.undo == "export OMP_NUM_THREADS='3; ls'"


@pytest.mark.parametrize(
    ("system", "command"),
    [("Darwin", "pmset -a lowpowermode 0"), ("Windows", "powercfg"), ("Linux", "powerprofilesctl set performance")],
)
def test_saving_power_is_mended_as_each_system_does(system: str, command: str) -> None:
    evidence = make_evidence(Recorded(power_profile="low-power"), Identity(operating_system=system))
    assert command in check_machine(evidence)[0].remedy


def test_what_only_may_spoil_a_run_is_not_said_of_one() -> None:
    case = make_case()
    environment = Environment(identity=Identity(), recorded=Recorded(cpu_boosts=True, cpu_governor="powersave"))
    run = make_run([case], make_training(case, [1.0]), environment=environment)
    assert [finding.check for finding in check_run(run, judge_run(run))] == ["governor"]


def test_every_check_has_a_name_of_its_own_a_cause_and_a_remedy() -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    assert all(check.cause and check.remedy and check.find.__doc__ for check in CHECKS)
