"""The work for pytest-benchmark: `pytest bench/campaigns/peers/epoch_benchmark.py --benchmark-only`."""

from __future__ import annotations

from typing import Any

from bench.campaigns.peers.work import make_epoch


def test_epoch(benchmark: Any) -> None:
    """Time an epoch with the plugin's defaults."""
    benchmark(make_epoch())
