"""`evaluate CHECKPOINT`: how well a trained network multiplies."""

from __future__ import annotations

import math
from argparse import ArgumentParser, Namespace
from dataclasses import asdict, astuple
from pathlib import Path
from typing import TYPE_CHECKING

from productnet.commands.output import (
    add_json_flag,
    check_json,
    list_versions,
    make_say,
    warn_of_passed_over,
    write_json,
)
from productnet.door import leaving_at_once
from productnet.errors import CheckpointError, DivergedError
from productnet.exit_code import ExitCode

if TYPE_CHECKING:
    from productnet.checkpoint import Checkpoint
    from productnet.data import Dataset
    from productnet.device import Device
    from productnet.evaluate import Accuracy

NAME = "evaluate"
HELP = "show how well a trained network multiplies"

_FIGURES = (
    ("mean squared error, standardised", ".4g"),
    ("root of the mean squared error", ".4g"),
    ("mean absolute error", ".4g"),
    ("largest error", ".4g"),
    ("mean relative error", ".3%"),
    ("R squared", ".6f"),
    ("share within 1 %", ".2%"),
    ("share within 5 %", ".2%"),
)
"""What a figure of `Accuracy` is called and how it is written, in its order."""


def add_flags(parser: ArgumentParser) -> None:
    """Describe what the command takes."""
    parser.add_argument("checkpoint", metavar="CHECKPOINT", help="a file that train --save has written")
    parser.add_argument("--device", default="cpu", help="where the network runs (default cpu)")
    add_json_flag(parser)


def run(arguments: Namespace) -> int:
    """Judge the network of a checkpoint on its training samples, drawn again, and on samples that it never saw."""
    check_json(arguments.json)
    with leaving_at_once(arguments.parser.prog):
        import torch

    from productnet.checkpoint import load_checkpoint
    from productnet.data import draw_heldout_data
    from productnet.device import open_device
    from productnet.evaluate import evaluate
    from productnet.memory import naming_memory

    checkpoint = load_checkpoint(Path(arguments.checkpoint))
    # As in its training, so that the figures are the same to the last bit.
    torch.set_num_threads(checkpoint.config.num_threads)
    device = open_device(arguments.device)
    warn_of_passed_over(arguments.parser.prog, device)
    model = checkpoint.make_model().to(device.torch_device)
    with naming_memory(checkpoint.config):
        training = evaluate(model, _draw_training_data_again(arguments.checkpoint, checkpoint))
        heldout = evaluate(model, draw_heldout_data(checkpoint.config, checkpoint.statistics))
    record = _make_record(arguments.checkpoint, checkpoint, device, training, heldout)
    make_say(arguments.json)(_tabulate(checkpoint, training, heldout))
    if arguments.json is not None:
        write_json(arguments.json, record)
    return ExitCode.FINE


def _draw_training_data_again(path: str, checkpoint: Checkpoint) -> Dataset:
    from productnet.data import standardise
    from productnet.train import draw_start

    config, stored = checkpoint.config, checkpoint.statistics
    _, data, _ = draw_start(config)
    for name in ("mean", "std"):
        ours, theirs = getattr(data.statistics, name), getattr(stored, name)
        # Another processor adds in another order, and differs in the last digits of a float32.
        if ((ours - theirs).abs() > 1e-4 * stored.std).any():
            raise CheckpointError(
                f"{path}: statistics.{name} {theirs.tolist()} are not those of the {config.num_samples} samples that "
                f"seed {config.seed} draws, {ours.tolist()}: its recipe is not that of its training"
            )
    return standardise(data.values, stored)


def _make_record(
    path: str, checkpoint: Checkpoint, device: Device, training: Accuracy, heldout: Accuracy
) -> dict[str, object]:
    if not all(math.isfinite(figure) for figure in (*astuple(training), *astuple(heldout))):
        raise DivergedError(f"{path}: the network's errors are not finite: train it again, with a smaller --lr")
    return {
        "checkpoint": path,
        "config": asdict(checkpoint.config),
        "num_epochs": checkpoint.num_epochs,
        "epoch_loss": checkpoint.epoch_loss,
        "training_accuracy": asdict(training),
        "heldout_accuracy": asdict(heldout),
        "device": {"name": device.name, "model": device.model_name},
        "versions": list_versions(),
    }


def _tabulate(checkpoint: Checkpoint, training: Accuracy, heldout: Accuracy) -> str:
    from tabulate import tabulate

    rows = [
        (name, format(on_training, spec), format(on_heldout, spec))
        for (name, spec), on_training, on_heldout in zip(_FIGURES, astuple(training), astuple(heldout), strict=True)
    ]
    config = checkpoint.config
    headers = ("", f"{config.num_samples} training samples", f"{config.num_heldout_samples} unseen samples")
    return tabulate(rows, headers=headers, disable_numparse=True, colalign=("left", "right", "right"))
