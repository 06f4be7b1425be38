from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import pytest
import torch
from torch.amp.grad_scaler import GradScaler

import productnet
from productnet.__main__ import make_parser
from productnet.commands import training
from productnet.commands.training import read_config
from productnet.config import TrainConfig
from productnet.train import fit
from tests.productnet.commands.outcome import Command, check_refused, parse_strictly

ROOT = Path(productnet.__file__).parents[1]
QUICK = ("--device", "cpu", "--epochs", "25", "--samples", "200")
RECIPE = TrainConfig(device="cpu", num_epochs=25, num_samples=200)
KEYS = {
    *("config", "device", "precision", "digest", "epoch_losses", "final_loss", "training_accuracy", "heldout_accuracy"),
    *("num_skipped_steps", "shown_samples", "versions", "setup_seconds", "compile_seconds", "train_seconds"),
}


@pytest.fixture(name="train")
def _train(command: Command) -> Command:
    return partial(command, "train")


def test_the_loss_is_said_every_ten_epochs_as_the_mean_of_that_epoch(train: Command) -> None:
    outcome = train(*QUICK)
    losses = fit(RECIPE).epoch_losses
    assert outcome.code == 0
    said = [line for line in outcome.out.splitlines() if line.startswith("Epoch")]
    assert said == [f"Epoch [{epoch}/25], Loss: {losses[epoch - 1]:.6f}" for epoch in (10, 20, 25)]
    assert outcome.err == ""


def test_ten_samples_are_shown_in_original_units_and_then_the_accuracy_on_unseen_ones(train: Command) -> None:
    result = fit(RECIPE)
    lines = train(*QUICK).out.splitlines()
    header = next(number for number, line in enumerate(lines) if "absolute error" in line)
    assert re.split(r"\s{2,}", lines[header].strip()) == ["x1", "x2", "x1 * x2", "prediction", "absolute error"]
    rows = [[float(cell) for cell in line.split()] for line in lines[header + 2 : header + 12]]
    expected = [
        [sample.x1, sample.x2, sample.y, sample.prediction, sample.absolute_error] for sample in result.shown_samples
    ]
    assert len(rows) == 10
    for row, values in zip(rows, expected, strict=True):
        assert row == pytest.approx(values, abs=5.1e-5)
    assert lines[-1] == (
        f"10000 samples that it never saw: R squared {result.heldout_accuracy.r_squared:.6f}, "
        f"RMSE {result.heldout_accuracy.rmse:.4f}, largest error {result.heldout_accuracy.largest_error:.4f}"
    )


def test_json_on_standard_output_stands_alone(train: Command) -> None:
    outcome = train(*QUICK, "--json", "-")
    record = parse_strictly(outcome.out)
    assert outcome.code == 0
    assert record.keys() == KEYS
    assert "Epoch [25/25]" in outcome.err
    assert "absolute error" in outcome.err


@pytest.mark.parametrize("command_line", ["train --json -", "evaluate trained.safetensors --json -"])
def test_json_for_a_standard_output_that_is_closed_is_refused_before_any_work(
    command_line: str, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "_train", lambda *_arguments: pytest.fail("it trained"))
    monkeypatch.setattr(sys, "__stdout__", None)
    check_refused(command(*command_line.split()), 2, "--json - can't be written: standard output is closed")


@pytest.mark.skipif(os.name == "nt", reason="descriptors of a shell")
@pytest.mark.parametrize(("redirections", "code"), [(">&-", 2), ("2>&-", 0), ("2>/dev/full", 0), ("2>&1 >&-", 2)])
def test_json_is_not_lost_in_silence(redirections: str, code: int) -> None:
    command = f"{shlex.quote(sys.executable)} -m productnet train {' '.join(QUICK)} --json - {redirections}"
    done = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == code
    assert code == 2 or parse_strictly(done.stdout).keys() == KEYS


