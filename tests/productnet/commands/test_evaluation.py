from __future__ import annotations

import re
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import pytest
import torch

from productnet.checkpoint import load_checkpoint, save_checkpoint
from productnet.commands import evaluation
from productnet.data import Statistics, standardise
from productnet.evaluate import evaluate as judge
from productnet.train import draw_start
from tests.productnet.commands.outcome import Command, check_refused, parse_strictly


@pytest.fixture(name="evaluate")
def _evaluate(command: Command) -> Command:
    return partial(command, "evaluate")


def test_the_table_has_the_eight_figures_of_both_sets(evaluate: Command, trained: Path) -> None:
    outcome = evaluate(str(trained))
    record = parse_strictly(evaluate(str(trained), "--json", "-").out)
    assert (outcome.code, outcome.err) == (0, "")
    header, _, *rows = outcome.out.splitlines()
    assert re.split(r"\s{2,}", header.strip()) == ["200 training samples", "10000 unseen samples"]
    accuracies = [list(record[f"{which}_accuracy"].values()) for which in ("training", "heldout")]
    expected = [f"{figures[1]:.4g}" for figures in accuracies]
    cells = [re.split(r"\s{2,}", row) for row in rows]
    assert cells[1] == ["root of the mean squared error", *expected]
    assert cells[5] == ["R squared", *(f"{figures[5]:.6f}" for figures in accuracies)]
    assert cells[7] == ["share within 5 %", *(f"{100 * figures[7]:.2f}%" for figures in accuracies)]
    assert [row[0] for row in cells] == [
        "mean squared error, standardised",
        "root of the mean squared error",
        "mean absolute error",
        "largest error",
        "mean relative error",
        "R squared",
        "share within 1 %",
        "share within 5 %",
    ]


@pytest.mark.parametrize("batching", ["manual", "dataloader"])
def test_a_checkpoint_is_judged_as_its_training_was_bit_for_bit(
    command: Command, tmp_path: Path, batching: str
) -> None:
    words = ("--device", "cpu", "--epochs", "25", "--samples", "130", "--batching", batching, "--seed", "3")
    trained = parse_strictly(command("train", *words, "--save", str(tmp_path), "--json", "-").out)
    outcome = command("evaluate", str(tmp_path / "last.safetensors"), "--json", str(tmp_path / "out.json"))
    judged = parse_strictly((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert outcome.code == 0
    assert "R squared" in outcome.out
    for name in ("training_accuracy", "heldout_accuracy", "config", "versions", "device"):
        assert judged[name] == trained[name]
    assert judged["checkpoint"] == str(tmp_path / "last.safetensors")
    assert (judged["num_epochs"], judged["epoch_loss"]) == (25, trained["final_loss"])


def test_json_on_standard_output_stands_alone(evaluate: Command, trained: Path) -> None:
    outcome = evaluate(str(trained), "--json", "-")
    assert parse_strictly(outcome.out)["num_epochs"] == 30
    assert "R squared" in outcome.err


def test_a_damaged_checkpoint_is_one_line_and_5(evaluate: Command, trained: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(trained.read_bytes()[:-1])
    check_refused(evaluate(str(damaged)), 5, str(damaged), "no whole safetensors file")


@pytest.mark.parametrize("name", ["missing", "."])
def test_a_checkpoint_that_is_not_there_is_one_line_and_2(evaluate: Command, tmp_path: Path, name: str) -> None:
    check_refused(evaluate(str(tmp_path / name)), 2, "checkpoint", "name a file")


@pytest.mark.parametrize("changes", [{"seed": 2}, {"num_samples": 201}, {"high": 11.0}])
def test_a_recipe_that_draws_other_samples_than_those_trained_on_is_refused(
    evaluate: Command, trained: Path, tmp_path: Path, changes: dict[str, int]
) -> None:
    checkpoint = load_checkpoint(trained)
    path = tmp_path / "mismatched.safetensors"
    save_checkpoint(path, replace(checkpoint, config=replace(checkpoint.config, **changes)))  # type: ignore[arg-type]
    check_refused(evaluate(str(path)), 5, str(path), "statistics.mean", "its recipe is not that of its training")


def test_samples_that_no_memory_holds_are_one_line_and_2(evaluate: Command, trained: Path, tmp_path: Path) -> None:
    checkpoint = load_checkpoint(trained)
    path = tmp_path / "many.safetensors"
    save_checkpoint(path, replace(checkpoint, config=replace(checkpoint.config, num_samples=99_999_999_999_999)))
    check_refused(evaluate(str(path)), 2, "num_samples 99999999999999 takes at least")


def test_the_last_digits_of_another_processor_are_no_mismatch(evaluate: Command, trained: Path, tmp_path: Path) -> None:
    checkpoint = load_checkpoint(trained)
    statistics = Statistics(checkpoint.statistics.mean * (1 + 1e-5), checkpoint.statistics.std * (1 - 1e-5))
    path = tmp_path / "elsewhere.safetensors"
    save_checkpoint(path, replace(checkpoint, statistics=statistics))
    judged = parse_strictly(evaluate(str(path), "--json", "-").out)["training_accuracy"]
    # The network is judged with the statistics that it was trained with.
    _, data, _ = draw_start(checkpoint.config)
    model = checkpoint.make_model()
    assert judged == asdict(judge(model, standardise(data.values, statistics))) != asdict(judge(model, data))


def test_a_network_whose_answers_overflow_is_one_line_and_5(evaluate: Command, trained: Path, tmp_path: Path) -> None:
    checkpoint = load_checkpoint(trained)
    huge = {name: torch.full_like(tensor, 1e30) for name, tensor in checkpoint.parameters.items()}
    path = tmp_path / "huge.safetensors"
    save_checkpoint(path, replace(checkpoint, parameters=huge))
    check_refused(evaluate(str(path), "--json", "-"), 5, str(path), "not finite")


def test_an_output_that_can_not_be_written_is_refused_before_any_work(
    evaluate: Command, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation, "_draw_training_data_again", lambda *_arguments: pytest.fail("it worked"))
    check_refused(evaluate(str(trained), "--json", "missing/out.json"), 2, "--json", "can't be written")


def test_a_wrong_device_names_its_flag(evaluate: Command, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_refused(evaluate(str(trained), "--device", "gpu"), 2, "--device 'gpu'")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    check_refused(evaluate(str(trained), "--device", "cuda"), 3, "cuda")
