"""A clock that a test moves, a workload that costs what it says, and workers made of it: no torch, no waiting."""

from __future__ import annotations

import ctypes
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, cast

from bench.measure.process import WorkerProcess, start_worker
from bench.records.case import Case
from bench.records.rates import StepWork
from bench.workloads import Judgement, RunsStepsAsOne
from productnet.engines.step import Step
from productnet.errors import DeviceUnavailableError
from productnet.kinds import PhaseTiming

if TYPE_CHECKING:
    from productnet.device import Device
    from productnet.precision import Arithmetic

ACCURACY = {
    "mse": 0.0002,
    "rmse": 0.3,
    "mean_absolute_error": 0.2,
    "largest_error": 2.0,
    "mean_relative_error": 0.01,
    "r_squared": 0.9998,
    "share_within_1_percent": 0.6,
    "share_within_5_percent": 0.97,
}


MISBEHAVING = "tests.bench.measure.fakes:MisbehavingWorkload"


class ScriptedClock:
    """Seconds that pass only when somebody says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def pass_time(self, seconds: float) -> None:
        self.now += seconds


class FakeDevice:
    """Does its work when it is waited for; its queue's marks read the same clock."""

    def __init__(self, pass_time: Callable[[float], None], phase_timing: PhaseTiming = "clock") -> None:
        self.pass_time = pass_time
        self.phase_timing = phase_timing
        self.pending_seconds = 0.0

    def synchronize(self) -> None:
        self.pass_time(self.pending_seconds)
        self.pending_seconds = 0.0

    def make_marks(self) -> None:
        """None."""

    def reset_peak_memory(self) -> None:
        """Nothing to reset."""

    def peak_memory_bytes(self) -> int:
        return 4_096


class FakeWorkload(RunsStepsAsOne):
    """Two steps of ten samples an epoch; each part of a step takes its own scripted time."""

    num_samples_per_epoch = 20
    num_steps_per_epoch = 2

    def __init__(self, pass_time: Callable[[float], None], inference_seconds: float = 0.001) -> None:
        self.pass_time = pass_time
        self.inference_seconds = inference_seconds
        self.device = cast("Device", FakeDevice(pass_time))
        self.arithmetic = cast("Arithmetic", None)
        self.num_multiply_adds_per_step: int | None = None
        self.least_multiply_adds_per_step: int | None = None
        self.num_multiply_adds_per_inference: int | None = None
        self.num_samples_per_inference: int | None = 10
        self.step_work: StepWork | None = None
        self.num_epochs_trained = 0
        self.num_restarts = 0

    def prepare(self) -> None:
        self.pass_time(0.5)

    def examine(self) -> None:
        """Nothing to find."""

    def train(self, num_epochs: int) -> list[float]:
        for _ in range(num_epochs):
            step = self.step()
            for _ in self.epoch():
                step.backward(step.forward(None))
                step.optimize()
                step.keep(None)
            step.end_epoch([])
        start = self.num_epochs_trained
        self.num_epochs_trained += num_epochs
        return [1.0 / (epoch + 1) for epoch in range(start, start + num_epochs)]

    def restart(self) -> None:
        self.num_epochs_trained = 0
        self.num_restarts += 1

    def judge(self) -> Judgement:
        return Judgement("0" * 64, ACCURACY, ACCURACY)

    def epoch(self) -> Iterator[object]:
        for _ in range(self.num_steps_per_epoch):
            self.pass_time(0.001)
            yield object()

    def step(self) -> Step:
        return Step(
            forward=lambda _batch: self.pass_time(0.002),
            backward=lambda _loss: self.pass_time(0.003),
            optimize=lambda: self.pass_time(0.004),
            keep=lambda _loss: self.pass_time(0.005),
            end_epoch=self.end_epoch,
        )

    def end_epoch(self, _kept: Sequence[None]) -> float:
        self.pass_time(0.006)
        return 0.0

    def make_inputs(self, num_batches: int) -> list[object]:
        return [object() for _ in range(num_batches)]

    def infer(self, inputs: Sequence[object]) -> object:
        self.pass_time(len(inputs) * self.inference_seconds)
        return inputs[-1]

    def is_right(self, inputs: object, prediction: object) -> bool:
        return prediction is inputs

    def run_first_step(self) -> bool:
        self.pass_time(0.25)
        return True

    def prefixes(self) -> dict[str, Callable[[int], None]]:
        return {"sampler": lambda num_epochs: self.pass_time(num_epochs * 0.0005)}


