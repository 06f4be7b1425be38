"""A worker's case between two commands: what it is asked to do, done and timed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import msgspec

from bench.measure.clock import HOST_CLOCK, Clock, measure_timer_floor, synchronised, time_block
from bench.measure.floor import find_floor, measure_multiply_adds_per_second
from bench.measure.laps import train_in_laps
from bench.measure.memory import read_peak_bytes, read_resident_bytes, reset_peak_bytes
from bench.measure.messages import (
    AnyCommand,
    BlockDone,
    CallsCounted,
    CountCalls,
    Explore,
    Explored,
    Judge,
    Judged,
    Ready,
    Reply,
    RunBlock,
    SetUp,
)
from bench.measure.operators import count_calls
from bench.measure.phases import PhaseTimes, time_phases, time_queued_phases
from bench.records.case import Case
from bench.records.journal import BlockKind, Memory
from bench.workloads import Workload
from bench.workloads.files import import_class

MakeWorkload = Callable[[Case, int], Workload]
"""A case and a seed -> a training that is set up."""

PILOT_SECONDS = 0.1
"""How long the pilot runs at least; it only plans the length of blocks."""

HOLD_FACTOR = 3.0
"""The device is kept busy for so many times what a step takes, so that the host has handed over all of it by then."""

NUM_COUNTED_EPOCHS = 2

_PHASE_KINDS: dict[str, tuple[BlockKind, ...]] = {
    "clock": ("plain", "phases"),
    "events": ("plain", "phases", "device"),
    "prefixes": ("plain",),
}


class Session:
    """What a worker knows of its case between two commands."""

    workload: Workload

    def __init__(self, make_workload: MakeWorkload, clock: Clock = HOST_CLOCK) -> None:
        self.make_workload = make_workload
        self.host_clock = clock

    def perform(self, command: AnyCommand) -> Reply:
        """Do what was asked."""
        match command:
            case SetUp():
                return self._set_up(command)
            case Explore():
                return self._explore()
            case RunBlock():
                if command.restart:
                    self.workload.restart()
                num_compiled = count_compiled_graphs()
                done = self._run_block(command)
                if count_compiled_graphs() != num_compiled:
                    raise RuntimeError(f"something was compiled within a timed block of kind {command.kind}")
                return done
            case CountCalls():
                return self._count()
            case Judge():
                memory = self._read_memory()  # before judging, which takes some itself
                return msgspec.convert({**asdict(self.workload.judge()), "memory": memory}, Judged)

    def _set_up(self, command: SetUp) -> Ready:
        if command.cores is not None and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, command.cores)
        is_cold = False
        if command.cache_directory is not None:
            # Read by TorchInductor and Triton when they compile, and by Numba when it is imported.
            for name in ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR", "NUMBA_CACHE_DIR"):
                os.environ[name] = command.cache_directory
            is_cold = not any(Path(command.cache_directory).glob("*"))
        if command.case.workload is not None:
            import_class(command.case.workload)  # what a user's file imports is no part of its set-up
        self.baseline_bytes = read_resident_bytes()
        started = self.host_clock()
        self.workload = workload = self.make_workload(command.case, command.seed)
        device = workload.device
        self.marks = device.make_marks()
        self.clock = synchronised(self.host_clock, device.synchronize)
        set_up = self.clock()
        has_first_step = workload.run_first_step()
        stepped = self.clock()
        workload.prepare()
        prepared = self.clock()
        workload.examine()
        ready = Ready(
            setup_seconds=set_up - started,
            compile_seconds=prepared - set_up,
            is_cold=is_cold,
            first_step_seconds=stepped - set_up if has_first_step else None,
            pilot_epoch_seconds=self._pilot(workload.train),
            num_steps_per_epoch=workload.num_steps_per_epoch,
            can_take_laps=device.phase_timing == "clock" and workload.can_watch_steps(),
            torch_version=str(sys.modules["torch"].__version__) if "torch" in sys.modules else "none",
        )
        self._go_to_start()
        return ready

    def _explore(self) -> Explored:
        workload = self.workload
        counts = (workload.least_multiply_adds_per_step, workload.num_multiply_adds_per_inference)
        rate = None
        if any(counts):
            rate = measure_multiply_adds_per_second(workload.device, workload.arithmetic, self.clock)
        explored = Explored(
            pilot_inference_seconds=self._pilot_inference(),
            timer_floor_seconds=measure_timer_floor(self.clock),
            num_multiply_adds_per_step=workload.num_multiply_adds_per_step,
            multiply_adds_per_second=rate,
            floor_seconds=find_floor(counts[0], rate),
            inference_floor_seconds=find_floor(counts[1], rate),
            phase_kinds=_PHASE_KINDS[workload.device.phase_timing] if workload.step() is not None else (),
            prefixes=tuple(workload.prefixes()),
            work=workload.step_work,
        )
        self._go_to_start()
        return explored

    def _pilot_inference(self) -> float | None:
        workload = self.workload
        if workload.num_samples_per_inference is None:
            return None
        inputs = list(workload.make_inputs(1))
        return self._pilot(lambda amount: workload.infer(inputs * amount))

    def _go_to_start(self) -> None:
        """Put the training back; what pilots and floors took is none of its memory."""
        self.workload.restart()
        self.workload.device.reset_peak_memory()
        self.has_own_peak = reset_peak_bytes()

    def _pilot(self, work: Callable[[int], object]) -> float:
        """Time one unit of some work, roughly: twice as many units until it takes long enough."""
        work(1)  # what has not run before may compile first
        amount = 1
        while True:
            seconds, _ = time_block(self.clock, work, amount)
            if seconds >= PILOT_SECONDS:
                return seconds / amount
            amount *= 2

    def _run_block(self, command: RunBlock) -> BlockDone:
        workload, amount = self.workload, command.amount
        match command.kind:
            case "inference":
                return self._infer(amount)
            case "phases":
                return self._describe(amount, self._time_phases(amount))
            case "device":
                return self._describe(amount, self._time_phases(amount, fills_the_queue=True))
            case "prefix":
                run = workload.prefixes()[command.prefix or ""]
                seconds, _ = time_block(self.clock, run, amount)
                return self._describe(amount, PhaseTimes(seconds, {}))
            case "train" | "plain":
                if command.warm_up:
                    workload.train(command.warm_up)
                if command.takes_laps:
                    return self._train_in_laps(amount)
                seconds, losses = time_block(self.clock, workload.train, amount)
                return self._describe(amount, PhaseTimes(seconds, {}), tuple(map(float, losses)))

    def _train_in_laps(self, num_epochs: int) -> BlockDone:
        seconds, laps, losses = train_in_laps(self.workload, num_epochs, self.clock, self.host_clock)
        done = self._describe(num_epochs, PhaseTimes(seconds, {}), tuple(map(float, losses)))
        return msgspec.structs.replace(done, laps=laps)

    def _count(self) -> CallsCounted:
        """Count what further epochs add, so that what a call does once, however many epochs it trains, is not in it."""
        workload = self.workload
        num_steps = NUM_COUNTED_EPOCHS * workload.num_steps_per_epoch
        few = count_calls(lambda: workload.train(NUM_COUNTED_EPOCHS))
        many = count_calls(lambda: workload.train(2 * NUM_COUNTED_EPOCHS))
        num_operators, num_kernels = (max(0, more - less) for less, more in zip(few, many, strict=True))
        return CallsCounted(
            operators_per_step=num_operators / num_steps,
            kernels_per_step=None if self.marks is None else num_kernels / num_steps,
        )

    def _infer(self, num_batches: int) -> BlockDone:
        workload = self.workload
        inputs = workload.make_inputs(num_batches)
        seconds, prediction = time_block(self.clock, lambda _amount: workload.infer(inputs), num_batches)
        if not workload.is_right(inputs[-1], prediction):
            raise RuntimeError("the last prediction of a timed block is not that of its inputs")
        num_samples = num_batches * (workload.num_samples_per_inference or 0)
        return BlockDone(num_steps=num_batches, num_samples=num_samples, seconds=seconds)

    def _time_phases(self, num_epochs: int, fills_the_queue: bool = False) -> PhaseTimes:
        workload = self.workload
        if self.marks is None:
            return time_phases(workload, num_epochs, self.clock)
        hold_seconds = 0.0
        if fills_the_queue:
            seconds, _ = time_block(self.clock, workload.train, 1)
            hold_seconds = HOLD_FACTOR * seconds / workload.num_steps_per_epoch
        return time_queued_phases(
            workload, num_epochs, self.host_clock, workload.device.synchronize, self.marks, hold_seconds
        )

    def _describe(self, num_epochs: int, times: PhaseTimes, epoch_losses: tuple[float, ...] = ()) -> BlockDone:
        return BlockDone(
            num_steps=num_epochs * self.workload.num_steps_per_epoch,
            num_samples=num_epochs * self.workload.num_samples_per_epoch,
            seconds=times.seconds,
            phase_seconds=times.phase_seconds or None,
            host_phase_seconds=times.host_phase_seconds,
            timer_seconds=times.timer_seconds,
            epoch_losses=epoch_losses,
        )

    def _read_memory(self) -> Memory:
        return Memory(
            baseline_bytes=self.baseline_bytes,
            peak_bytes=read_peak_bytes() if self.has_own_peak else None,
            peak_device_bytes=self.workload.device.peak_memory_bytes(),
        )


def count_compiled_graphs() -> int:
    """Return how many graphs torch has compiled in this process; 0 where it has not even loaded its compiler."""
    dynamo = sys.modules.get("torch._dynamo.utils")
    return 0 if dynamo is None else int(dynamo.counters["stats"]["unique_graphs"])
