"""`predict 3 4 --checkpoint FILE`: the product as a network has learned it, beside the true one."""

from __future__ import annotations

import re
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path

from productnet.commands.output import warn_of_passed_over
from productnet.config import LARGEST_FLOAT32
from productnet.door import leaving_at_once
from productnet.errors import ConfigError
from productnet.exit_code import ExitCode

NAME = "predict"
HELP = "multiply pairs of numbers as a trained network has learned to"


def add_flags(parser: ArgumentParser) -> None:
    """Describe what the command takes."""
    # argparse takes -2.5 for a number, but -1e-3 for a flag until Python 3.14.
    parser._negative_number_matcher = re.compile(r"^-\.?\d")
    parser.add_argument(
        "numbers", type=_parse_number, nargs="+", metavar="X1 X2", help="pairs of numbers, negative ones too"
    )
    parser.add_argument("--checkpoint", required=True, metavar="FILE", help="a file that train --save has written")
    parser.add_argument("--device", default="cpu", help="where the network runs (default cpu)")


def run(arguments: Namespace) -> int:
    """Print each pair with the product learned and the true one; warn of numbers that no training has shown."""
    from tabulate import tabulate

    numbers = arguments.numbers
    if len(numbers) % 2:
        raise ConfigError("numbers", f"are {len(numbers)}: give pairs, say 3 4")
    pairs = list(zip(numbers[::2], numbers[1::2], strict=True))

    with leaving_at_once(arguments.parser.prog):
        import torch

    from productnet.checkpoint import load_checkpoint
    from productnet.device import open_device
    from productnet.evaluate import multiply

    checkpoint = load_checkpoint(Path(arguments.checkpoint))
    device = open_device(arguments.device)
    warn_of_passed_over(arguments.parser.prog, device)
    model = checkpoint.make_model().to(device.torch_device)
    learned = multiply(model, torch.tensor(pairs, dtype=torch.float32), checkpoint.statistics).tolist()
    rows = [
        (x1, x2, product, x1 * x2, abs(product - x1 * x2)) for (x1, x2), product in zip(pairs, learned, strict=True)
    ]
    print(tabulate(rows, headers=("x1", "x2", "learned", "x1 * x2", "absolute error"), floatfmt=".6g"))
    low, high = checkpoint.config.low, checkpoint.config.high
    unseen = [f"{number:g}" for number in dict.fromkeys(numbers) if not low <= number < high]
    if unseen:
        print(
            f"{arguments.parser.prog}: warning: {', '.join(unseen)}: the network has seen numbers from {low:g} to "
            f"below {high:g} only; what it makes of others is a guess",
            file=sys.stderr,
        )
    return ExitCode.FINE


def _parse_number(text: str) -> float:
    try:
        number = float(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no number: give pairs of numbers, say 3 4") from error
    if not abs(number) <= LARGEST_FLOAT32:
        raise ArgumentTypeError(f"{text!r} is no finite number that fits float32: give pairs of numbers, say 3 4")
    return number
