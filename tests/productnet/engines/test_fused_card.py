"""What the engine for a card does on the host; its kernel as Triton compiles it, and in Triton's interpreter."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from productnet.batching import BatchOrder, epoch_mean
from productnet.config import TrainConfig
from productnet.engines import fused, make_engine
from productnet.engines.fused import cuda, orders
from productnet.engines.fused.cuda import LIMITS, check_fused_on_card
from productnet.engines.fused.orders import OrderFeed, TorchStreams, plan_chunks
from productnet.errors import ModeUnavailableError
from productnet.model import MLP
from productnet.precision import Arithmetic
from productnet.replicas import choose_engine

RECIPE = TrainConfig(device="cuda", engine="fused")
ON_CARD = Arithmetic("fp32", "cuda")
CPU = torch.device("cpu")


def _open_orders(num_samples: int, count: int) -> list[BatchOrder]:
    return [BatchOrder(num_samples, torch.Generator().manual_seed(seed).get_state()) for seed in range(count)]


# The orders


@pytest.mark.parametrize("has_numba", [False, True])
@pytest.mark.parametrize(("count", "num_threads"), [(1, 1), (1, 4), (5, 1), (5, 3)])
def test_every_chunk_is_what_each_order_draws_next(
    has_numba: bool, count: int, num_threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if has_numba:
        pytest.importorskip("numba")
    else:
        monkeypatch.setitem(sys.modules, "numba", None)
    ours, expected = _open_orders(700, count), _open_orders(700, count)
    feed = OrderFeed(count, 700, 4, num_threads, CPU)
    for num_epochs in (1, 11):
        chunks = [chunk.clone() for chunk in feed.send(ours, num_epochs)]
        assert chunks[0].shape == (count, 1, 700)
        drawn = torch.stack([torch.stack([order.next_epoch() for _ in range(num_epochs)]) for order in expected])
        assert torch.equal(torch.cat(chunks, dim=1).long(), drawn)
    for order, other in zip(ours, expected, strict=True):
        assert torch.equal(order.state(), other.state())
        assert order.num_epochs_drawn == other.num_epochs_drawn == 12


def test_a_torch_that_draws_other_permutations_draws_them_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numba")
    stream = importlib.import_module("productnet.engines.fused.stream")
    assert orders._choose_streams(50) is stream.OrderStreams
    monkeypatch.setattr(stream, "draws_as_torch", lambda _num_samples: False)
    assert orders._choose_streams(50) is TorchStreams


@pytest.mark.parametrize(
    ("num_epochs", "most", "sizes"),
    [(1, 100, [1]), (250, 100, [10, 100, 100, 40]), (3, 1, [1, 1, 1]), (12, 100, [10, 2])],
)
def test_the_first_chunk_is_small_and_none_larger_than_it_may_be(num_epochs: int, most: int, sizes: list[int]) -> None:
    assert list(plan_chunks(num_epochs, most)) == sizes


# What is chosen, and what is refused


def test_the_type_of_device_says_which_loop_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cuda, "make_fused_on_card", lambda *_given: "on a card")
    engine: object = make_engine(MLP((2, 3, 1)), RECIPE, ON_CARD)
    assert engine == "on a card"
    with pytest.raises(ModeUnavailableError, match="has no code for device mps: use --device cpu"):
        fused.make_fused(MLP((2, 3, 1)), replace(RECIPE, device="mps"), Arithmetic("fp32", "mps"))
    assert choose_engine(RECIPE, "cuda") is cuda.make_replicas_on_card
    assert choose_engine(RECIPE, "cpu") is not cuda.make_replicas_on_card


@pytest.mark.parametrize(
    ("changes", "precision", "reason"),
    [
        ({}, "tf32", "computes in float32, and tf32 was asked for: use --precision fp32"),
        (
            {"hidden_sizes": (8, 65)},
            "fp32",
            "takes layers of at most 64 units on device cuda, not 65: use --engine eager",
        ),
        ({"hidden_sizes": (2,) * 5}, "fp32", "takes 1 to 4 hidden layers on device cuda, not 5: use --engine eager"),
        ({"num_samples": LIMITS.most_samples + 1}, "fp32", "takes at most 10,000,000 samples on device cuda, not"),
    ],
)
def test_what_the_kernel_can_not_do_is_refused_with_the_reason(
    changes: dict[str, Any], precision: str, reason: str
) -> None:
    with pytest.raises(ModeUnavailableError, match=f"engine fused {reason}"):
        check_fused_on_card(replace(RECIPE, **changes), Arithmetic(precision, "cuda"))


def test_without_triton_the_engine_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "triton.runtime", None)
    with pytest.raises(
        ModeUnavailableError, match=r"needs Triton on a CUDA device .*: torch's builds for CUDA bring it"
    ):
        check_fused_on_card(RECIPE, ON_CARD)


def _fail_at_building() -> None:
    raise subprocess.CalledProcessError(1, ["gcc", "main.c"])


def _find_no_compiler() -> None:
    raise RuntimeError("Failed to find C compiler. Please specify via CC environment variable")


def _find_no_driver() -> None:
    raise AssertionError('libcuda.so cannot found!\nPlease make sure GPU is set up and then run "/sbin/ldconfig"')


def _fail_at_loading() -> None:
    raise ImportError("cuda_utils.so: undefined symbol: cuLaunchKernelEx")


@pytest.mark.parametrize("fail", [_fail_at_building, _find_no_compiler, _find_no_driver, _fail_at_loading])
def test_without_what_links_triton_to_the_driver_the_engine_is_refused_with_the_remedy(
    fail: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = SimpleNamespace(active=SimpleNamespace(get_current_device=fail))
    monkeypatch.setitem(sys.modules, "triton.runtime", SimpleNamespace(driver=driver))
    with pytest.raises(
        ModeUnavailableError, match=r"needs a C compiler.* libcuda.so.1 .*: install gcc and python3-dev, name"
    ):
        check_fused_on_card(RECIPE, ON_CARD)
    driver.active.get_current_device = lambda: 0
    check_fused_on_card(RECIPE, ON_CARD)


# The numbers around the kernel


@pytest.fixture
def card() -> Any:
    pytest.importorskip("triton", reason="there is no Triton here")
    return importlib.import_module("productnet.engines.fused.card")


@pytest.mark.parametrize(
    ("hidden_sizes", "num_replicas", "products", "num_warps"),
    [
        ((16, 8), 1, "sum", 4),
        ((16, 8), 132, "sum", 4),
        ((16, 8), 133, "sum", 2),
        ((64,), 1, "sum", 4),
        ((16, 16), 1, "sum", 4),
        ((17, 16), 1, "dot", 4),
        ((64, 64), 1_000, "dot", 4),
    ],
)
def test_the_form_follows_widths_and_replicas(
    card: Any, hidden_sizes: tuple[int, ...], num_replicas: int, products: str, num_warps: int
) -> None:
    form = card.choose_form(replace(RECIPE, hidden_sizes=hidden_sizes), num_replicas, num_multiprocessors=132)
    assert (form.products, form.num_warps) == (products, num_warps)


def test_an_epochs_mean_is_that_of_every_engine_bit_for_bit(card: Any) -> None:
    losses = torch.rand(3, 50, 7)
    for batch_sizes in ([20] * 7, [20] * 6 + [7]):
        means = card.average_epochs(losses, batch_sizes)
        expected = [[epoch_mean(epoch.tolist(), batch_sizes) for epoch in each] for each in losses]
        assert means.tolist() == expected


def test_corrections_are_adams_in_float64_wherever_a_chunk_begins(card: Any) -> None:
    whole = card.find_corrections(RECIPE, 0, 10)
    assert np.array_equal(whole[6:], card.find_corrections(RECIPE, 6, 4))
    assert whole[0].tolist() == pytest.approx([0.001 / (1 - 0.9), 1 / (1 - 0.999) ** 0.5], rel=1e-7)
    assert card.find_corrections(RECIPE, 10**6, 1)[0].tolist() == pytest.approx([0.001, 1.0], rel=1e-7)


# The kernel


def test_kernel_and_engine_pass_all_their_tests_in_tritons_interpreter() -> None:
    pytest.importorskip("triton", reason="there is no Triton here")
    tests = Path(__file__).with_name("test_fused_kernel.py")
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests))
    environment = {**os.environ, "TRITON_INTERPRET": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout
    assert "2 skipped" in done.stdout  # those that a card alone can run


@pytest.mark.compiles
@pytest.mark.parametrize(("hidden_sizes", "num_replicas"), [((16, 8), 1), ((16, 8), 1_000), ((20, 64, 5), 1)])
def test_the_kernel_compiles_for_a_card(
    card: Any, hidden_sizes: tuple[int, ...], num_replicas: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    compiler = importlib.import_module("triton.compiler")
    target = importlib.import_module("triton.backends.compiler").GPUTarget("cuda", 90, 32)
    config = replace(RECIPE, hidden_sizes=hidden_sizes, num_samples=250)
    form = card.choose_form(config, num_replicas, 132)
    num_parameters = sum(parameter.numel() for parameter in MLP(config.layer_sizes).parameters())
    constants = card.CardTrainer(config, torch.zeros(1, num_parameters), form).constants(250)
    names = card.train_kernel.arg_names
    scalars = {"num_epochs": "i32"} | dict.fromkeys(("keep1", "take1", "keep2", "take2", "epsilon"), "fp32")
    types = {name: "constexpr" if name in constants else "*fp32" for name in names} | {"orders": "*i32"} | scalars
    source = compiler.ASTSource(
        card.train_kernel, types, constexprs={(names.index(name),): value for name, value in constants.items()}
    )
    options = {"num_warps": form.num_warps, "num_stages": 1, "enable_fp_fusion": True}
    compiled = compiler.compile(source, target=target, options=options)
    assert compiled.asm["cubin"]
