"""The command line of `python -m bench.tune`, and the candidates that it asks for."""

from __future__ import annotations

import os
from argparse import ArgumentTypeError, Namespace
from itertools import product
from pathlib import Path

from bench.arguments import parse_batchings, parse_duration, parse_label, parse_list
from bench.arms import make_case
from bench.errors import UsageError
from bench.judge.equivalence import MIN_SEEDS
from bench.own import NUM_STEPS
from bench.records.case import Case
from bench.records.tune import MAX_CANDIDATES
from bench.strictness import add_verdict_flags
from productnet.config import TrainConfig
from productnet.door import OneLineParser
from productnet.registry import AMP, BATCHING_HELP, BATCHINGS, ENGINES, PRECISIONS

_PRODUCTNET_ALONE = ("engine", "batching", "batch_size")


def make_parser(prog: str) -> OneLineParser:
    """Describe the command line."""
    parser = OneLineParser(
        prog=prog,
        description="Find the quickest setting that trains as well as the default: each is tried once, what is within "
        "reach is sifted in paired heats, quality is compared of what is left, and the best is confirmed in fresh "
        "processes against the default. The first value of each axis is the default.",
    )
    add = parser.add_argument
    add("--device", default="auto", help="cpu, cuda, cuda:N, mps or auto (default)")
    engines, precisions = tuple(ENGINES), (*PRECISIONS, AMP)
    add("--engine", type=parse_list(engines), help=f"of {','.join(engines)} (default: all)")
    add("--batching", type=parse_batchings, help=f"of {BATCHING_HELP} (default: all without workers)")
    both = ("fp32", AMP)
    add("--precision", type=parse_list(precisions), default=both, help=f"of {','.join(precisions)} (default fp32,amp)")
    add("--threads", type=_parse_counts, help="CPU threads (default: 1, 2, 4 and so on, up to the CPUs that are here)")
    batch = "samples in a batch; another size is another training, and offered only where its quality is equal"
    add("--batch-size", type=_parse_counts, help=f"{batch} (default 100)")
    form = "FILE.py, FILE.py:CLASS or MODULE:CLASS; again for another way to run it"
    add("--workload", action="append", metavar="FILE", help=f"a model of your own: {form}")
    add("--steps", type=int, default=NUM_STEPS, help=f"of a training of a model of your own (default {NUM_STEPS})")
    budget = "of trying, sifting and confirming, start-up included (default 120s); whole trainings come on top"
    add("--budget", type=parse_duration, default=120.0, help=budget)
    add_verdict_flags(parser)
    seeds = f"whole trainings of each setting to compare (default {MIN_SEEDS}; 0: none)"
    add("--quality-seeds", type=int, default=MIN_SEEDS, help=seeds)
    add("--seed", type=int, default=1, help="of the trainings, and of which arm comes first (default 1)")
    add("--output", type=Path, help="the tune's directory (default: a new one under results/)")
    add("--label", type=parse_label, help="a word of yours that is kept with the tune and put into its name")
    add("--list", action="store_true", help="name the settings that would be tried and stop; asks no device")
    add("--show", type=Path, metavar="TUNE", help="show a stored tune and measure nothing")
    return parser


def check_arguments(arguments: Namespace) -> None:
    """Check what no flag can check alone.

    Raises:
        UsageError: with what was given and what may be.
        ConfigError: for a number that no training takes.
    """
    if arguments.quality_seeds != 0 and not MIN_SEEDS <= arguments.quality_seeds <= 1000:
        raise UsageError(
            f"--quality-seeds {arguments.quality_seeds} is not 0 or {MIN_SEEDS} to 1000: fewer decide nothing"
        )
    if arguments.workload is not None:
        for name in _PRODUCTNET_ALONE:
            if getattr(arguments, name) is not None:
                flag = name.replace("_", "-")
                raise UsageError(
                    f"--{flag} is of the product network: a model of your own has --precision, --threads, and several "
                    "--workload"
                )
    for seed in (arguments.seed, arguments.seed + arguments.quality_seeds):
        TrainConfig(seed=seed)


def plan_candidates(arguments: Namespace, device: str) -> tuple[Case, ...]:
    """Lay out the candidates: the default first, then what differs from it in one axis, in two, and so on.

    Among equals those that torch compiles come last: setting up one of them takes as long as that of many others.

    Raises:
        UsageError: for more of them than can be told apart, or a workload that is not there.
        ConfigError: for a number that no training takes.
    """
    axes = _list_axes(arguments, device)
    found: dict[Case, int] = {}
    # The first axis varies quickest: engines come before all else.
    for values in product(*reversed(axes.values())):
        settings = dict(zip(reversed(axes), values, strict=True))
        changes = sum(value != axes[name][0] for name, value in settings.items())
        if arguments.workload is not None:
            settings["steps"] = str(arguments.steps)
        found.setdefault(make_case(settings, device), changes)
    if len(found) > MAX_CANDIDATES:
        raise UsageError(f"{len(found)} settings are too many: name fewer values, up to {MAX_CANDIDATES} together")
    return tuple(sorted(found, key=lambda case: (found[case], "compiled" in case.engine)))


def _list_axes(arguments: Namespace, device: str) -> dict[str, tuple[str, ...]]:
    """Return the values of each axis, the default's first."""
    threads = arguments.threads or _list_thread_counts(device)
    shared = {"precision": arguments.precision, "threads": tuple(map(str, threads))}
    if arguments.workload is not None:
        return {"workload": tuple(arguments.workload), **shared}
    return {
        "engine": arguments.engine or tuple(ENGINES),
        "batching": arguments.batching or tuple(BATCHINGS),
        **shared,
        "batch_size": tuple(map(str, arguments.batch_size or (TrainConfig().batch_size,))),
    }


def _list_thread_counts(device: str) -> list[int]:
    """Double from one up to the CPUs that this process may use; elsewhere than on a CPU threads do little."""
    has_affinity = hasattr(os, "sched_getaffinity")
    available = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    counts, count = [1], 2
    while device == "cpu" and count <= available:
        counts.append(count)
        count *= 2
    return counts


def _parse_counts(text: str) -> tuple[int, ...]:
    words = text.split(",")
    if not all(word.isdecimal() and 1 <= int(word) <= 10**9 for word in words):
        raise ArgumentTypeError(f"{text!r} is no list of numbers: use, say, 1,2,4")
    return tuple(dict.fromkeys(map(int, words)))
