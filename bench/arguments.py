"""The command line of `python -m bench.run`, and what the words of it and of its neighbours may be."""

from __future__ import annotations

import math
import re
import shutil
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from bench.errors import UsageError
from bench.own import NUM_STEPS, add_own_flags, check_own_flags
from bench.records.case import Case
from bench.records.plan import MAX_REPLICATES, QUALITY_MARGIN
from bench.records.price import EVERY_DEVICE, find_price
from bench.workloads.suites import SUITES
from productnet.config import TrainConfig
from productnet.device import check_device_name
from productnet.door import OneLineParser, tell
from productnet.errors import ConfigError
from productnet.registry import (
    AMP,
    BATCHING_HELP,
    ENGINES,
    MAX_REPLICAS,
    PRECISIONS,
    REPLICA_BATCHING,
    REPLICA_ENGINES,
    split_batching,
)

DEFAULT_SUITE = "quick"
_WIDTH_ELSEWHERE = 250
"""Columns where standard output is no terminal, so that nothing folds in a log."""


def make_parser(prog: str) -> OneLineParser:
    """Describe the command line."""
    parser = OneLineParser(
        prog=prog,
        description="Train the product network in several modes, measure speed and accuracy side by side, and write "
        "tables to results/. Without flags: the suite 'quick' on the best device here.",
    )
    recipe = TrainConfig()
    suites = "; ".join(f"{name}: {suite.purpose}" for name, suite in SUITES.items())
    add = parser.add_argument
    add("--device", default="auto", help="cpu, cuda, cuda:N, mps, auto (the best one here, default) or all")
    add("--suite", choices=tuple(SUITES), help=f"which cases; {suites} (default {DEFAULT_SUITE})")
    engines, precisions = tuple(ENGINES), (*PRECISIONS, AMP)
    add_engine = parser.add_mutually_exclusive_group().add_argument
    add_engine("--engine", type=parse_list(engines), help=f"instead of the suite's: {','.join(engines)}")
    compiled = ("compiled-model",)
    add_engine("--compile", dest="engine", action="store_const", const=compiled, help="--engine compiled-model")
    add("--batching", type=parse_batchings, help=f"instead of the suite's: {BATCHING_HELP}")
    add_precision = parser.add_mutually_exclusive_group().add_argument
    add_precision("--precision", type=parse_list(precisions), help=f"instead of the suite's: {','.join(precisions)}")
    amp = (AMP,)
    add_precision("--amp", dest="precision", action="store_const", const=amp, help="the device's 16-bit precision")
    epochs, threads = recipe.num_epochs, recipe.num_threads
    steps = f"steps of a workload of your own (default {NUM_STEPS})"
    add("--epochs", "--steps", dest="num_epochs", type=int, help=f"of a training (default {epochs}); {steps}")
    fresh = f"how often each case is measured, each time in a fresh process with a new seed: 1 to {MAX_REPLICATES}"
    add("--replicates", type=int, help=f"{fresh} (default: the suite's own)")
    add(
        "--replicas",
        type=parse_counts,
        metavar="K",
        help="train so many networks at once, of seeds that follow each other; several with commas, say 1,4,16 "
        f"(engines {','.join(REPLICA_ENGINES)}, batching {REPLICA_BATCHING}; default 1)",
    )
    add("--threads", dest="num_threads", type=int, default=threads, help=f"CPU threads (default {threads})")
    add("--seed", type=int, default=recipe.seed, help=f"of the first replicate (default {recipe.seed})")
    margin = "held-out MSE that still counts as equal: up to so many times the reference's, or one in so many of it"
    add("--quality-margin", type=parse_margin, default=QUALITY_MARGIN, help=f"{margin} (default {QUALITY_MARGIN})")
    add("--strict", action="store_true", help="exit 1 where a quality is DIFFERENT, 7 where one is UNDECIDED")
    add("--output", type=Path, help="the run's directory (default: a new one under results/)")
    add("--label", type=parse_label, help="a word of yours that is kept with the run and put into its name")
    energy = "read counters of energy for each case, apart from the timing: up to half a minute more for each process"
    add("--energy", action="store_true", help=energy)
    add_price_flag(parser)
    add_own_flags(parser)
    add("--list", action="store_true", help="name the cases that would be tried and stop; asks no device")
    add(
        "--info",
        action="store_true",
        help="the doctor: show this machine, what may spoil a measurement on it, and what mends that",
    )
    return parser


def add_price_flag(parser: ArgumentParser) -> None:
    """Add the flag that says what an hour costs."""
    form = "say 2.49, or cuda=2.49,cpu=0.10, in any currency"
    help_text = f"what an hour costs, {form}: shows money beside time"
    parser.add_argument("--price-per-hour", type=parse_prices, default={}, metavar="PRICE", help=help_text)


def tell_unpriced(prices: Mapping[str, float], cases: Iterable[Case]) -> None:
    """Say which devices have no price, where some were named: their money is left out."""
    lacking = dict.fromkeys(case.device for case in cases if find_price(prices, case.device) is None)
    if prices and lacking:
        tell(f"no price for {', '.join(lacking)}: --price-per-hour names {', '.join(prices)}")