def test_the_record_is_the_result_of_the_training(train: Command, tmp_path: Path) -> None:
    target = tmp_path / "result.json"
    outcome = train(*QUICK, "--json", str(target))
    record = parse_strictly(target.read_text(encoding="utf-8"))
    result = fit(RECIPE)
    assert outcome.out.splitlines()[1].startswith("Epoch [10/25]")
    assert "{" not in outcome.out
    assert record.keys() == KEYS
    assert record["config"] == {**asdict(RECIPE), "hidden_sizes": [16, 8]}
    assert record["digest"] == result.digest
    assert record["epoch_losses"] == list(result.epoch_losses)
    assert record["final_loss"] == result.final_loss == record["epoch_losses"][-1]
    assert record["training_accuracy"] == asdict(result.training_accuracy)
    assert record["heldout_accuracy"] == asdict(result.heldout_accuracy)
    assert record["shown_samples"] == [asdict(sample) for sample in result.shown_samples]
    assert record["device"] == {"name": "cpu", "model": "CPU"}
    assert record["versions"].keys() == {"python", "torch", "numpy"}
    # A wheel's metadata may leave the local part of the version out.
    assert torch.__version__.startswith(record["versions"]["torch"].split("+")[0])


def test_the_stages_are_timed_apart_and_showing_progress_is_in_none_of_them(
    train: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    three_times_fifty_to_show = (204.0, 254.0, 255.0, 305.0, 306.0, 356.0)
    readings = iter([100.0, 101.0, 151.0, 153.0, 203.0, *three_times_fifty_to_show, 357.0])
    monkeypatch.setattr(training, "perf_counter", lambda: next(readings))
    target = tmp_path / "result.json"
    train(*QUICK, "--json", str(target))
    record = parse_strictly(target.read_text(encoding="utf-8"))
    stages = [record[f"{stage}_seconds"] for stage in ("setup", "compile", "train")]
    assert stages == [1.0, 2.0, 4.0]


def test_every_flag_reaches_the_recipe(train: Command) -> None:
    words = (
        *("--device", "cpu", "--engine", "eager", "--batching", "dataloader", "--threads", "1", "--seed", "7"),
        *("--epochs", "2", "--batch-size", "30", "--samples", "90", "--hidden", "5,4,3", "--lr", "0.01"),
    )
    record = parse_strictly(train(*words, "--json", "-").out)
    expected = TrainConfig(
        device="cpu",
        engine="eager",
        batching="dataloader",
        seed=7,
        num_epochs=2,
        batch_size=30,
        num_samples=90,
        hidden_sizes=(5, 4, 3),
        learning_rate=0.01,
    )
    assert record["config"] == {**asdict(expected), "hidden_sizes": [5, 4, 3]}
    assert record["digest"] == fit(expected).digest


def test_no_flag_is_the_recipe_of_the_article() -> None:
    assert read_config(make_parser().parse_args(["train"])) == TrainConfig()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--epochs", "0"), ("--epochs 0", "at least 1")),
        (("--epochs", "ten"), ("--epochs", "'ten'")),
        (("--threads", "-1"), ("--threads -1", "at least 1")),
        (("--threads", "3000000000"), ("--threads 3000000000", "at most")),
        (("--batch-size", "1001"), ("--batch-size 1001", "at most 1000")),
        (("--lr", "nan"), ("--lr nan", "finite number")),
        (("--lr", "inf"), ("--lr inf", "finite number")),
        (("--lr", "1e300"), ("--lr 1e+300", "overflows")),
        (("--hidden", "16,0"), ("--hidden 0", "at least 1")),
        (("--hidden", "16;8"), ("'16;8'", "say 16,8")),
        (("--hidden", ""), ("''", "say 16,8")),
        (("--samples", str(10**30)), ("--samples 1", "at most")),
        (("--hidden", f"16,{10**30}"), ("--hidden 1", "at most")),
        (("--seed", str(2**64)), (f"--seed {2**64}", "at most")),
        (("--engine", "turbo"), ("--engine 'turbo'", "reference")),
        (("--batching", "turbo"), ("--batching 'turbo'", "manual")),
        (("--device", "gpu"), ("--device 'gpu'", "cpu, cuda, cuda:N, mps, auto")),
        (("--device", "cuda:-1"), ("--device 'cuda:-1'", "cuda:N")),
        (("--epoch", "3"), ("--epoch",)),
        (("extra",), ("extra",)),
    ],
)
def test_a_wrong_value_is_one_line_and_2_and_leaves_no_file(
    train: Command, tmp_path: Path, words: tuple[str, ...], named: tuple[str, ...]
) -> None:
    check_refused(train("--json", str(tmp_path / "result.json"), *words), 2, *named)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--hidden", "1000000000,1000000000"), "--hidden 1000000000,1000000000 takes at least 20,000,000,900.0 GB"),
        (("--hidden", f"{10**15},{10**15}"), f"--hidden {10**15},{10**15} takes at least"),
        (("--samples", "99999999999999"), "--samples 99999999999999 takes at least 4,400,000.0 GB"),
        (("--samples", str(10**15), "--batch-size", str(10**15)), "takes at least"),
    ],
)
def test_a_training_that_no_memory_holds_is_one_line_and_2(train: Command, words: tuple[str, ...], named: str) -> None:
    check_refused(train("--device", "cpu", *words), 2, named, "use less")


