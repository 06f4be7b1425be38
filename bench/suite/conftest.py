"""Fixtures of the suite: a workload on each device, engine, batching and precision, named in `extra_info`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bench.records.case import Case
from productnet.config import TrainConfig
from productnet.device import DEVICE_KINDS
from productnet.errors import DeviceUnavailableError, ModeUnavailableError
from productnet.registry import BATCHINGS, ENGINES

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

    from bench.workloads.productnet import ProductNet


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Spread each benchmark over devices, engines and batchings."""
    if "workload" not in metafunc.fixturenames:
        return
    asked = metafunc.config.getoption("--device")
    metafunc.parametrize("device", DEVICE_KINDS if asked == "all" else (asked,))
    metafunc.parametrize("engine", tuple(ENGINES))
    metafunc.parametrize("batching", tuple(BATCHINGS))
    metafunc.parametrize("precision", metafunc.config.getoption("--precision"))


@pytest.fixture
def workload(device: str, engine: str, batching: str, precision: str, benchmark: BenchmarkFixture) -> ProductNet:
    """Set up and warm up a training; skips where the device or the mode is not to be had, with the reason."""
    from bench.workloads.productnet import ProductNet

    recipe = TrainConfig()
    case = Case(
        device=device,
        engine=engine,
        batching=batching,
        precision=precision,
        num_threads=recipe.num_threads,
        num_epochs=recipe.num_epochs,
    )
    try:
        workload = ProductNet(case, recipe.seed)
    except (DeviceUnavailableError, ModeUnavailableError) as error:
        pytest.skip(str(error))
    workload.prepare()
    benchmark.extra_info.update(
        device=workload.training.device.name,
        device_model=workload.training.device.model_name,
        engine=engine,
        batching=batching,
        precision=workload.arithmetic.precision,
        num_threads=case.num_threads,
    )
    return workload
