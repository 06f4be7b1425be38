"""Checks of the machine: what slows, shares or steals it, as far as it was seen before and after the rounds."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator

from bench.judge.findings import Evidence, Seen
from bench.records.conditions import Conditions
from bench.records.environment import Recorded

LARGEST_STOLEN_SHARE = 0.01
"""Of all CPU time: half of the margin within which two cases count as the same speed."""

LARGEST_THROTTLED_SHARE = 0.001
"""Of the time that passed: a quota stops a container for whole tenths of a second, which one block pays for."""

_STEERING = {
    "CUDA_LAUNCH_BLOCKING": "0",
    "PYTORCH_NO_CUDA_MEMORY_CACHING": "",
    "TORCHDYNAMO_DISABLE": "0",
    "TORCH_COMPILE_DISABLE": "0",
    "OMP_WAIT_POLICY": "",
    "OMP_PROC_BIND": "",
    "OMP_PLACES": "",
    "OMP_NUM_THREADS": "",
    "OMP_THREAD_LIMIT": "",
    "MKL_NUM_THREADS": "",
    "GOMP_CPU_AFFINITY": "",
    "GOMP_SPINCOUNT": "",
    "KMP_AFFINITY": "",
    "KMP_BLOCKTIME": "",
    "LD_PRELOAD": "",
}
"""Variables that change how fast torch is, and the value at which they do not."""


def find_governor(evidence: Evidence) -> Iterator[Seen]:
    """Find a governor that lets the CPU slow down when it rests, as it does between two blocks.

    Threshold: any other than "performance". Source: Linux, Documentation/admin-guide/pm/cpufreq.rst.
    """
    governor = _recorded(evidence).cpu_governor
    if governor not in (None, "performance"):
        yield {"governor": governor or "", "first_governor": shlex.quote((governor or "").split(", ")[0])}


def find_boost(evidence: Evidence) -> Iterator[Seen]:
    """Find a CPU whose clock depends on heat and on what its other cores do. Threshold: whether boosting is on."""
    if _recorded(evidence).cpu_boosts:
        yield {}


def find_load(evidence: Evidence) -> Iterator[Seen]:
    """Find more processes ready to run than there are CPUs, in the minute before anything was measured.

    Threshold: a load of one for each logical CPU; above, a worker has to share one.
    """
    recorded = _recorded(evidence)
    load, num_cpus = recorded.load_average_1_minute, recorded.num_logical_cpus
    if load is not None and num_cpus and load > num_cpus:
        yield {"load": load, "num_cpus": num_cpus}


def find_too_few_cpus(evidence: Evidence) -> Iterator[Seen]:
    """Find fewer CPUs granted than a case has threads, or one alone where an accelerator is fed.

    Threshold: the threads of the largest case; two with an accelerator, whose backward pass has a thread of its own.
    Source: PyTorch, "Autograd mechanics", multithreaded autograd.
    """
    identity = evidence.environment.identity if evidence.environment else None
    granted = identity.num_cpus_granted if identity else None
    needed = max(evidence.num_threads, 2 if identity and identity.accelerators else 1)
    if granted is not None and granted < needed:
        yield {"granted": granted, "needed": needed}


def find_quota(evidence: Evidence) -> Iterator[Seen]:
    """Find a container's quota that has stopped us, or could: it allows less than the CPUs that we may run on.

    Threshold: `LARGEST_THROTTLED_SHARE` of the time where that was counted; else a quota under the affinity.
    Source: Linux, Documentation/scheduler/sched-bwc.rst.
    """
    recorded = _recorded(evidence)
    quota, cpus = recorded.cpu_quota, recorded.cpu_affinity or ()
    if quota is None or quota >= len(cpus):
        return
    seen: Seen = {"quota": quota, "num_cpus": len(cpus), "cpus": _list_cpus(cpus[: max(1, int(quota))])}
    share = _share(evidence, lambda each: each.quota_throttled_seconds, per_cpu=True)
    if share is None or evidence.run is None:
        yield seen
    elif share > LARGEST_THROTTLED_SHARE:
        yield seen | {"share": share}


def find_stolen_time(evidence: Evidence) -> Iterator[Seen]:
    """Find CPU time that the hypervisor gave to other machines while we were ready to run.

    Threshold: `LARGEST_STOLEN_SHARE` of all CPU time. Source: proc_stat(5), "steal".
    """
    share = _share(evidence, lambda each: each.stolen_seconds, per_cpu=False)
    if share is not None and share > LARGEST_STOLEN_SHARE:
        yield {"share": share}


def find_cpu_throttling(evidence: Evidence) -> Iterator[Seen]:
    """Find that heat has slowed a core while we measured. Threshold: once."""
    count = evidence.count(lambda each: each.cpu_throttle_count)
    if count:
        yield {"count": count}


def find_power_saving(evidence: Evidence) -> Iterator[Seen]:
    """Find a system that was told to save power, or a laptop without its plug."""
    recorded = _recorded(evidence)
    identity = evidence.environment.identity if evidence.environment else None
    if recorded.is_on_battery:
        yield {"what": "the machine runs on its battery", "mend": "plug it in", "undo": "unplug it"}
    if recorded.power_profile == "low-power":
        mend, undo = {
            "Darwin": ("sudo pmset -a lowpowermode 0", "sudo pmset -a lowpowermode 1"),
            "Windows": ("powercfg /setactive SCHEME_MIN", "powercfg /setactive SCHEME_MAX"),
        }.get(
            (identity.operating_system if identity else None) or "",
            ("powerprofilesctl set performance", "powerprofilesctl set power-saver"),
        )
        yield {"what": "the system is set to save power", "mend": mend, "undo": undo}


def find_variables(evidence: Evidence) -> Iterator[Seen]:
    """Find environment variables that change how fast torch is. Threshold: a closed list."""
    variables = (evidence.environment.identity.variables if evidence.environment else None) or {}
    found = {name: value for name, value in variables.items() if _STEERING.get(name, value) != value}
    if found:
        yield {
            "variables": " ".join(f"{name}={shlex.quote(value)}" for name, value in found.items()),
            "names": " ".join(found),
        }


def find_free_affinity(evidence: Evidence) -> Iterator[Seen]:
    """Find that the scheduler may move a worker over all CPUs. Threshold: more than two, and none left out."""
    recorded = _recorded(evidence)
    cpus = recorded.cpu_affinity or ()
    if len(cpus) > 2 and len(cpus) == recorded.num_logical_cpus:
        # The last ones: interrupts and whatever starts first tend to be at CPU 0.
        yield {"num_cpus": len(cpus), "cpus": _list_cpus(cpus[-max(2, evidence.num_threads) :])}


def _recorded(evidence: Evidence) -> Recorded:
    return evidence.environment.recorded if evidence.environment else Recorded()


def _share(evidence: Evidence, read: Callable[[Conditions], float | None], per_cpu: bool) -> float | None:
    """Return what share of the CPU time a counter of seconds has taken; of one CPU's, where it counts no CPU time."""
    passed = evidence.count(lambda each: each.cpu_seconds)
    counted = evidence.count(read)
    num_cpus = (_recorded(evidence).num_logical_cpus or 1) if per_cpu else 1
    return counted * num_cpus / passed if passed and counted is not None else None


def _list_cpus(numbers: tuple[int, ...]) -> str:
    return ",".join(map(str, numbers))
