"""The checks, a closed list: what may spoil a measurement, why it comes about, and the command that mends it.

Adding one is a function that finds it, and a line here.
"""

from __future__ import annotations

from collections.abc import Sequence

from bench.judge import gpu_checks as gpu
from bench.judge import machine_checks as machine
from bench.judge import sample_checks as samples
from bench.judge.findings import Check, Evidence, Finding, apply, gather
from bench.judge.results import CaseResult
from bench.records.run import Run

_GOVERNORS = "| sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"

CHECKS = (
    Check(
        "power saving",
        machine.find_power_saving,
        cause="the clock is held down, and may be let go at any time",
        remedy="{mend}",
        undo="{undo}",
    ),
    Check(
        "load",
        machine.find_load,
        cause="other processes want the same CPUs",
        remedy="see who it is with: top; stop it, or wait",
    ),
    Check(
        "too few CPUs",
        machine.find_too_few_cpus,
        cause="the threads of one case share a CPU with each other",
        remedy="use fewer threads (--threads), or have more CPUs granted",
    ),
    Check(
        "container quota",
        machine.find_quota,
        cause="a quota stops all of a container's threads for the rest of each period in which it is used up",
        remedy="give the container whole CPUs instead of a share of all: docker run --cpuset-cpus {cpus}",
        undo="docker run --cpus {quota:g}",
    ),
    Check(
        "stolen time",
        machine.find_stolen_time,
        cause="other virtual machines run on the same CPUs",
        remedy="use a machine with CPUs of its own, or repeat at another hour; more replicates narrow what is left",
    ),
    Check(
        "CPU throttling",
        machine.find_cpu_throttling,
        cause="the CPU got too hot",
        remedy="free its air, wait until it has cooled, and use fewer threads",
    ),
    Check(
        "GPU throttling",
        gpu.find_gpu_throttling,
        cause="the card has reached a limit of heat or power",
        remedy="lock a clock that it can hold, or give it air; see: nvidia-smi -q -d PERFORMANCE,CLOCK",
    ),
    Check(
        "other work on the GPU",
        gpu.find_gpu_company,
        cause="a card that is shared gives turns to each process",
        remedy="stop the other process, or choose another card with --device cuda:N; see: nvidia-smi",
    ),
    Check(
        "unlocked GPU clocks",
        gpu.find_unlocked_clocks,
        cause="the clock follows load, heat and power",
        remedy="sudo nvidia-smi{card} -lgc {megahertz},{megahertz}",
        undo="sudo nvidia-smi{card} -rgc",
    ),
    Check(
        "no persistence mode",
        gpu.find_no_persistence,
        cause="the driver starts anew with the first process, and forgets locked clocks with the last",
        remedy="sudo nvidia-smi{card} -pm 1",
        undo="sudo nvidia-smi{card} -pm 0",
        is_advance_warning=True,
    ),
    Check(
        "governor",
        machine.find_governor,
        cause="the CPU slows down while a worker waits for its turn",
        remedy=f"echo performance {_GOVERNORS}",
        undo=f"echo {{first_governor}} {_GOVERNORS}",
    ),
    Check(
        "boost",
        machine.find_boost,
        cause="the clock depends on heat and on what other cores do",
        remedy="sudo cpupower set --turbo-boost 0",
        undo="sudo cpupower set --turbo-boost 1",
        is_advance_warning=True,
    ),
    Check(
        "free affinity",
        machine.find_free_affinity,
        cause="a process that is moved to another CPU leaves its caches behind",
        remedy="taskset -c {cpus} python -m bench.run",
        is_advance_warning=True,
    ),
    Check(
        "steering variables",
        machine.find_variables,
        cause="what is set for other programs holds for torch, too",
        remedy="unset {names}",
        undo="export {variables}",
        is_advance_warning=True,
    ),
    Check(
        "warm-up",
        samples.find_warm_up,
        cause="caches, clocks, an allocator or a compiler still settled when timing began, or a neighbour was busy",
        remedy="leave those rounds out of what you read from it, or measure longer: --epochs, --replicates",
    ),
    Check(
        "drift",
        samples.find_drift,
        cause="heat, a clock that follows it, or load that comes or goes",
        remedy="trust speedups, which compare within a round, more than times; see: python -m bench.run --info",
    ),
    Check(
        "two modes",
        samples.find_two_modes,
        cause="the process moves between CPUs or clocks of two speeds, or a neighbour comes and goes",
        remedy="pin it to CPUs of one kind, on Linux: taskset -c 0,1 python -m bench.run",
    ),
    Check(
        "coarse timer",
        samples.find_coarse_timer,
        cause="the whole training is so short that reading the clock shows in it",
        remedy="train longer: --epochs {epochs:.0f}",
    ),
    Check(
        "timer tax",
        samples.find_timer_tax,
        cause="waiting for the device between phases keeps it from working ahead",
        remedy="trust the total, and take the phases for a rough division of it",
    ),
)


def check_run(run: Run, results: Sequence[CaseResult]) -> list[Finding]:
    """Apply every check to a run."""
    evidence = gather(run, results)
    return [found for check in CHECKS if not check.is_advance_warning for found in apply(check, evidence)]


def check_machine(evidence: Evidence) -> list[Finding]:
    """Apply every check to a machine on which nothing has been measured yet."""
    return [found for check in CHECKS for found in apply(check, evidence)]
