"""What a door needs to measure a workload of a user's own: its flags, its cases, its first look, and a skeleton."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

import msgspec

import bench
from bench.errors import UsageError
from bench.records.case import OWN, Case, OwnWorkload
from productnet.config import TrainConfig

PRODUCTNET = "bench.workloads.productnet:make_product_net"
"""What makes the workload of a case, in the worker: called with the case and a seed."""
MAKE_OWN = "bench.workloads.own:Own"
"""The same of a case that has a file of a user's own."""
NUM_STEPS = 200
"""Of a training, where the user says nothing."""
SKELETON = Path(bench.__file__).parent / "workloads" / "skeleton.py"


def add_own_flags(parser: ArgumentParser) -> None:
    """Add the flags."""
    add = parser.add_argument
    form = "FILE.py, FILE.py:CLASS or MODULE:CLASS; see docs/workload.md"
    add("--workload", metavar="FILE", help=f"measure a model of your own instead of the product network: {form}")
    add("--new-workload", metavar="FILE.py", type=Path, help="write a workload to begin with, which runs as it is")


def write_skeleton(path: Path) -> None:
    """Write a workload to begin with.

    Raises:
        UsageError: when there is such a file, which is left as it is, or it can't be written.
    """
    if path.suffix != ".py":
        raise UsageError(f"--new-workload {path} is no file of Python: use a name that ends in .py")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(SKELETON.read_text(encoding="utf-8"))
    except FileExistsError:
        raise UsageError(f"{path} is there already and was left as it is: choose another name") from None
    except OSError as error:
        raise UsageError(f"--new-workload {path} can't be written: {error.strerror}") from error


def check_own_flags(arguments: Namespace) -> None:
    """Refuse flags that say nothing of a workload of a user's own.

    Raises:
        UsageError: with the flag.
    """
    for name in ("suite", "engine", "batching", "replicas"):
        if getattr(arguments, name, None) is not None:
            raise UsageError(
                f"--{name} is of the product network: a workload of your own is measured by --device, --precision and "
                "--threads, and two of them by bench.race"
            )


def make_own_case(workload: OwnWorkload, device: str, precision: str, num_threads: int, num_steps: int) -> Case:
    """Return a case of a workload; numbers are those that any training takes.

    Raises:
        ConfigError: for one that is none.
    """
    TrainConfig(precision=precision, num_threads=num_threads, num_epochs=num_steps)
    return Case(
        device=device,
        engine=OWN,
        batching=OWN,
        precision=precision,
        num_threads=num_threads,
        num_epochs=num_steps,
        workload=workload,
    )


def plan_own_cases(
    workload: OwnWorkload, devices: Sequence[str], precisions: Sequence[str], num_threads: int, num_steps: int
) -> tuple[Case, ...]:
    """Lay out the cases of a workload, the first device and precision first: that is what others are divided by."""
    return tuple(
        make_own_case(workload, device, precision, num_threads, num_steps)
        for device in devices
        for precision in precisions
    )


def choose_own_reference(cases: Sequence[Case]) -> Case:
    """Choose what quality is compared with: float32 on the CPU, one of the cases or a case of its own."""
    same = (each for each in cases if (each.device, each.precision) == ("cpu", "fp32"))
    return next(same, msgspec.structs.replace(cases[0], device="cpu", precision="fp32", num_threads=1))
