"""The arms of a pair: which of them can't go on, and whether they do the same work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from bench.measure.messages import BlockDone
from bench.measure.process import WorkerError
from bench.records.journal import as_text
from bench.records.race import Fallen


class ArmFellError(Exception):
    """An arm can't go on; never leaves this package."""

    def __init__(self, fallen: Fallen) -> None:
        super().__init__(fallen.reason)
        self.fallen = fallen


@contextmanager
def naming(pair: int, arm: int, stage: str) -> Iterator[None]:
    """Say whose error it is."""
    try:
        yield
    except WorkerError as error:
        fallen = Fallen(pair=pair, arm=arm, kind=error.kind, stage=stage, reason=as_text(error.reason))
        raise ArmFellError(fallen) from error


def check_equal_work(pair: int, done: Mapping[int, BlockDone], has_same_steps: bool, takes_laps: bool) -> None:
    """Refuse to compare blocks of unequal numbers of steps or samples: another tree may cut an epoch otherwise.

    Args:
        has_same_steps: False where the batches are meant to be of unequal size; the samples are equally many.
        takes_laps: whether every step was to be timed.
    """
    for arm, block in sorted(done.items()):
        with naming(pair, arm, "race"):
            if takes_laps and sum(map(len, block.laps)) != block.num_steps:
                raise WorkerError("rubbish", f"its block of {block.num_steps} steps has other laps")
            for name in ("num_steps", "num_samples")[not has_same_steps :]:
                ours, theirs = getattr(block, name), getattr(done[0], name)
                if ours != theirs:
                    what = name.removeprefix("num_")
                    raise WorkerError(
                        "rubbish",
                        f"its block had {ours} {what}, the first arm's {theirs}: the arms do not do the same work",
                    )
