from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from productnet.config import TrainConfig
from productnet.errors import ConfigError
from productnet.memory import estimate_memory, naming_memory, try_memory

CPU = TrainConfig(device="cpu")


def test_the_estimate_is_that_of_the_recipe_by_hand() -> None:
    # 193 parameters, five numbers each; 16 + 8 hidden units for 100 samples.
    assert estimate_memory(CPU) == {
        "hidden_sizes": 193 * 5 * 4 + 24 * 100 * 4,
        "num_samples": 44_000,
        "num_heldout_samples": 240_000,
    }


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried to allocate 4 bytes."),
        RuntimeError("MPS backend out of memory (allocated 0 bytes)"),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
)
def test_too_little_memory_is_said_of_the_setting_that_takes_most(error: Exception) -> None:
    with pytest.raises(ConfigError) as caught, naming_memory(replace(CPU, device="mps", num_samples=10**9)):
        raise error
    assert str(caught.value) == (
        "num_samples 1000000000 takes at least 44.0 GB of memory in a training, and there is not as much on the "
        "machine or device mps: use less"
    )
    wide = replace(CPU, hidden_sizes=(90_000, 80_000), batch_size=1)
    with pytest.raises(ConfigError, match=r"^hidden_sizes 90000,80000 takes at least 144\.0 GB"), naming_memory(wide):
        raise error


@pytest.mark.parametrize(
    "changes",
    [{"hidden_sizes": (10**9, 10**9)}, {"hidden_sizes": (10**15, 10**15)}, {"num_heldout_samples": 10**14}],
)
def test_what_no_memory_holds_is_missed_before_any_of_it_is_touched(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="takes at least"), naming_memory(replace(CPU, **changes)):
        try_memory(replace(CPU, **changes))
    try_memory(CPU)


def test_replicas_multiply_networks_and_samples_and_are_named_where_memory_ends() -> None:
    # Judged one after another: only one at a time has samples that it never saw.
    assert estimate_memory(CPU, num_replicas=1_000) == {
        "hidden_sizes": 1_000 * (193 * 5 * 4 + 24 * 100 * 4),
        "num_samples": 44_000_000,
        "num_heldout_samples": 240_000,
    }
    with pytest.raises(ConfigError) as caught, naming_memory(replace(CPU, num_samples=10**6), num_replicas=10_000):
        try_memory(CPU, num_replicas=10**12)
    assert str(caught.value) == (
        "num_samples 1000000 takes at least 440.0 GB of memory in 10,000 trainings at once, and there is not as much "
        "on the machine: use less, or fewer at once"
    )


def test_another_error_is_left_as_it_is() -> None:
    with pytest.raises(RuntimeError, match="no kernel"), naming_memory(CPU):
        raise RuntimeError("no kernel image is available")
