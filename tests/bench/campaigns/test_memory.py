"""What a further sample takes is the difference of two peaks; an engine that can't be had says why."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from bench.campaigns import memory
from bench.campaigns.memory import measure, train_once


def test_what_both_sizes_take_is_in_neither_slope(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "ProcessPoolExecutor", lambda *_: ThreadPoolExecutor(1))
    monkeypatch.setattr(memory, "train_once", lambda _engine, _batching, size: 400_000_000 + 50 * size)
    assert measure("eager", "manual", (1_000_000, 3_000_000)) == ["450", "50"]


def test_a_training_has_a_peak_and_an_engine_that_is_not_there_a_reason() -> None:
    peak = train_once("eager", "manual", 20_000)
    assert isinstance(peak, int)
    assert peak > 10**7
    assert "needs a CUDA device" in str(train_once("graphed", "manual", 20_000))
