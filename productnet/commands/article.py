"""`import simpleNN.pth FILE`: the article's own network, brought into a checkpoint of ours."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from productnet.commands.output import check_file, naming_output
from productnet.config import TrainConfig
from productnet.door import leaving_at_once
from productnet.exit_code import ExitCode

NAME = "import"
HELP = "make a checkpoint of the article's simpleNN.pth"


def add_flags(parser: ArgumentParser) -> None:
    """Describe what the command takes."""
    seed = TrainConfig().seed
    parser.add_argument("checkpoint", metavar="PTH", help="the state dict that the article's script saves")
    parser.add_argument("output", metavar="FILE", help="the checkpoint to write, say simpleNN.safetensors")
    parser.add_argument(
        "--seed",
        type=int,
        default=seed,
        help=f"of the training; the statistics of its data are drawn again from it (default {seed})",
    )


def run(arguments: Namespace) -> int:
    """Import, and write a checkpoint."""
    output = Path(arguments.output)
    config = TrainConfig(seed=arguments.seed)
    check_file("output", output)
    with leaving_at_once(arguments.parser.prog):
        from productnet.article import import_article
        from productnet.checkpoint import save_checkpoint

    checkpoint = import_article(Path(arguments.checkpoint), config)
    with naming_output("output", output):
        save_checkpoint(output, checkpoint)
    print(f"wrote {output}; try: python -m productnet predict 3 4 --checkpoint {output}")
    return ExitCode.FINE
