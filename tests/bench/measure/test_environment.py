from __future__ import annotations

import os
import subprocess
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec
import pytest

from bench.errors import FaultyDeviceError, UnavailableError
from bench.measure import environment, survey
from bench.measure.process import ask_in_child
from bench.measure.rounds import MAX_WORKERS, choose_max_workers
from bench.measure.survey import Survey, TorchFacts, Unusable, choose_devices, drop_unusable, resolve_amp
from bench.records.environment import Accelerator, Recorded
from bench.workloads.suites import SUITES, plan_cases
from productnet.device import Device
from productnet.errors import DeviceUnavailableError
from productnet.exit_code import ExitCode

FACTS = TorchFacts(
    torch_version="2.13.0",
    torch_commit=None,
    torch_cuda_version=None,
    cudnn_version=None,
    cpu_capability="AVX2",
    numpy_version="2.4",
)


def make_survey(*names: str, **unusable: Unusable) -> Survey:
    devices = tuple(Accelerator(name=name, model_name=f"model of {name}") for name in names)
    return Survey(devices=devices, unusable=unusable, torch=FACTS)


def test_variables_that_steer_libraries_are_kept_and_others_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("PYTORCH_LONG", "x" * 10_000)
    monkeypatch.setenv("MY_PASSWORD", "secret")
    variables = environment.collect_variables()
    assert variables["OMP_NUM_THREADS"] == "3"
    assert variables["CUDA_VISIBLE_DEVICES"] == ""
    assert len(variables["PYTORCH_LONG"]) == 200
    assert "MY_PASSWORD" not in variables


def test_everything_that_identifies_this_machine_is_collected() -> None:
    found = environment.collect_environment(make_survey("cuda", "cpu"), Path(__file__).parent)
    assert found.identity.torch_version == "2.13.0"
    assert found.identity.accelerators == (Accelerator(name="cuda", model_name="model of cuda"),)
    assert found.identity.cpu_architecture is not None
    assert found.recorded.memory_bytes is not None
    assert found.recorded.memory_bytes > 2**28


