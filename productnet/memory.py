"""What a training takes of memory, for whoever has asked for more than there is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

from productnet.config import TrainConfig
from productnet.errors import ConfigError

_COMPLAINTS = ("DefaultCPUAllocator", "Storage size calculation overflowed", "out of memory", "_STATUS_ALLOC_FAILED")
"""In torch's errors: of the CPU's allocator, of a size beyond 64 bits, of CUDA and Metal, of cuBLAS and cuDNN."""


@contextmanager
def naming_memory(config: TrainConfig, num_replicas: int = 1) -> Iterator[None]:
    """Have a training, or several at once, say which setting takes most of the memory where there is too little.

    Raises:
        ConfigError: with about how much it takes, and what to do.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not tells_of_memory(str(error)):
            raise
        costs = estimate_memory(config, num_replicas)
        setting = max(costs, key=lambda name: costs[name])
        cost = costs[setting]
        size = f"{cost / 1e9:,.1f} GB" if cost >= 1e9 else f"{cost / 1e6:,.1f} MB"
        value = str(getattr(config, setting)).strip("(,)").replace(" ", "")
        where = "the machine" if config.device == "cpu" else f"the machine or device {config.device}"
        what, remedy = "a training", "use less"
        if num_replicas > 1:
            what, remedy = f"{num_replicas:,} trainings at once", "use less, or fewer at once"
        raise ConfigError(
            setting, f"{value} takes at least {size} of memory in {what}, and there is not as much on {where}: {remedy}"
        ) from error


def tells_of_memory(complaint: str) -> bool:
    """Say whether an error's text is that of memory that ran out."""
    return "MemoryError" in complaint or any(words in complaint for words in _COMPLAINTS)


def try_memory(config: TrainConfig, num_replicas: int = 1) -> None:
    """Ask for the host's memory in one piece, and give it back untouched: where it is far too little, fail at once.

    Raises:
        RuntimeError: torch's own, when there is not as much.
    """
    import torch  # estimating alone is for who has not imported it

    torch.empty(min(max(estimate_memory(config, num_replicas).values()), 2**62), dtype=torch.uint8)


def estimate_memory(config: TrainConfig, num_replicas: int = 1) -> dict[str, int]:
    """Estimate the bytes that trainings take at least for networks, samples and those that they never see.

    A parameter is five numbers of 4 bytes: its value, its start, its gradient and Adam's two moments; a hidden unit
    keeps its output for each sample of a batch. A sample is three numbers as drawn and three standardised; one that is
    trained on also has its place in the order (8 bytes) and its copy in a batch (three numbers). Of several
    at once each is judged on its own: samples that they never saw are there once.
    """
    num_parameters = sum((fan_in + 1) * fan_out for fan_in, fan_out in pairwise(config.layer_sizes))
    return {
        "hidden_sizes": num_replicas * (20 * num_parameters + 4 * config.batch_size * sum(config.hidden_sizes)),
        "num_samples": num_replicas * 44 * config.num_samples,
        "num_heldout_samples": 24 * config.num_heldout_samples,
    }
