from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from productnet.device import DEVICE_KINDS, Device, check_device_name, list_devices, open_device, why_absent
from productnet.errors import ConfigError, DeviceFaultError, DeviceUnavailableError

Pretend = Callable[..., None]
real_full = torch.full


@pytest.fixture(name="pretend")
def _pretend(monkeypatch: pytest.MonkeyPatch) -> Pretend:
    """Make torch report devices that are not there; what they compute, the CPU computes."""

    def pretend(*, cuda: int = 0, cuda_built: bool = True, mps: bool = False, mps_built: bool = True) -> None:
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
        monkeypatch.setattr(torch.version, "cuda", "13.0" if cuda_built else None)
        monkeypatch.setattr(torch.version, "hip", None)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
        monkeypatch.setattr(torch.backends.mps, "is_built", lambda: mps_built)
        monkeypatch.setattr(torch.backends.mps, "get_name", lambda: "Apple M9", raising=False)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: f"Card {index}")
        monkeypatch.setattr(
            torch.cuda, "get_device_properties", lambda index: SimpleNamespace(total_memory=(index + 1) * 2**30)
        )
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda index: (index + 2**20, (index + 1) * 2**30))
        monkeypatch.setattr(torch, "full", lambda size, value, device: real_full(size, value))
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    return pretend


class _NoMatrixProduct:
    def __matmul__(self, other: object) -> torch.Tensor:
        raise RuntimeError("no kernel image is available")


@pytest.mark.parametrize("name", ["auto", "cpu", "cuda", "cuda:1", "cuda:15", "mps"])
def test_a_device_of_the_accepted_forms_keeps_its_name(name: str) -> None:
    assert check_device_name(name) == name


def test_the_first_card_has_one_spelling() -> None:
    assert check_device_name("cuda:0") == "cuda"