def git(directory: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(("git", "-C", str(directory), *identity, *arguments), check=True, capture_output=True)


def make_repository(directory: Path) -> Path:
    git(directory, "init")
    (directory / "__init__.py").write_text("")
    git(directory, "add", ".")
    git(directory, "commit", "-m", "first")
    return directory


def test_the_commit_is_read_with_whether_the_tree_is_dirty(tmp_path: Path) -> None:
    make_repository(tmp_path)
    recorded = environment.collect_environment(make_survey("cpu"), tmp_path).recorded
    assert recorded.git_commit is not None
    assert len(recorded.git_commit) == 40
    assert recorded.git_is_dirty is False
    (tmp_path / "__init__.py").write_text("changed")
    assert environment.collect_environment(make_survey("cpu"), tmp_path).recorded.git_is_dirty is True


def test_code_that_lies_untracked_in_somebody_elses_repository_has_no_commit(tmp_path: Path) -> None:
    inside = make_repository(tmp_path) / "site-packages"
    inside.mkdir()
    (inside / "__init__.py").write_text("")
    recorded = environment.collect_environment(make_survey("cpu"), inside).recorded
    assert recorded.git_commit is None
    assert recorded.git_is_dirty is None


@pytest.mark.parametrize("case", ["no repository", "no commit", "no git"])
def test_without_a_commit_to_read_it_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    if case == "no commit":
        git(tmp_path, "init")
        (tmp_path / "__init__.py").write_text("")
        git(tmp_path, "add", ".")
    if case == "no git":
        monkeypatch.setenv("PATH", os.devnull)
    assert environment.collect_environment(make_survey("cpu"), tmp_path).recorded.git_commit is None


def test_auto_is_the_best_device_that_works_and_all_are_all_of_them() -> None:
    found = make_survey("cuda", "cuda:1", "cpu")
    assert choose_devices("auto", found) == ["cuda"]
    assert choose_devices("all", found) == ["cuda", "cuda:1", "cpu"]
    assert choose_devices("cuda:1", found) == ["cuda:1"]


def test_a_device_that_is_not_there_is_refused_with_its_reason_and_never_replaced() -> None:
    found = make_survey(
        "cpu", cuda=Unusable(reason="device cuda is not here", exit_code=ExitCode.UNAVAILABLE, is_present=False)
    )
    with pytest.raises(UnavailableError, match="device cuda is not here") as caught:
        choose_devices("cuda", found)
    assert caught.value.exit_code == 3


def test_a_card_that_a_survey_of_all_devices_does_not_name_is_refused_with_what_is_known_of_its_kind() -> None:
    found = make_survey(
        "cpu", cuda=Unusable(reason="built without CUDA", exit_code=ExitCode.UNAVAILABLE, is_present=False)
    )
    for name in ("cuda", "cuda:7"):
        with pytest.raises(UnavailableError, match=f"device {name} is not here: built without CUDA; use one of: cpu"):
            choose_devices(name, found)
    with pytest.raises(UnavailableError, match="device cuda:7 is not here; use one of: cuda, cpu"):
        choose_devices("cuda:7", make_survey("cuda", "cpu"))


def test_a_device_that_computes_wrong_values_is_refused_as_invalid() -> None:
    found = make_survey("cpu", mps=Unusable(reason="256 expected, 0 came", exit_code=ExitCode.INVALID, is_present=True))
    with pytest.raises(FaultyDeviceError) as caught:
        choose_devices("mps", found)
    assert caught.value.exit_code == 5


def test_torch_is_asked_in_a_child_that_tries_what_was_asked_for_and_nothing_else() -> None:
    found = survey.take_survey("cuda:42")
    assert found.devices == ()
    assert "cuda:42" in found.unusable["cuda:42"].reason
    assert not found.unusable["cuda:42"].is_present
    with pytest.raises(UnavailableError, match=r"^device cuda:42 is not here: [^;]+; use one of: .*cpu$") as caught:
        choose_devices("cuda:42", found)
    assert str(caught.value).count("is not here") == 1
    found = survey.take_survey("all")
    assert found.devices[-1].name == "cpu"
    assert found.devices[-1].amp_precision == "bf16"


@pytest.mark.parametrize("asked", ["cpu", "all"])
def test_a_device_that_torch_finds_and_that_fails_is_present(monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    def fail(device: Device) -> None:
        raise DeviceUnavailableError(f"device {device.name} fails")

    monkeypatch.setattr(survey, "check_timer", fail)
    assert survey._survey(asked).unusable["cpu"] == Unusable(reason="device cpu fails", exit_code=3, is_present=True)


def test_what_nobody_holds_of_a_cards_memory_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert survey._survey("cpu").free_bytes == {}
    monkeypatch.setattr(Device, "free_memory_bytes", lambda _: 2**30)
    assert survey._survey("cpu").free_bytes == {"cpu": 2**30}


@pytest.mark.parametrize("asked", ["auto", "all", "cpu"])
def test_where_no_device_works_the_reason_is_that_of_the_cpu(asked: str) -> None:
    found = make_survey(cpu=Unusable(reason="its timer lies", exit_code=ExitCode.INVALID, is_present=True))
    with pytest.raises(FaultyDeviceError, match="its timer lies"):
        choose_devices(asked, found)


def test_a_torch_that_can_not_be_asked_is_unavailable_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = msgspec.json.encode(survey.Refusal(reason="ImportError: no torch"))
    monkeypatch.setattr(survey, "ask_in_child", lambda *_arguments: refusal)
    with pytest.raises(UnavailableError, match="ImportError: no torch"):
        survey.take_survey("cpu")
    monkeypatch.setattr(survey, "ask_in_child", lambda *_arguments: None)
    with pytest.raises(UnavailableError, match="ended or hung"):
        survey.take_survey("cpu")


def end_at_once(_connection: Connection, _question: str) -> None:
    os._exit(0)


def test_a_child_that_ends_without_an_answer_has_none() -> None:
    assert ask_in_child(end_at_once, "?", timeout_seconds=60) is None


def test_fewer_workers_are_alive_where_memory_is_short() -> None:
    assert choose_max_workers(None) == MAX_WORKERS
    assert choose_max_workers(Recorded()) == MAX_WORKERS
    assert choose_max_workers(Recorded(memory_available_bytes=64 * 2**30)) == MAX_WORKERS
    assert choose_max_workers(Recorded(memory_available_bytes=4 * 2**30)) == 4
    assert choose_max_workers(Recorded(memory_available_bytes=64 * 2**30, memory_limit_bytes=3 * 2**30)) == 3
    assert choose_max_workers(Recorded(memory_available_bytes=2**20)) == 2


def test_a_suite_leaves_out_a_precision_that_the_device_can_not_do_and_says_why() -> None:
    found = survey.take_survey("cpu")
    cases = plan_cases(SUITES["full"], ["cpu"], ["eager"], ["manual"], None, 1, 10)
    kept, dropped = drop_unusable(cases, found)
    assert [case.precision for case in kept] == ["fp32", "bf16", "fp16"]
    assert list(dropped) == ["cpu/eager/manual/tf32"]
    assert "NVIDIA" in dropped["cpu/eager/manual/tf32"]


def test_amp_becomes_what_suits_the_device_and_equal_cases_are_one() -> None:
    found = make_survey("cuda")
    found = msgspec.structs.replace(found, devices=(Accelerator(name="cuda", model_name="x", amp_precision="fp16"),))
    cases = plan_cases(SUITES["quick"], ["cuda"], ["eager"], ["manual"], ["fp32", "fp16", "amp"], 1, 10)
    assert [case.precision for case in resolve_amp(cases, found)] == ["fp32", "fp16"]