def test_memory_that_ends_while_training_is_one_line_and_2(train: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_training: object) -> None:
        raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr("productnet.train.Training.prepare", fail)
    outcome = train(*QUICK)
    assert (outcome.code, len(outcome.err.splitlines())) == (2, 1)
    assert "takes at least 0.2 MB of memory" in outcome.err


def test_a_device_that_is_not_there_is_one_line_and_3_and_leaves_no_file(
    train: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    check_refused(train("--json", str(tmp_path / "result.json"), "--device", "cuda:1"), 3, "cuda:1", "cpu")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "where"),
    [
        (("--lr", "1e30", "--epochs", "3"), "the loss is nan"),
        # As large as may be asked for.
        (("--lr", "3.4e37", "--epochs", "3"), "the loss is nan"),
        # A single step: its loss is that of the untouched network, and finite.
        (("--lr", "1e19", "--epochs", "1", "--batch-size", "1000"), "RMSE nan"),
    ],
)
def test_a_training_that_diverges_is_told_apart_by_5_and_leaves_no_file(
    train: Command, tmp_path: Path, words: tuple[str, ...], where: str
) -> None:
    outcome = train("--device", "cpu", "--json", str(tmp_path / "result.json"), *words)
    assert outcome.code == 5
    assert len(outcome.err.splitlines()) == 1
    assert where in outcome.err
    assert "use a smaller --lr than" in outcome.err
    assert "absolute error" not in outcome.out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["missing/result.json", ".", "", "a" * 300, "file/result.json"])
def test_an_output_that_can_not_be_written_is_refused_before_any_training(
    train: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(training, "_train", lambda *_arguments: pytest.fail("it trained"))
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    check_refused(train("--json", name), 2, "--json", "can't be written", "name a file")


def test_a_file_that_may_not_be_written_is_refused_before_any_training(
    train: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "result.json"
    target.touch()
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path) != target)
    check_refused(train(*QUICK, "--json", str(target)), 2, "can't be written")


def test_an_output_that_fails_after_all_is_named_with_its_reason(
    train: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_path: Path, _text: str, encoding: str) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", fail)
    outcome = train(*QUICK, "--json", str(tmp_path / "result.json"))
    assert outcome.code == 2
    assert outcome.err.splitlines() == [
        f"python -m productnet: --json {tmp_path / 'result.json'} can't be written: "
        "No space left on device; name another place"
    ]


def test_a_name_with_a_line_end_is_named_in_one_line(train: Command, tmp_path: Path) -> None:
    check_refused(train("--json", str(tmp_path / "a\nb" / "c.json")), 2, r"a\nb", "c.json can't be written")


