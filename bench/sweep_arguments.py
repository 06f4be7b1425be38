"""The command line of `python -m bench.sweep`."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError, Namespace
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from bench.arguments import parse_duration, parse_label, parse_list, parse_positive_share
from bench.errors import UsageError
from bench.judge.crossing import ALPHA
from bench.records.case import MAX_REPLICAS, Case
from bench.records.sweep import DEFAULTS, MAX_CURVES, MAX_VALUES, Axis
from productnet.config import TrainConfig
from productnet.device import check_device_name
from productnet.door import OneLineParser
from productnet.registry import AMP, BATCHINGS, ENGINES, PRECISIONS

_MAX_VALUE = 10**9
_DEFAULT_FACTOR = 4.0
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
    axes = f"{', '.join(DEFAULTS)}; {_FORM}; again for a second axis, which makes families of curves"
    add("--over", type=parse_axis, action="append", metavar="AXIS", help=axes)
    add("--device", type=_parse_devices, default=("auto",), help="cpu, cuda, mps, several with commas, auto or all")
    engines, precisions = tuple(ENGINES), (*PRECISIONS, AMP)
    add("--engine", type=parse_list(engines), default=("reference", "eager"), help=f"of {','.join(engines)}")
    add("--batching", type=parse_list(tuple(BATCHINGS)), default=("manual",), help=f"of {','.join(BATCHINGS)}")
    add("--precision", type=parse_list(precisions), default=("fp32",), help=f"of {','.join(precisions)}")
    add("--threads", dest="num_threads", type=int, default=1, help="CPU threads, unless they are an axis (default 1)")
    add("--visits", type=int, help="to each value to begin with, in fresh processes (default 2; along threads 4)")
    add("--budget", type=parse_duration, default=300.0, help="of this sitting, start-up and all (default 300s)")
    add(
        "--resolution", type=parse_positive_share, default=0.1, help="to which crossings are to be known (default 10%%)"
    )
    add("--alpha", type=parse_positive_share, default=ALPHA, help="how often a pair's intervals may miss (default 5%%)")
    add("--seed", type=int, default=1, help="of every training (default 1)")
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
    if len(arguments.over) > 2:
        raise UsageError(f"--over was given {len(arguments.over)} times: use it once or twice")
    names = [axis.name for axis in arguments.over]
    if len(set(names)) < len(names):
        raise UsageError(f"--over {names[0]} was given twice: name another axis, or one list of values")
    if arguments.visits is None:
        arguments.visits = 4 if "threads" in names else 2
    if not 1 <= arguments.visits <= 100:
        raise UsageError(f"--visits {arguments.visits} is none: use 1 to 100")
    if "num_samples" in names and "batch_size" in names:
        batch, samples = (arguments.over[names.index(name)].values for name in ("batch_size", "num_samples"))
        if batch[-1] > samples[0]:
            raise UsageError(
                f"batches of up to {batch[-1]:,} are larger than {samples[0]:,} samples: let num_samples begin at "
                f"{batch[-1]:,}, or leave it to grow with the batch"
            )
    elif "num_samples" in names and arguments.over[names.index("num_samples")].values[0] < DEFAULTS["batch_size"]:
        raise UsageError(f"num_samples has to begin at a batch at least: at {DEFAULTS['batch_size']}")
    _check_values(arguments)


def _check_values(arguments: Namespace) -> None:
    values = {axis.name: axis.values[-1] for axis in arguments.over}
    if values.get("depth", 1) > 64:
        raise UsageError(f"a depth of {values['depth']} is too large: use up to 64 hidden layers")
    if values.get("replicas", 1) > MAX_REPLICAS:
        raise UsageError(f"{values['replicas']:,} replicas are too many to train at once: use up to {MAX_REPLICAS:,}")
    TrainConfig(num_threads=values.get("threads", arguments.num_threads), seed=arguments.seed)


def plan_curves(arguments: Namespace, devices: list[str]) -> tuple[Case, ...]:
    """Lay out the curves, on one thread where threads are an axis."""
    has_threads = any(axis.name == "threads" for axis in arguments.over)
    return tuple(
        Case(
            device=device,
            engine=engine,
            batching=batching,
            precision=precision,
            num_threads=1 if has_threads else arguments.num_threads,
            num_epochs=TrainConfig().num_epochs,
        )
        for device, engine, batching, precision in product(
            devices, arguments.engine, arguments.batching, arguments.precision
        )
    )


def check_number_of_curves(curves: tuple[Case, ...]) -> None:
    """Refuse more curves than can take turns.

    Raises:
        UsageError: with their number.
    """
    if len(curves) > MAX_CURVES:
        raise UsageError(
            f"{len(curves)} curves are too many to take turns: name fewer devices, engines, batchings or precisions, "
            f"up to {MAX_CURVES} together"
        )


def parse_axis(text: str) -> Axis:
    """Read an axis and its values: "batch_size=100:100000:x4", "threads=1,2,4"."""
    name, _, values = text.partition("=")
    if name not in DEFAULTS:
        raise ArgumentTypeError(f"{text!r} is no axis: use {', '.join(DEFAULTS)}; {_FORM}")
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
    return Axis(name=name, values=tuple(found))  # type: ignore[arg-type]


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
