"""The suite's command-line option, as a plugin: pytest knows it whatever is collected first."""

from __future__ import annotations

from argparse import ArgumentTypeError

import pytest

from productnet.device import check_device_name
from productnet.errors import ConfigError


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--device`."""
    parser.addoption(
        "--device",
        type=_parse_device,
        default="all",
        help="device of the benchmarks: cpu, cuda, cuda:N, mps, auto, or all (default); absent ones are skipped",
    )


def _parse_device(name: str) -> str:
    try:
        return check_device_name(name, also=("all",))
    except ConfigError as error:
        raise ArgumentTypeError(str(error)) from error
