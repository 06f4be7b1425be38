"""The suite's command-line options, as a plugin: pytest knows them whatever is collected first."""

from __future__ import annotations

from argparse import ArgumentTypeError

import pytest

from productnet.device import check_device_name
from productnet.errors import ConfigError
from productnet.registry import AMP, PRECISIONS


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--device` and `--precision`."""
    parser.addoption(
        "--device",
        type=_parse_device,
        default="all",
        help="device of the benchmarks: cpu, cuda, cuda:N, mps, auto, or all (default); absent ones are skipped",
    )
    parser.addoption(
        "--precision",
        type=_parse_precisions,
        default=("fp32", AMP),
        help=f"precisions of the benchmarks, with commas: {', '.join((*PRECISIONS, AMP))} (default fp32,{AMP}); those "
        "that a device can't do are skipped",
    )


def _parse_precisions(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in (*PRECISIONS, AMP):
            raise ArgumentTypeError(f"{name!r} is not known: use {', '.join((*PRECISIONS, AMP))}")
    return names


def _parse_device(name: str) -> str:
    try:
        return check_device_name(name, also=("all",))
    except ConfigError as error:
        raise ArgumentTypeError(str(error)) from error
