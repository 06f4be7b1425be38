"""The suite's command-line option, as a plugin: pytest knows it whatever is collected first."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--device`."""
    parser.addoption(
        "--device",
        default="all",
        help="device of the benchmarks: cpu, cuda, cuda:N, mps, auto, or all (default); absent ones are skipped",
    )