@pytest.mark.parametrize(
    "name",
    [
        *("cuda:-1", "CUDA", "gpu", "cpu:0", "mps:1", "mps:0", "cuda ", " cuda", "", "cuda:01", "cuda:", "cuda:1.0"),
        *("cuda:00", "cuda\n", "cuda:1\n", "auto:0", "Auto", "cuda,cpu", "cuda:99999", "cuda:1\u0663", "xpu"),
    ],
)
def test_another_form_is_refused_with_the_forms_that_are_accepted(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_device_name(name)
    assert repr(name) in str(caught.value)
    assert "use one of cpu, cuda, cuda:N, mps, auto" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def _is_well_formed(name: str) -> bool:
    kind, colon, index = name.partition(":")
    if not colon:
        return kind in ("auto", "cpu", "mps", "cuda")
    return kind == "cuda" and index in [str(number) for number in range(10_000)]


def test_a_word_that_only_one_command_takes_is_accepted_and_listed_there_alone() -> None:
    assert check_device_name("all", also=("all",)) == "all"
    with pytest.raises(ConfigError):
        check_device_name("all")
    with pytest.raises(ConfigError, match=r"use one of cpu, cuda, cuda:N, mps, auto, all$"):
        check_device_name("everything", also=("all",))


@given(st.text(max_size=8) | st.from_regex(r"(cuda|cpu|mps|auto|CUDA)[: ]?-?\d{0,5}\s?", fullmatch=True))
def test_a_name_is_accepted_exactly_where_it_is_a_kind_or_a_numbered_card(name: str) -> None:
    if _is_well_formed(name):
        spelled = check_device_name(name)
        assert check_device_name(spelled) == spelled
    else:
        with pytest.raises(ConfigError):
            check_device_name(name)


def test_the_devices_present_are_listed_best_first(pretend: Pretend) -> None:
    pretend(cuda=2, mps=True)
    assert list_devices() == ["cuda", "cuda:1", "mps", "cpu"]
    pretend(mps=True)
    assert list_devices() == ["mps", "cpu"]
    pretend()
    assert list_devices() == ["cpu"]
    assert DEVICE_KINDS == ("cuda", "mps", "cpu")


@pytest.mark.parametrize(
    ("present", "best"),
    [
        ({"cuda": 2, "mps": True}, Device("cuda", "Card 0", 2**30)),
        ({"mps": True}, Device("mps", "Apple M9", None)),
        ({}, Device("cpu", "CPU", None)),
    ],
)
def test_auto_is_the_best_device_present(pretend: Pretend, present: dict[str, int], best: Device) -> None:
    pretend(**present)
    assert open_device("auto") == best


def test_a_card_is_opened_by_its_number(pretend: Pretend) -> None:
    pretend(cuda=2)
    assert open_device("cuda:1") == Device("cuda:1", "Card 1", 2 * 2**30)
    assert open_device("cuda:0") == Device("cuda", "Card 0", 2**30)
    assert Device("cuda:1", "Card 1", None).torch_device == torch.device("cuda", 1)


def test_what_nobody_holds_is_known_of_a_card_alone(pretend: Pretend) -> None:
    pretend(cuda=2, mps=True)
    assert open_device("cuda:1").free_memory_bytes() == 2**20 + 1
    assert [Device(name, "", None).free_memory_bytes() for name in ("mps", "cpu")] == [None, None]


def test_a_build_without_cuda_is_named_as_the_reason(pretend: Pretend) -> None:
    pretend(cuda_built=False, mps=True)
    with pytest.raises(DeviceUnavailableError) as caught:
        open_device("cuda")
    assert f"device cuda is not here: torch {torch.__version__} is built without CUDA" in str(caught.value)
    assert str(caught.value).endswith("use one of: mps, cpu")


def test_a_missing_card_or_driver_is_named_as_the_reason(pretend: Pretend) -> None:
    pretend()
    with pytest.raises(DeviceUnavailableError, match=r"finds no card or no driver; use one of: cpu$"):
        open_device("cuda")


def test_the_visibility_variable_is_named_with_its_value(pretend: Pretend, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend()
    for value in ("7", "", "abc"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
        with pytest.raises(DeviceUnavailableError) as caught:
            open_device("cuda")
        assert f"CUDA_VISIBLE_DEVICES={value!r} shows no card; use one of: cpu" in str(caught.value)


def test_a_card_beyond_the_last_is_refused_with_the_number_of_those_present(pretend: Pretend) -> None:
    pretend(cuda=2)
    with pytest.raises(DeviceUnavailableError, match=r"cuda:9 is not here: .*2.*; use one of: cuda, cuda:1, cpu$"):
        open_device("cuda:9")


def test_a_card_beyond_the_visible_ones_names_the_visibility_variable(
    pretend: Pretend, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(cuda=1)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    with pytest.raises(DeviceUnavailableError, match=r"CUDA_VISIBLE_DEVICES='3'.*; use one of: cuda, cpu$"):
        open_device("cuda:3")


def test_mps_that_is_not_built_and_mps_that_is_not_there_differ_in_their_reason(pretend: Pretend) -> None:
    pretend(mps_built=False)
    with pytest.raises(DeviceUnavailableError, match=r"built without MPS; use one of: cpu$"):
        open_device("mps")
    pretend(cuda=1)
    with pytest.raises(DeviceUnavailableError, match=r"no Metal device; use one of: cuda, cpu$"):
        open_device("mps")


def test_the_reason_why_a_kind_is_absent_is_none_where_it_is_present(pretend: Pretend) -> None:
    pretend(cuda=1, mps_built=False)
    assert why_absent("cuda") is None
    assert why_absent("cpu") is None
    assert why_absent("mps") == f"torch {torch.__version__} is built without MPS"


def test_a_malformed_name_is_a_usage_error_before_any_device_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> int:
        raise AssertionError("asked")

    monkeypatch.setattr(torch.cuda, "device_count", fail)
    with pytest.raises(ConfigError):
        open_device("cuda:-1")


def test_a_device_that_fails_at_its_first_allocation_is_unavailable_for_its_own_reason(
    pretend: Pretend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(size: object, value: float, device: str) -> torch.Tensor:
        assert device == "mps"
        raise RuntimeError("MPS backend out of memory (allocated 0 bytes)\nUse PYTORCH_MPS_HIGH_WATERMARK_RATIO")

    pretend(mps=True)
    monkeypatch.setattr(torch, "full", fail)
    with pytest.raises(DeviceUnavailableError) as caught:
        open_device("mps")
    assert (
        str(caught.value)
        == "device mps fails at its first work: MPS backend out of memory (allocated 0 bytes); others: cpu"
    )
    assert caught.value.exit_code == 3


def test_auto_passes_over_a_device_that_is_listed_but_fails_at_its_first_work(
    pretend: Pretend, monkeypatch: pytest.MonkeyPatch
) -> None:
    allocate = torch.full

    def fail_on_mps(size: tuple[int, ...], value: float, device: str) -> torch.Tensor:
        if device == "mps":
            raise RuntimeError("MPS backend out of memory")
        return allocate(size, value, device=device)

    pretend(mps=True)
    monkeypatch.setattr(torch, "full", fail_on_mps)
    reason = "device mps fails at its first work: MPS backend out of memory; others: cpu"
    assert open_device("auto") == Device("cpu", "CPU", None, passed_over=(reason,))
    assert open_device("cpu").passed_over == ()


def test_a_device_that_fails_without_a_word_is_unavailable_too(
    pretend: Pretend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(size: object, value: float, device: str) -> torch.Tensor:
        raise RuntimeError

    pretend(cuda=1)
    monkeypatch.setattr(torch, "full", fail)
    with pytest.raises(DeviceUnavailableError, match="device cuda fails at its first work: RuntimeError; others: cpu"):
        open_device("cuda")


def test_a_device_that_fails_at_its_first_product_is_unavailable(
    pretend: Pretend, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend(cuda=2)
    monkeypatch.setattr(torch, "full", lambda size, value, device: _NoMatrixProduct())
    with pytest.raises(DeviceUnavailableError, match=r"no kernel image is available; others: cuda, cpu$"):
        open_device("cuda:1")


@pytest.mark.parametrize(("value", "total"), [(0.0, "0.0"), (float("nan"), "nan"), (2.0001, "256.0")])
def test_a_device_that_computes_wrong_values_is_refused(
    pretend: Pretend, monkeypatch: pytest.MonkeyPatch, value: float, total: str
) -> None:
    pretend(mps=True)
    monkeypatch.setattr(torch, "full", lambda size, _value, device: real_full(size, value))
    with pytest.raises(DeviceFaultError, match=f"mps computes wrong values: 256 expected, {total}") as caught:
        open_device("mps")
    assert caught.value.exit_code == 5


def test_a_device_is_tried_with_a_product_on_itself(pretend: Pretend, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def record(size: tuple[int, int], value: float, device: str) -> torch.Tensor:
        tried.append(device)
        return real_full(size, value)

    pretend(cuda=3)
    monkeypatch.setattr(torch, "full", record)
    open_device("cuda:2")
    open_device("cpu")
    assert tried == ["cuda:2", "cpu"]


def test_synchronize_waits_for_the_right_device(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[object] = []
    monkeypatch.setattr(torch.cuda, "synchronize", waited.append)
    monkeypatch.setattr(torch.mps, "synchronize", lambda: waited.append("mps"))
    for name in ("cuda", "cuda:3", "mps", "cpu"):
        Device(name, "any", None).synchronize()
    assert waited == [0, 3, "mps"]


def test_the_real_cpu_is_there_and_works() -> None:
    assert open_device("cpu") == Device("cpu", "CPU", None)
    assert "cpu" in list_devices()