def check_numbers(arguments: Namespace) -> None:
    """Fill in what the user left out, and check every number as a training would.

    Raises:
        ConfigError: with the setting, its value and what it may be.
        UsageError: likewise, of the number of replicates.
    """
    if arguments.workload is not None:
        check_own_flags(arguments)
    arguments.suite = arguments.suite or DEFAULT_SUITE
    if arguments.num_epochs is None:
        arguments.num_epochs = NUM_STEPS if arguments.workload is not None else TrainConfig().num_epochs
    if arguments.replicates is not None and arguments.replicates < 1:
        raise UsageError(f"--replicates {arguments.replicates} is too small: use at least 1")
    if arguments.replicates is not None and arguments.replicates > MAX_REPLICATES:
        raise UsageError(f"--replicates {arguments.replicates} is too large: use at most {MAX_REPLICATES}")
    last = arguments.seed + (arguments.replicates or 1) + max(arguments.replicas or (1,)) - 2
    for seed in (arguments.seed, last):
        TrainConfig(num_threads=arguments.num_threads, num_epochs=arguments.num_epochs, seed=seed)


def parse_counts(text: str) -> tuple[int, ...]:
    """Read numbers of replicas with commas."""
    if not re.fullmatch(r"[0-9]{1,9}(,[0-9]{1,9})*", text):
        raise ArgumentTypeError(f"{text!r} is no number of replicas: use, say, 64, or several with commas, 1,4,16,64")
    counts = tuple(dict.fromkeys(map(int, text.split(","))))
    for count in counts:
        if not 1 <= count <= MAX_REPLICAS:
            raise ArgumentTypeError(f"{count} replicas can't be trained at once: use 1 to {MAX_REPLICAS:,}")
    return counts


def parse_list(known: tuple[str, ...]) -> Callable[[str], tuple[str, ...]]:
    """Return what reads a list of known words, with commas."""

    def parse(text: str) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(text.split(",")))
        for name in names:
            if name not in known:
                raise ArgumentTypeError(f"{name!r} is not known: use {', '.join(known)}, or several with commas")
        return names

    return parse


def parse_batchings(text: str) -> tuple[str, ...]:
    """Read a list of batchings, with commas."""
    names = tuple(dict.fromkeys(text.split(",")))
    for name in names:
        try:
            split_batching(name)
        except ConfigError as error:
            raise ArgumentTypeError(f"{error.complaint}; several with commas") from error
    return names


def parse_prices(text: str) -> dict[str, float]:
    """Read what an hour costs: "2.49" on every device, or "cuda=2.49,cpu=0.10"."""
    prices: dict[str, float] = {}
    for part in text.split(","):
        name, _, amount = part.rpartition("=")
        price = float(amount) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", amount) else 0.0
        if not price > 0 or ("=" in part and not name):
            raise ArgumentTypeError(f"{part!r} is no price: use a number above 0, say 2.49, or cuda=2.49,cpu=0.10")
        if name == "auto":
            raise ArgumentTypeError(
                f"{part!r} names no device: use its own name, say cuda={amount}, or {amount} for all"
            )
        try:
            name = check_device_name(name or EVERY_DEVICE, also=(EVERY_DEVICE,))
        except ConfigError as error:
            raise ArgumentTypeError(str(error)) from error
        if name in prices:
            raise ArgumentTypeError(f"{text!r} has two prices for {name}: use one, with a point as decimal mark")
        prices[name] = price
    return prices


_LONGEST_SECONDS = 1e9
"""What a stored plan has room for."""


def parse_duration(text: str) -> float:
    """Read a time, "90", "90s" or "2min", as seconds."""
    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)(s|min|h)?", text)
    seconds = float(found[1]) * {"s": 1.0, "min": 60.0, "h": 3600.0}[found[2] or "s"] if found else 0.0
    if not 0 < seconds <= _LONGEST_SECONDS:
        raise ArgumentTypeError(f"{text!r} is no time: use seconds or minutes, say 60s or 2min")
    return seconds


def parse_share(text: str) -> float:
    """Read a share in percent, "0.8%", as a share of 1."""
    found = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)\s?%", text)
    if not found or not float(found[1]) < 100:
        raise ArgumentTypeError(f"{text!r} is no share: use percent, say 0.8%")
    return float(found[1]) / 100


def parse_positive_share(text: str) -> float:
    """Read a share in percent that is above 0."""
    share = parse_share(text)
    if not share > 0:
        raise ArgumentTypeError(f"{text!r} is nothing: use more than 0%")
    return share


def parse_margin(text: str) -> float:
    """Read by how many times an error may differ."""
    try:
        margin = float(text)
    except ValueError:
        margin = math.nan
    if not 1 < margin < math.inf:
        raise ArgumentTypeError(f"{text!r} is no margin: use a ratio above 1, say {QUALITY_MARGIN}")
    return margin


def parse_label(text: str) -> str:
    """Read a word that can stand in a name."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}", text):
        raise ArgumentTypeError(f"{text!r} is no label: use up to 40 letters, digits, dots, dashes and underscores")
    return text


def choose_width() -> int:
    """Return how many columns standard output has."""
    return shutil.get_terminal_size((120, 24)).columns if sys.stdout.isatty() else _WIDTH_ELSEWHERE