class MisbehavingWorkload(FakeWorkload):
    """What a case's engine is called is what it does wrong; "good" is quick and right."""

    def __init__(self, case: Case, seed: int) -> None:
        super().__init__(pass_time=lambda _seconds: None)
        self.behaviour = case.engine
        if self.behaviour == "raises in set-up":
            raise ValueError(f"no such thing for seed {seed}\nand more")
        if self.behaviour == "unavailable":
            raise DeviceUnavailableError("device x is not here")
        if self.behaviour == "prints":
            print("a stray print")
            os.write(1, b"a stray write\n")
        if self.behaviour == "leaves a semaphore":
            self.lock = multiprocessing.RLock()
            print(self.lock)

    def prepare(self) -> None:
        """Take no time."""

    def prefixes(self) -> dict[str, Callable[[int], None]]:
        return {}

    def train(self, num_epochs: int) -> list[float]:
        is_pilot = self.num_restarts == 0
        if not is_pilot:
            self.misbehave()
        time.sleep(0.0005 * num_epochs)
        return [0.5] * num_epochs

    def infer(self, inputs: Sequence[object]) -> object:
        time.sleep(0.0001 * len(inputs))
        return inputs[-1]

    def misbehave(self) -> None:
        match self.behaviour:
            case "can not be counted" if torch_is_looking_on():
                raise RuntimeError("nobody may look on")
            case "raises":
                raise RuntimeError("out of luck")
            case "sys.exit(0)":
                sys.exit(0)
            case "os._exit(0)":
                os._exit(0)
            case "crashes":
                ctypes.string_at(0)
            case "is killed":
                os.kill(os.getpid(), signal.SIGKILL)
            case "speaks of timeouts":
                print(
                    "Timeout (s) of the server: 5\nTimeout (0:00:05)!\nThread 0x1 is what a dump would say", flush=True
                )
                os._exit(3)
            case "quotes a timeout":
                print("Timeout (0:00:05)!\nof the server\nout of luck", flush=True)
                os._exit(1)
            case "hangs in a line":
                os.write(1, b"99 %, ")
                time.sleep(3600)
            case "hangs":
                time.sleep(3600)
            case "stops":
                os.kill(os.getpid(), signal.SIGSTOP)
            case "leaves a child":
                print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"]).pid)
                raise RuntimeError("left a child behind")


def torch_is_looking_on() -> bool:
    """Say whether torch's profiler runs, in a process that has torch."""
    return bool(sys.modules["torch"].autograd.profiler._is_profiler_enabled)


class WitnessWorkload(MisbehavingWorkload):
    """Misbehaves likewise; "tells" says in its complaint where it came from and what surrounds it."""

    def __init__(self, case: Case, seed: int) -> None:
        super().__init__(case, seed)
        if self.behaviour == "tells":
            modules = {name: sys.modules[name].__file__ for name in ("bench", "productnet", "torch")}
            padding = len(os.environ["BENCH_PADDING"])
            told = {"modules": modules, "witness": os.environ.get("WITNESS"), "padding": padding}
            raise LookupError(json.dumps(told))


class PacedWorkload(FakeWorkload):
    """An epoch takes what its engine says; one of them is not here, and one falls in its first timed block."""

    def __init__(self, case: Case, seed: int) -> None:
        super().__init__(pass_time=lambda _seconds: None)
        if case.engine == "graphed":
            raise DeviceUnavailableError("there are no graphs here")
        self.engine = case.engine
        self.epoch_seconds = {"eager": 0.0001, "compiled": 0.00012}.get(case.engine, 0.0002)

    def train(self, num_epochs: int) -> list[float]:
        if self.engine == "compiled" and self.num_restarts > 0:
            raise RuntimeError("out of luck")
        time.sleep(num_epochs * self.epoch_seconds)
        return [0.5] * num_epochs


def write_torch(directory: Path) -> Path:
    """Write a stand-in for torch, for interpreters that need only find one: the real one takes seconds to import."""
    (directory / "torch" / "_dynamo").mkdir(parents=True)
    (directory / "torch" / "__init__.py").write_text("__version__ = 'a stand-in'\n")
    (directory / "torch" / "_dynamo" / "__init__.py").write_text("")
    return directory


def launcher(directory: Path) -> Callable[[], WorkerProcess]:
    """Return what starts workers with the misbehaving workload, and keeps them in `.started`."""
    started: list[WorkerProcess] = []

    def launch() -> WorkerProcess:
        worker = start_worker(MISBEHAVING, directory / f"{len(started)}.log")
        started.append(worker)
        return worker

    launch.started = started  # type: ignore[attr-defined]
    return launch


def answer_rubbish(connection: Connection, _log: str, _place: str) -> None:
    connection.send_bytes(b"hello \xff")


def write_rubbish(connection: Connection, _log: str, _place: str) -> None:
    os.write(connection.fileno(), b"\x7f\xff\xff\xff" + b"x" * 1000)
