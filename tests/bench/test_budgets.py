"""What a file of budgets may say, and what it is told where it says something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.budgets import read_budgets
from bench.errors import UsageError

CASE = {"engine": "eager", "batching": "manual", "device": "cpu", "allowed": "2%"}


def write(tmp_path: Path, **changes: object) -> Path:
    """Write a file of one good case with changes; None takes a key out."""
    case = {key: value for key, value in {**CASE, **changes}.items() if value is not None}
    lines = [f"{key} = {value}" if isinstance(value, int) else f'{key} = "{value}"' for key, value in case.items()]
    path = tmp_path / "budgets.toml"
    path.write_text("\n".join(["[[case]]", *lines]))
    return path


def test_a_case_is_read_with_what_was_left_out(tmp_path: Path) -> None:
    (budget,) = read_budgets(write(tmp_path), tmp_path)
    assert budget.settings == {"engine": "eager", "batching": "manual", "device": "cpu"}
    assert (budget.allowed, budget.resolution, budget.seconds) == (0.02, 0.01, 60.0)


def test_everything_that_is_said_is_heard(tmp_path: Path) -> None:
    said = {"precision": "bf16", "threads": 2, "device": "cuda:0", "resolution": "1.5%", "budget": "2min"}
    (budget,) = read_budgets(write(tmp_path, **said), tmp_path)
    assert budget.settings["precision"] == "bf16"
    assert budget.settings["threads"] == "2"
    assert budget.settings["device"] == "cuda"
    assert budget.resolution == pytest.approx(0.015)
    assert budget.seconds == 120.0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"alowed": "2%"}, "'alowed' is not known: use engine, batching, device, allowed, precision"),
        ({"allowed": None}, "allowed is missing: there have to be engine, batching, device, allowed"),
        ({"device": None}, "device is missing"),
        ({"allowed": 2}, "allowed is 2: use text in quotation marks"),
        ({"allowed": "2"}, "allowed: '2' is no share: use percent, say 0.8%"),
        ({"allowed": "-2%"}, "allowed: '-2%' is no share"),
        ({"allowed": "0%"}, "both above 0%"),
        ({"resolution": "0%"}, "both above 0%"),
        ({"resolution": "2%"}, "a resolution of 2% with 2% allowed: equal code could never be seen to pass"),
        ({"budget": "soon"}, "budget: 'soon' is no time"),
        ({"engine": "turbo"}, "'engine=turbo' is not known: use engine={reference,eager"),
        ({"batching": "none"}, "batching 'none' is not known"),
        ({"precision": "fp8"}, "'precision=fp8' is not known"),
        ({"device": "gpu"}, "device 'gpu' is not known"),
        ({"threads": 0}, "num_threads 0"),
        ({"threads": "2"}, "threads is '2': use a whole number"),
    ],
)
def test_what_is_wrong_is_said_with_file_case_and_key(tmp_path: Path, changes: dict[str, object], said: str) -> None:
    path = write(tmp_path, **changes)
    with pytest.raises(UsageError) as caught:
        read_budgets(path, tmp_path)
    assert str(caught.value).startswith(f"{path}, case 1: ")
    assert said in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has 0 of [[case]]: use 1 to 20"),
        ("case = []", "has 0 of"),
        ("[[case]]\n" * 21, "has 21 of"),
        ("[case]\nengine = 'eager'", "begin each with [[case]]"),
        ("case = [1]", "begin each with [[case]]"),
        ("[[cases]]", "'cases' is not known: use [[case]]"),
        ("[[case]\n", "is no TOML"),
        ("[[case]]\nthreads = true", "is missing"),
        ("\udcff", "is no TOML"),
        (None, "can't be read: No such file or directory; a gate needs one, with a [[case]]"),
    ],
)
def test_a_file_that_is_none_is_said_by_its_name(tmp_path: Path, text: str | None, said: str) -> None:
    path = tmp_path / "budgets.toml"
    if text is not None:
        path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(UsageError) as caught:
        read_budgets(path, tmp_path)
    assert str(caught.value).startswith(str(path))
    assert said in str(caught.value)


def test_the_second_case_is_named_as_the_second(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.write_text(f"{path.read_text()}\n{path.read_text().replace('2%', '200%')}")
    with pytest.raises(UsageError, match="case 2: allowed: '200%' is no share"):
        read_budgets(path, tmp_path)


def test_a_truth_value_is_no_number_of_threads(tmp_path: Path) -> None:
    path = write(tmp_path)
    path.write_text(f"{path.read_text()}\nthreads = true")
    with pytest.raises(UsageError, match="threads is True: use a whole number"):
        read_budgets(path, tmp_path)
