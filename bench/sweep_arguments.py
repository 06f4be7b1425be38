"""The command line of `python -m bench.sweep`."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError, Namespace
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import msgspec

from bench.arguments import (
    add_price_flag,
    parse_batchings,
    parse_duration,
    parse_label,
    parse_list,
    parse_positive_share,
)
from bench.errors import UsageError
from bench.judge.crossing import ALPHA
from bench.own import NUM_STEPS, check_own_flags, plan_own_cases
from bench.records.case import Case, OwnWorkload
from bench.records.sweep import DEFAULTS, MAX_CURVES, MAX_VALUES, THREADS, Axis
from productnet.config import TrainConfig
from productnet.device import check_device_name
from productnet.door import OneLineParser
from productnet.registry import AMP, BATCHING_HELP, ENGINES, MAX_REPLICAS, PRECISIONS

_MAX_VALUE = 10**9
_DEFAULT_FACTOR = 4.0
_ENGINES, _BATCHINGS = ("reference", "eager"), ("manual",)
"""Where the user names none."""
_FORM = "use NAME=FIRST:LAST, NAME=FIRST:LAST:xFACTOR, NAME=FIRST:LAST:+STEP, or NAME=1,2,4"


def make_parser(prog: str) -> OneLineParser:
    """Describe the command line."""
    parser = OneLineParser(
        prog=prog,
        description="Measure modes along one axis or two, and find where one overtakes another, what of a step is "
        "fixed cost, how many threads are best. First it goes to every value, then to where curves cross, until each "
        "crossing is known to --resolution or the budget ends. The same --output goes on where it was stopped.",
    )
    add = parser.add_argument
    axes = (
        f"{', '.join(DEFAULTS)}, or a parameter of your own workload; {_FORM}; again for a second axis, which makes "
        "families of curves"
    )
    own = "a model of your own instead of the product network, see docs/workload.md; again for more curves"
    add("--over", type=parse_axis, action="append", metavar="AXIS", help=axes)
    add("--workload", action="append", default=[], metavar="FILE", help=own)
    add("--device", type=_parse_devices, default=("auto",), help="cpu, cuda, mps, several with commas, auto or all")
    engines, precisions = tuple(ENGINES), (*PRECISIONS, AMP)
    add("--engine", type=parse_list(engines), help=f"of {','.join(engines)} (default {','.join(_ENGINES)})")
    add("--batching", type=parse_batchings, help=f"of {BATCHING_HELP} (default {','.join(_BATCHINGS)})")
    add("--precision", type=parse_list(precisions), default=("fp32",), help=f"of {','.join(precisions)}")
    add("--threads", dest="num_threads", type=int, help="CPU threads, unless they are an axis (default 1)")
    add("--visits", type=int, help="to each value to begin with, in fresh processes (default 2; along threads 4)")
    add("--budget", type=parse_duration, default=300.0, help="of this sitting, start-up and all (default 300s)")
    add(
        "--resolution", type=parse_positive_share, default=0.1, help="to which crossings are to be known (default 10%%)"
    )
    add("--alpha", type=parse_positive_share, default=ALPHA, help="how often a pair's intervals may miss (default 5%%)")
    add("--seed", type=int, default=1, help="of every training (default 1)")
    add_price_flag(parser)
    add("--output", type=Path, help="the sweep's directory, also to go on (default: a new one under results/)")
    add("--label", type=parse_label, help="a word of yours that is kept with the sweep and put into its name")
    add("--show", type=Path, metavar="SWEEP", help="show a stored sweep and measure nothing")
    return parser


def check_arguments(arguments: Namespace) -> None:
    """Fill in what the user left out, and check what no flag can check alone.

    Raises:
        UsageError: with what was given and what may be.
        ConfigError: for a number that no training takes.
    """
    if arguments.show is not None:
        return
    if not arguments.over:
        raise UsageError(f"--over is missing: name an axis of {', '.join(DEFAULTS)}; {_FORM}")
    if arguments.workload:
        check_own_flags(arguments)
    elif unknown := [axis.name for axis in arguments.over if axis.name not in DEFAULTS]:
        raise UsageError(f"--over {unknown[0]} is no axis: use {', '.join(DEFAULTS)}; {_FORM}")
    arguments.engine = arguments.engine or _ENGINES
    arguments.batching = arguments.batching or _BATCHINGS
    if len(arguments.over) > 2:
        raise UsageError(f"--over was given {len(arguments.over)} times: use it once or twice")
    names = [axis.name for axis in arguments.over]
    if len(set(names)) < len(names):
        raise UsageError(f"--over {names[0]} was given twice: name another axis, or one list of values")
    if THREADS in names and arguments.num_threads is not None:
        raise UsageError(f"--threads {arguments.num_threads} has no say where threads are an axis: leave it out")
    arguments.num_threads = 1 if arguments.num_threads is None else arguments.num_threads
    if arguments.visits is None:
        arguments.visits = 4 if "threads" in names else 2
    if not 1 <= arguments.visits <= 100:
        raise UsageError(f"--visits {arguments.visits} is none: use 1 to 100")
    if not arguments.workload:
        _check_sizes(arguments.over)
    values = {axis.name: axis.values[-1] for axis in arguments.over}
    TrainConfig(num_threads=values.get("threads", arguments.num_threads), seed=arguments.seed)


def _check_sizes(axes: list[Axis]) -> None:
    """Refuse sizes that no training of the product network has."""
    values = {axis.name: axis.values for axis in axes}
    if "num_samples" in values and "batch_size" in values:
        batch, samples = values["batch_size"], values["num_samples"]
        if batch[-1] > samples[0]:
            raise UsageError(
                f"batches of up to {batch[-1]:,} are larger than {samples[0]:,} samples: let num_samples begin at "
                f"{batch[-1]:,}, or leave it to grow with the batch"
            )
    elif values.get("num_samples", (DEFAULTS["batch_size"],))[0] < DEFAULTS["batch_size"]:
        raise UsageError(f"num_samples has to begin at a batch at least: at {DEFAULTS['batch_size']}")
    if values.get("depth", (1,))[-1] > 64:
        raise UsageError(f"a depth of {values['depth'][-1]} is too large: use up to 64 hidden layers")
    if values.get("replicas", (1,))[-1] > MAX_REPLICAS:
        raise UsageError(
            f"{values['replicas'][-1]:,} replicas are too many to train at once: use up to {MAX_REPLICAS:,}"
        )


def find_own_axes(axes: Sequence[Axis], workloads: Sequence[OwnWorkload]) -> tuple[Axis, ...]:
    """Look at workloads for what a sweep is to vary of them; returns the axes with the defaults of the first.

    Raises:
        UsageError: when one has no such parameter, or is no workload.
    """
    from bench.measure.first_look import look_at

    defaults: list[dict[str, int]] = []
    for workload in workloads:
        found = look_at(workload).axes
        lacking = next((axis.name for axis in axes if axis.name not in (*found, THREADS)), None)
        if lacking is not None:
            has = f"it has: {', '.join(found)}" if found else f"give its class one, say {lacking}=64"
            raise UsageError(
                f"workload {workload.place} can't be swept over {lacking}: an axis is a parameter of its class with a "
                f"whole number as default; {has}"
            )
        defaults.append(found)
    return tuple(
        axis if axis.name == THREADS else msgspec.structs.replace(axis, default=defaults[0][axis.name]) for axis in axes
    )


def plan_curves(arguments: Namespace, devices: list[str], workloads: Sequence[OwnWorkload]) -> tuple[Case, ...]:
    """Lay out the curves.

    Args:
        workloads: of the user's own; without any it is the product network that is swept.
    """
    num_threads = arguments.num_threads
    if workloads:
        return tuple(
            case
            for workload in workloads
            for case in plan_own_cases(workload, devices, arguments.precision, num_threads, NUM_STEPS)
        )
    return tuple(
        Case(
            device=device,
            engine=engine,
            batching=batching,
            precision=precision,
            num_threads=num_threads,
            num_epochs=TrainConfig().num_epochs,
        )
        for device, engine, batching, precision in product(
            devices, arguments.engine, arguments.batching, arguments.precision
        )
    )


def check_curves(curves: tuple[Case, ...]) -> None:
    """Refuse more curves than can take turns, and two of one name.

    Raises:
        UsageError: with their number, or the name.
    """
    if len(curves) > MAX_CURVES:
        raise UsageError(
            f"{len(curves)} curves are too many to take turns: name fewer devices, engines, batchings or precisions, "
            f"up to {MAX_CURVES} together"
        )
    names = [curve.name for curve in curves]
    if repeated := [name for name in names if names.count(name) > 1]:
        raise UsageError(f"--workload names {repeated[0]} twice: rename a file or a class")


def parse_axis(text: str) -> Axis:
    """Read an axis and its values: "batch_size=100:100000:x4", "threads=1,2,4"."""
    name, _, values = text.partition("=")
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,49}", name):
        raise ArgumentTypeError(f"{text!r} names no axis: {_FORM}")
    ranged = re.fullmatch(r"([0-9]{1,10}):([0-9]{1,10})(?::([x+])([0-9]{1,6}(?:\.[0-9]{1,3})?))?", values)
    if ranged is not None:
        first, last = int(ranged[1]), int(ranged[2])
        found = list(_spread(first, last, ranged[3] or "x", float(ranged[4] or _DEFAULT_FACTOR), text))
    elif re.fullmatch(r"[0-9]{1,10}(,[0-9]{1,10})*", values):
        found = sorted({int(each) for each in values.split(",")})
    else:
        raise ArgumentTypeError(f"{text!r} has no values: {_FORM}")
    if not 1 <= found[0] <= found[-1] <= _MAX_VALUE:
        raise ArgumentTypeError(f"{text!r} goes too far: use values from 1 to {_MAX_VALUE:,}")
    if len(found) > MAX_VALUES:
        raise ArgumentTypeError(f"{text!r} has {len(found)} values: use up to {MAX_VALUES}")
    # Whose axis it is, is not known yet: the default of a parameter is found when its class is looked at.
    return Axis(name=name, values=tuple(found), default=None if name in DEFAULTS else 1)


def _spread(first: int, last: int, sign: str, amount: float, text: str) -> Iterator[int]:
    """List values from end to end, both of them; refuse what would not rise."""
    if not 1 <= first <= last or amount < 1 or (sign == "x" and amount < 1.01):
        raise ArgumentTypeError(f"{text!r} does not rise from 1 or more: {_FORM}")
    value, before = float(first), 0
    while round(value) < last:
        if round(value) > before:
            before = round(value)
            yield before
        value = value * amount if sign == "x" else value + amount
    yield last


def _parse_devices(text: str) -> tuple[str, ...]:
    names = dict.fromkeys(check_device_name(name, also=("auto", "all")) for name in text.split(","))
    if len(names) > 1 and names.keys() & {"auto", "all"}:
        raise ArgumentTypeError(f"{text!r} mixes a name with auto or all: use one of them, or names")
    return tuple(names)
