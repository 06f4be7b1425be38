"""Each check of a run is seen failing on a copy that was tampered with in one place, and says where."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest

from bench.judge.run_faults import find_run_faults
from bench.records.journal import Ended, Memory, Record
from tests.bench.runs import make_case, make_counted, make_energy, make_failed, make_meter, make_training
from tests.bench.tampered import (
    CASES,
    Tamper,
    find,
    list_faults,
    make_records,
    make_run_info,
    set_accuracy,
    take,
    tamper_with,
    write_run,
)

RUN_TAMPERINGS: dict[str, tuple[Tamper, str]] = {
    "no time zone": (
        lambda h, _: h.update(started_at="2026-01-02T03:04:05"),
        r"run\.json: started_at: expected a time in UTC",
    ),
    "no date": (lambda h, _: h.update(started_at="today"), "started_at: expected a time in UTC, ISO 8601, found today"),
    "a faster block": (
        lambda _, r: find(r, type="block", kind="train").update(seconds=0.5),
        r"throughput\.csv: row 1 \(cpu/reference/manual\), training_seconds: expected 2\.0, found 2\.25",
    ),
    "no end": (lambda _, r: take(r, type="ended"), "ended: expected a record that the run is over, found none"),
    "stopped": (
        lambda _, r: find(r, type="ended").update(is_complete=False),
        "is_complete: expected true, found false",
    ),
    "records after the end": (lambda _, r: r.insert(0, take(r, type="ended")), "line 2, type: expected nothing after"),
    "shorter than its parts": (
        lambda _, r: find(r, type="ended").update(seconds=10.0),
        r"seconds: expected at least what its parts took, 2\d\.?\d*, found 10\.0",
    ),
    "a case not measured": (
        lambda h, _: h["plan"]["cases"].append(h["plan"]["cases"][1] | {"batching": "dataloader"}),
        "cpu/eager/dataloader, replicate 1: expected records of its process, found none",
    ),
    "a reference not trained": (
        lambda h, _: h["plan"].update(reference=h["plan"]["cases"][1] | {"batching": "dataloader"}),
        "cpu/eager/dataloader, replicate 0: expected records of its process, found none",
    ),
    "a replicate too many": (
        lambda _, r: find(r, type="trained").update(replicate=7),
        "replicate: expected under 2, found 7",
    ),
    "no energy though it was asked for": (
        lambda h, _: h["plan"].update(measures_energy=True),
        "cpu/eager/manual, replicate 1, wave 1: expected a record 'energy', found none",
    ),
    "no look at the machine": (
        lambda _, r: take(r, type="conditions", moment="after", wave=1),
        "wave 1: expected conditions after its rounds, found none",
    ),
    "a counter that went back": (
        lambda _, r: find(r, type="conditions", moment="after").update(cpu_seconds=-1.0),
        r"cpu_seconds: expected at least 0\.0, as it was before, found -1\.0",
    ),
    "a counter of a card that went back": (
        lambda _, r: find(r, type="conditions", moment="after")["gpus"][0].update(heat_slowed_seconds=-1.0),
        r"gpus\.cuda:0\.heat_slowed_seconds: expected at least 0\.0",
    ),
    "a wave after the next": (
        lambda _, r: r.insert(-1, take(r, type="block", wave=0, kind="train", round=1)),
        "round: expected wave 1, round 0 of details or later, found wave 0, round 1 of train",
    ),
    "set up twice": (
        lambda _, r: r.insert(0, dict(find(r, type="started"))),
        "cpu/reference/manual, replicate 0, wave 0: expected one record 'started', found 2",
    ),
    "counted twice": (
        lambda _, r: r.__setitem__(slice(-1, -1), [msgspec.to_builtins(make_counted(CASES[0], 9.0))] * 2),
        "cpu/reference/manual, replicate 0, wave 0: expected one record 'counted', found 2",
    ),
    "metered twice": (
        lambda _, r: r.__setitem__(
            slice(-1, -1), [msgspec.to_builtins(make_energy(CASES[0], make_meter("cpu", 20.0, 60.0)))] * 2
        ),
        "cpu/reference/manual, replicate 0, wave 0: expected one record 'energy', found 2",
    ),
    "never set up": (lambda _, r: take(r, type="started"), "expected 'started' first, found block"),
    "never judged": (lambda _, r: take(r, type="trained"), "expected 'trained' or 'failed', found neither"),
    "judged too early": (
        lambda _, r: r.insert(5, take(r, type="trained")),
        "expected 'trained' after the first whole training, found within it",
    ),
    "went on after it failed": (
        lambda _, r: r.insert(5, json.loads(msgspec.json.encode(make_failed(CASES[0])))),
        "expected nothing after 'failed', found block",
    ),
    "a block twice": (
        lambda _, r: r.insert(4, dict(find(r, type="block", kind="train"))),
        "rounds of train: expected 2 of them, number 1 in place 1, found 0",
    ),
    "a block lost": (
        lambda _, r: take(r, type="block", kind="train", round=1),
        "rounds of train: expected 2 of them, number 1 in place 1, found none",
    ),
    "a round too many": (
        lambda _, r: find(r, type="block", kind="inference").update(round=3),
        "rounds of inference: expected 1 of them, number 0 in place 0, found 3",
    ),
    "a part not timed": (
        lambda _, r: take(r, type="block", kind="prefix", wave=1),
        "expected the kinds of blocks of its other processes, found prefix sampler",
    ),
    "another size of batch": (
        lambda _, r: find(r, type="block", kind="train", round=1).update(num_samples=1),
        "num_samples: expected 100 a step, as before, found 0.01",
    ),
    "a step that was left out": (
        lambda _, r: find(r, type="block", kind="train").update(num_steps=101, num_samples=10_100),
        "training 0: expected 201 steps, a whole number of them in 2 epochs, found 201 steps",
    ),
    "a training that never was": (
        lambda _, r: find(r, type="block", kind="train", round=1).update(repetition=5),
        "trainings: expected 2 of them, number 1 in place 1, found 5",
    ),
    "faster than arithmetic": (
        lambda _, r: find(r, type="started").update(floor_seconds=0.011),
        r"seconds: expected at least 0\.011 a step, as its arithmetic takes, found 0\.01",
    ),
    "phases beyond their block": (
        lambda _, r: find(r, type="block", kind="phases")["phase_seconds"].update(forward=1.0),
        r"phase_seconds: expected at most seconds, 1\.5, together, found 1\.75",
    ),
    "a first step beyond the warm-up": (
        lambda _, r: find(r, type="started").update(first_step_seconds=0.75),
        r"first_step_seconds: expected at most compile_seconds, 0\.5, found 0\.75",
    ),
    "an epoch without a loss": (
        lambda _, r: find(r, type="trained").update(epoch_losses=[0.25]),
        "epoch_losses: expected 2 losses, found 1",
    ),
    "an error on another scale": (
        lambda _, r: set_accuracy(r, rmse=0.31),
        r"heldout_accuracy\.rmse: expected 0\.3, its mse on the scale of training_accuracy, found 0\.31",
    ),
    "a mean over its root of squares": (
        lambda _, r: set_accuracy(r, mean_absolute_error=0.4),
        r"heldout_accuracy\.mean_absolute_error: expected at most rmse, 0\.3, found 0\.4",
    ),
    "a root of squares over the largest": (
        lambda _, r: set_accuracy(r, largest_error=0.2),
        r"heldout_accuracy\.rmse: expected at most largest_error, 0\.2, found 0\.3",
    ),
    "more within 1 % than within 5 %": (
        lambda _, r: set_accuracy(r, share_within_5_percent=0.5),
        r"share_within_1_percent: expected at most share_within_5_percent, 0\.5, found 0\.625",
    ),
    "a peak under its base": (
        lambda _, r: find(r, type="trained").update(memory=msgspec.to_builtins(Memory(baseline_bytes=2, peak_bytes=1))),
        r"memory\.baseline_bytes: expected at most peak_bytes, 1, found 2",
    ),
}


@pytest.mark.parametrize("name", RUN_TAMPERINGS)
def test_a_run_that_was_tampered_with_has_a_fault_that_says_where(tmp_path: Path, name: str) -> None:
    tamper, fault = RUN_TAMPERINGS[name]
    faults = list_faults(tamper_with(write_run(tmp_path / "run"), "run.json", tamper))
    assert [each for each in faults if re.search(fault, each)], faults


def test_a_reference_that_trains_apart_has_one_round_and_no_details() -> None:
    info, apart = make_run_info(), make_case("reference", "dataloader", num_epochs=2)
    info = msgspec.structs.replace(info, plan=msgspec.structs.replace(info.plan, reference=apart))
    records = [
        *(record for replicate in range(2) for record in make_training(apart, [2.0], replicate=replicate)),
        *(msgspec.structs.replace(each, wave=each.wave + 1) for each in make_records()[:-1]),  # type: ignore[union-attr]
        Ended(is_complete=True, seconds=75.0),
    ]
    assert list(find_run_faults(info, records)) == []


@pytest.mark.parametrize("stage", [0, 1, 2])
def test_a_case_that_failed_anywhere_is_whole_with_its_failure(stage: int) -> None:
    """At its start, after its set-up, or in its second round."""
    records: list[Record] = [*make_training(CASES[1], [1.0, 1.25])[:stage], make_failed(CASES[1])]
    info = make_run_info()
    plan = msgspec.structs.replace(info.plan, cases=(CASES[1],), num_replicates=1, reference=None)
    info = msgspec.structs.replace(info, plan=plan)
    assert list(find_run_faults(info, [*records, Ended(is_complete=True, seconds=75.0)])) == []


def test_a_run_that_was_killed_is_told_so_once_and_not_for_every_process_that_it_did_not_reach() -> None:
    info = msgspec.structs.replace(
        make_run_info(), plan=msgspec.structs.replace(make_run_info().plan, num_replicates=9)
    )
    kept = make_training(CASES[0], [1.0])
    found = [f"{each.field}: expected {each.expected}, found {each.found}" for each in find_run_faults(info, kept)]
    assert "ended: expected a record that the run is over, found none: it was killed" in found
    assert "what was not reached: expected 18 processes, found 1" in found
    assert not [each for each in found if "records of its process" in each]
