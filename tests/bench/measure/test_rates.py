"""What a device does at most: the real kernels where they can run, and what can't be had with its reason."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection, Pipe
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from bench.measure import rate, rates, registers
from bench.measure.clock import HOST_CLOCK
from bench.measure.rate import UnmeasurableError, measure_rate
from bench.measure.rates import LARGEST_REGISTER_RATE, Bench, measure_rates, probe_rates
from bench.records.rates import RATES, Rates
from productnet.registry import load
from tests.bench.runs import make_case, make_rates

needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="there is no Numba here")
ASKED = make_rates(None, None, None, None, reason="-")


@pytest.fixture
def few_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate, "TRY_SECONDS", 0.05)
    monkeypatch.setattr(rates, "_STREAM_SIZE", 2**20)


def test_a_cpu_has_every_rate_that_torch_can_tell(few_tries: None) -> None:
    measured = measure_rates(ASKED)
    assert set(measured.reasons) <= {"register_multiply_adds_per_second"}
    assert (measured.device, measured.precision, measured.num_threads, measured.wave) == ("cpu", "fp32", 1, 0)


def test_without_numba_the_rate_in_registers_is_missing_with_the_remedy(
    few_tries: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    registers._compile.cache_clear()
    monkeypatch.setitem(sys.modules, "numba", None)
    measured = measure_rates(ASKED)
    assert measured.reasons == {
        "register_multiply_adds_per_second": "it needs Numba: pip install 'productnet-bench[fused]'"
    }


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("mps", "no compiled loop for mps"), ("cuda", "it needs Triton .* torch's builds for CUDA bring")],
)
def test_a_kind_of_device_without_a_compiled_loop_has_no_rate_in_registers(
    kind: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "triton", None)
    monkeypatch.delitem(sys.modules, "bench.measure.card_registers", raising=False)
    device: Any = SimpleNamespace(torch_device=SimpleNamespace(type=kind))
    with pytest.raises(UnmeasurableError, match=reason):
        rates._measure_registers(Bench(device, 1, "fp32", HOST_CLOCK))


def test_the_loop_of_a_card_computes_what_it_should_in_tritons_interpreter() -> None:
    pytest.importorskip("triton")
    program = """
import torch
from bench.measure.card_registers import multiply_add
numbers = torch.ones(2, 4, 64)
multiply_add[(2,)](numbers, 2, 64, 16)
assert (numbers == 2).all(), numbers
numbers.fill_(1)
multiply_add[(2,)](numbers, 1, 64, 2)
assert (numbers == 1.75).all(), numbers
"""
    environment = {**os.environ, "TRITON_INTERPRET": "1"}
    done = subprocess.run((sys.executable, "-c", program), capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr


def test_a_precision_that_the_device_lacks_costs_the_rate_of_its_product_alone(few_tries: None) -> None:
    reasons = measure_rates(msgspec.structs.replace(ASKED, precision="tf32")).reasons
    assert "TF32 is a format of NVIDIA's cards" in reasons["matrix_multiply_adds_per_second"]
    assert set(reasons) <= {"matrix_multiply_adds_per_second", "register_multiply_adds_per_second"}


def test_a_device_that_is_not_there_has_no_rates_and_one_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    measured = measure_rates(msgspec.structs.replace(ASKED, device="cuda:9"))
    assert set(measured.reasons) == set(RATES)
    assert all("device cuda:9 is not here" in reason for reason in measured.reasons.values())


def test_every_device_precision_and_thread_count_is_asked_for_once_and_an_answer_that_never_comes_is_a_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Rates] = []

    def ask(_target: Callable[[Connection, str], None], question: str, _timeout: float) -> bytes | None:
        asked.append(msgspec.json.decode(question, type=Rates))
        return None if len(asked) == 1 else msgspec.json.encode(make_rates(5e10))

    monkeypatch.setattr(rates, "ask_in_child", ask)
    cases = [make_case(), make_case("eager"), make_case(num_threads=2), make_case(precision="bf16"), make_case()]
    first, *others = probe_rates(cases, wave=3)
    assert [(each.precision, each.num_threads, each.wave) for each in asked] == [
        ("fp32", 1, 3),
        ("fp32", 2, 3),
        ("bf16", 1, 3),
    ]
    assert set(first.reasons.values()) == {"the process that measures it ended or hung"}
    assert others == [make_rates(5e10)] * 2


def test_the_child_answers_with_what_it_was_asked_about(few_tries: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "use_widest_vectors", lambda: None)
    monkeypatch.setattr("os.dup2", lambda *_descriptors: None)
    ours, theirs = Pipe()
    rates.answer_rates(theirs, msgspec.json.encode(ASKED).decode())
    assert msgspec.json.decode(ours.recv_bytes(), type=Rates).matrix_multiply_adds_per_second


@needs_numba
@pytest.mark.parametrize("num_threads", [1, 2])
def test_the_compiled_loop_computes_what_it_should_in_every_thread(few_tries: None, num_threads: int) -> None:
    work = registers.make_register_work(num_threads)
    found = measure_rate(work, HOST_CLOCK, LARGEST_REGISTER_RATE / registers.MULTIPLY_ADDS_PER_PASS)
    assert found > 0


@needs_numba
def test_a_compiled_loop_whose_result_nobody_needs_is_removed_and_refused(few_tries: None) -> None:
    numba = load("numba:njit")

    @numba(fastmath=True)  # type: ignore[untyped-decorator]
    def lose(num_passes: int, number: float) -> float:
        lost = number
        for _ in range(num_passes):
            lost = number * 0.5 + 1.0
        return number if lost > 0 else 0.0

    with pytest.raises(UnmeasurableError, match="it was not done"):
        measure_rate(lambda amount: lose(amount, 1.0), HOST_CLOCK, LARGEST_REGISTER_RATE)


def test_a_loop_that_came_to_another_value_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registers, "_compile", lambda: lambda *_arguments: None)
    work = registers.make_register_work(1)
    with pytest.raises(UnmeasurableError, match=r"came to 1\.0, where 2\.0 was expected"):
        work(2)
    with pytest.raises(UnmeasurableError, match=r"came to 1\.0"):
        registers.make_register_work(2)(2)