def test_the_command_runs_as_a_module(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "productnet", "train", *QUICK, "--json", "-"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    record = parse_strictly(done.stdout)
    assert record.keys() == KEYS
    assert record["epoch_losses"] == list(fit(RECIPE).epoch_losses)
    assert "\x1b" not in done.stderr
    assert done.stderr.splitlines()[1].startswith("Epoch [10/25]")


def test_the_network_is_shown_first_with_its_layers_parameters_and_device(train: Command) -> None:
    assert train(*QUICK).out.splitlines()[0] == (
        "Linear 2-16, ReLU, Linear 16-8, ReLU, Linear 8-1: 193 parameters; on cpu (CPU)"
    )


def test_steps_that_float16_skips_are_said_and_recorded(train: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("productnet.precision.GradScaler", partial(GradScaler, init_scale=2.0**19))
    outcome = train(*QUICK, "--precision", "fp16", "--json", "-")
    # A scale that a step may not have is halved: of 2**19 to 2**16, the last is the first one's own.
    assert parse_strictly(outcome.out)["num_skipped_steps"] == 4
    line = "4 of 50 steps updated nothing: their scaled gradients overflowed float16"
    assert outcome.err.splitlines()[-1] == line
    plain = train(*QUICK, "--json", "-")
    assert parse_strictly(plain.out)["num_skipped_steps"] == 0
    assert "updated nothing" not in plain.err


PASSED_OVER = (
    "warning: device cuda fails at its first work: no kernel image is available; others: cpu; "
    "device cpu is used instead"
)


@pytest.mark.usefixtures("faulty_card")
def test_a_better_device_that_is_passed_over_is_one_line_with_its_reason(train: Command) -> None:
    outcome = train(*QUICK[2:])
    assert (outcome.code, outcome.err) == (0, f"python -m productnet train: {PASSED_OVER}\n")
    assert outcome.out.splitlines()[0].endswith("; on cpu (CPU)")
    assert train(*QUICK).err == ""


@pytest.mark.usefixtures("faulty_card")
@pytest.mark.parametrize("words", [("evaluate", "{file}"), ("predict", "3", "4", "--checkpoint", "{file}")])
def test_other_commands_say_it_too(command: Command, trained: Path, words: tuple[str, ...]) -> None:
    words = tuple(word.format(file=trained) for word in words)
    assert command(*words, "--device", "auto").err == f"python -m productnet {words[0]}: {PASSED_OVER}\n"
    assert command(*words).err == ""


# A recipe from a file


def _read(*words: str) -> TrainConfig:
    return read_config(make_parser().parse_args(["train", *words]))


def test_flags_win_over_the_file_and_the_file_over_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text('seed = 7\nnum_epochs = 5\nengine = "eager"\ndrop_last = true\nlow = -1\n', encoding="utf-8")
    expected = TrainConfig(seed=7, num_epochs=5, engine="eager", drop_last=True, low=-1)
    assert _read("--config", str(path)) == expected
    assert _read("--config", str(path), "--seed", "1", "--no-drop-last") == replace(expected, seed=1, drop_last=False)
    assert _read("--config", str(path), "--compile").engine == "compiled-model"


def test_a_flag_mends_what_the_file_alone_can_not_be(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text("num_samples = 50\n", encoding="utf-8")
    assert _read("--config", str(path), "--batch-size", "10").num_samples == 50


@pytest.mark.parametrize(
    ("content", "words", "named"),
    [
        ("learning_rat = 0.1", (), "{file}: learning_rat is no setting: use device"),
        ('num_epochs = "10"', (), "{file}: num_epochs '10' is not a whole number"),
        ("num_epochs = 10.0", (), "{file}: num_epochs 10.0 is not a whole number"),
        ("hidden_sizes = 16", (), "{file}: hidden_sizes 16 is no tuple of widths"),
        ("hidden_sizes = [16, [8]]", (), "{file}: hidden_sizes [8] is not a whole number"),
        ("learning_rate = true", (), "{file}: learning_rate True is not a finite number"),
        ("learning_rate = nan", (), "{file}: learning_rate nan is not a finite number"),
        ("seed = 1979-05-27", (), "{file}: seed datetime.date"),
        ("device = 3", (), "{file}: device 3"),
        ("[train]\nseed = 1", (), "{file}: train is no setting"),
        ("high = 0.5", (), "{file}: low 1.0 is not below high 0.5"),
        ("num_epochs = 10", ("--epochs", "0"), "--epochs 0 is too small"),
        ("num_epochs", (), "--config {file} is no TOML"),
    ],
)
def test_a_wrong_recipe_is_one_line_and_2_with_its_file_and_key(
    train: Command, tmp_path: Path, content: str, words: tuple[str, ...], named: str
) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(content, encoding="utf-8")
    check_refused(train("--config", str(path), *words), 2, named.format(file=path))


def test_a_recipe_that_is_not_there_is_one_line_and_2(train: Command, tmp_path: Path) -> None:
    check_refused(train("--config", str(tmp_path / "missing.toml")), 2, "--config", "missing.toml can't be read")
