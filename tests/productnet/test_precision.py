from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
import torch

from productnet.batching import ManualBatching
from productnet.config import TrainConfig
from productnet.device import Device
from productnet.engines.autograd import AutogradEngine
from productnet.errors import ConfigError, DeviceFaultError, ModeUnavailableError
from productnet.precision import Arithmetic, set_up_arithmetic
from productnet.receipt import check_placement
from productnet.train import Training, fit
from tests.productnet.modes import IN_BFLOAT16, WITH_SCALER

CPU = Device("cpu", "CPU", None)
CUDA = Device("cuda", "a card", 2**30)
MPS = Device("mps", "an Apple GPU", None)
SMALL = TrainConfig(device="cpu", num_samples=200, batch_size=50, num_epochs=20, num_heldout_samples=50)


@pytest.mark.parametrize(
    ("precision", "layer_type"), [("fp32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)]
)
def test_layers_put_out_the_type_of_the_precision_and_parameters_stay_float32(
    precision: str, layer_type: torch.dtype
) -> None:
    training = Training(replace(SMALL, precision=precision))
    assert training.engine.infer(training.data.features).dtype == training.arithmetic.layer_type == layer_type
    training.train(1)
    assert {parameter.dtype for parameter in training.model.parameters()} == {torch.float32}


@pytest.mark.parametrize(
    ("engine", "precision"),
    [*product(IN_BFLOAT16, ["bf16"]), *product(WITH_SCALER, ["fp16"])],
)
def test_a_training_in_16_bits_learns_nearly_the_same_and_not_the_very_same(engine: str, precision: str) -> None:
    exact = fit(SMALL)
    rounded = fit(replace(SMALL, engine=engine, precision=precision))
    assert rounded.precision == precision
    assert rounded.final_loss == pytest.approx(exact.final_loss, rel=0.1)
    assert rounded.final_loss != pytest.approx(exact.final_loss, rel=1e-6)
    assert rounded.digest == exact.digest


def test_only_float16_has_its_loss_scaled() -> None:
    assert {name: Arithmetic(name, "cpu").make_scaler().is_enabled() for name in ("fp32", "tf32", "bf16", "fp16")} == {
        "fp32": False,
        "tf32": False,
        "bf16": False,
        "fp16": True,
    }


def test_a_step_whose_scaled_gradients_overflow_is_left_out_and_the_scale_falls() -> None:
    # float16 ends at 65,504: a loss of thousands times the first scale of 65,536 is infinite.
    training = Training(replace(SMALL, precision="fp16"))
    step = training.engine.step()
    assert step is not None
    before = [parameter.detach().clone() for parameter in training.model.parameters()]
    inputs, targets = next(iter(training.batching.epoch()))
    step.backward(step.forward((inputs, targets * 1e6)))
    step.optimize()
    assert all(torch.equal(*pair) for pair in zip(training.model.parameters(), before, strict=True))


@pytest.mark.parametrize("engine", WITH_SCALER)
def test_steps_that_are_left_out_are_counted(engine: str) -> None:
    training = Training(replace(SMALL, precision="fp16", engine=engine))
    targets = training.data.targets.clone()
    assert isinstance(training.batching, ManualBatching)
    training.batching.targets *= 1e6
    training.train(3)
    assert training.result().num_skipped_steps == 12
    training.batching.targets /= 1e6
    assert torch.allclose(training.batching.targets, targets)
    training.train(2)
    assert training.result().num_skipped_steps == 12
    training.restart()
    training.train(1)
    # The very first step: 65,536, the scale that torch begins with, is too much for it.
    assert training.result().num_skipped_steps == 1


def test_steps_beyond_what_float32_counts_are_not_told_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    training = Training(replace(SMALL, precision="fp16"))
    training.train(1)
    training.epoch_losses = [0.0] * (2**22 + 1)
    monkeypatch.setattr(training, "_digest", str)
    assert training.result().num_skipped_steps is None
    training.arithmetic = Arithmetic("bf16", "cpu")
    assert training.result().num_skipped_steps == 0


def test_amp_is_bf16_on_a_cpu_and_the_result_says_so() -> None:
    result = fit(replace(SMALL, precision="amp"))
    assert result.precision == "bf16"
    assert result == replace(fit(replace(SMALL, precision="bf16")), config=result.config)


def test_tf32_is_refused_on_a_cpu_with_the_reason_and_the_remedy() -> None:
    with pytest.raises(ModeUnavailableError, match=r"precision tf32 .* device cpu: .*NVIDIA.*use fp32 or bf16"):
        Training(replace(SMALL, precision="tf32"))


def test_an_unknown_precision_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(ConfigError, match=r"precision 'fp8' is not known: use one of fp32, tf32, bf16, fp16, amp"):
        TrainConfig(precision="fp8")


@pytest.mark.parametrize(("capability", "amp"), [((7, 5), "fp16"), ((8, 0), "bf16"), ((9, 0), "bf16")])
def test_a_card_has_tf32_and_bf16_from_compute_capability_8(
    capability: tuple[int, int], amp: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _index: capability)
    assert CUDA.amp_precision() == amp
    assert CUDA.why_not("fp32") is None
    assert CUDA.why_not("fp16") is None
    for precision in ("tf32", "bf16"):
        reason = CUDA.why_not(precision)
        assert (reason is None) == (capability >= (8, 0))
        assert reason is None or "7.5" in reason


@pytest.mark.parametrize(("is_new", "amp"), [(False, "fp16"), (True, "bf16")])
def test_mps_has_bf16_from_macos_14(is_new: bool, amp: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_macos_or_newer", lambda _major, _minor: is_new)
    assert MPS.amp_precision() == amp
    assert (MPS.why_not("bf16") is None) == is_new
    assert MPS.why_not("fp16") is None
    assert "NVIDIA" in (MPS.why_not("tf32") or "")


def test_fp32_is_ieee_float32_whatever_was_set_before() -> None:
    torch.set_float32_matmul_precision("medium")
    set_up_arithmetic(CPU, "fp32")
    assert torch.get_float32_matmul_precision() == "highest"


def test_a_device_that_fails_in_a_precision_is_an_error_that_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Arithmetic, _work: object) -> None:
        raise RuntimeError("no such kernel\nand more")

    monkeypatch.setattr(Arithmetic, "autocast", fail)
    with pytest.raises(ModeUnavailableError, match=r"precision bf16 .*: no such kernel$"):
        set_up_arithmetic(CPU, "bf16")


# The receipt: what is where


def test_preparing_proves_where_everything_is(monkeypatch: pytest.MonkeyPatch) -> None:
    proven: list[Training] = []
    monkeypatch.setattr("productnet.train.check_placement", proven.append)
    training = Training(SMALL)
    training.prepare()
    assert proven == [training]


def test_a_parameter_of_another_type_is_caught() -> None:
    training = Training(SMALL)
    training.train(1)
    training.model.double()
    with pytest.raises(DeviceFaultError, match=r"parameter layers.0.weight came to be torch.float64 on cpu, where"):
        check_placement(training)


def test_layers_that_fall_back_to_another_precision_are_caught() -> None:
    training = Training(replace(SMALL, precision="bf16"))
    training.train(1)
    assert isinstance(training.engine, AutogradEngine)
    training.engine._infer = training.model
    with pytest.raises(DeviceFaultError, match=r"a prediction came to be torch.float32 .* torch.bfloat16 on cpu"):
        check_placement(training)


def test_a_training_on_another_device_is_caught() -> None:
    training = Training(SMALL)
    training.train(1)
    training.device = Device("meta", "nowhere", None)
    with pytest.raises(DeviceFaultError, match=r"parameter .* on cpu, where torch.float32 on meta was asked for"):
        check_placement(training)


@pytest.mark.parametrize("number", [0, 1, 3])
@pytest.mark.parametrize("part", ["features", "targets"])
def test_any_batch_of_another_type_is_caught(number: int, part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    training = Training(SMALL)
    training.train(1)
    batches = [list(batch) for batch in training.batching.epoch()]
    assert len(batches) == 4
    which = ("features", "targets").index(part)
    batches[number][which] = batches[number][which].double()
    monkeypatch.setattr(training.batching, "epoch", lambda: iter(batches))
    with pytest.raises(DeviceFaultError, match=f"a batch's {part} came to be torch.float64 on cpu"):
        check_placement(training)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device")
@pytest.mark.parametrize("precision", ["fp32", "tf32", "bf16", "fp16", "amp"])
def test_every_precision_trains_on_cuda(precision: str) -> None:
    exact = fit(SMALL)
    result = fit(replace(SMALL, device="cuda", precision=precision))
    assert result.final_loss == pytest.approx(exact.final_loss, rel=0.1)
