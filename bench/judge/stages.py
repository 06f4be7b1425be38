"""What a training costs before and beside its steps: set-up, compiling, the first step, memory."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.judge.statistics import Summary, summarise
from bench.records.run import Measurement


@dataclass(frozen=True, slots=True)
class Stages:
    """Stages of one case. What was not measured is None."""

    setup_seconds: Summary | None
    first_step_seconds: Summary | None
    """With an empty cache on the disk."""
    cold_warmup_seconds: Summary | None
    """From set-up to the first timed epoch with an empty cache on the disk: the first step, compiling, an epoch."""
    cached_warmup_seconds: Summary | None
    """With what an earlier replicate has compiled."""
    memory_bytes: Summary | None
    """Peak resident memory of the process above what it had before the case was set up."""
    device_memory_bytes: Summary | None
    """The most that tensors held on a device with memory of its own."""


def judge_stages(measurements: Sequence[Measurement]) -> Stages:
    """Summarise the stages over the processes that measured a case."""
    started = [each.started for each in measurements if each.started]
    memories = [each.trained.memory for each in measurements if each.trained]
    return Stages(
        setup_seconds=summarise([each.setup_seconds for each in started]),
        first_step_seconds=_summarise_present(each.first_step_seconds for each in started if each.is_cold),
        cold_warmup_seconds=summarise([each.compile_seconds for each in started if each.is_cold]),
        cached_warmup_seconds=summarise([each.compile_seconds for each in started if not each.is_cold]),
        memory_bytes=_summarise_present(
            each.peak_bytes - each.baseline_bytes
            for each in memories
            if each.peak_bytes is not None and each.baseline_bytes is not None
        ),
        device_memory_bytes=_summarise_present(each.peak_device_bytes for each in memories),
    )


def count_payoff_epochs(
    compile_seconds: float, epoch_seconds: float, their_compile_seconds: float, their_epoch_seconds: float
) -> int | None:
    """Count the epochs after which a case that starts later has caught up with another; None where it never does.

    Args:
        compile_seconds: all that comes between set-up and the first timed epoch.
    """
    if epoch_seconds >= their_epoch_seconds:
        return None
    return max(0, math.ceil((compile_seconds - their_compile_seconds) / (their_epoch_seconds - epoch_seconds)))


def _summarise_present(values: Iterable[float | None]) -> Summary | None:
    return summarise([value for value in values if value is not None])
