"""A campaign that was killed goes on where it stopped."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from bench.campaigns.modes import MODES, Mode
from bench.campaigns.trainings import Machine, Outcome, append_outcomes, list_missing, read_outcomes
from bench.errors import InvalidFileError
from bench.records.environment import Identity

MACHINE = Machine(started_at="2026-01-02T03:04:05+00:00", identity=Identity(cpu_model="Example CPU"))


def train(name: str, _mode: Mode, seed: int) -> Outcome:
    return Outcome(mode=name, seed=seed, final_loss=None, heldout_mse=1e-4 * seed, heldout_r_squared=0.9998)


def test_every_mode_is_trained_with_every_seed_and_the_seeds_come_in_their_order(tmp_path: Path) -> None:
    file = tmp_path / "c.jsonl"
    done = list(append_outcomes(file, MACHINE, 3, train))
    assert [(each.mode, each.seed) for each in done] == [(mode, seed) for seed in (1, 2, 3) for mode in MODES]
    assert read_outcomes(file) == done


def test_a_campaign_that_was_stopped_goes_on_with_what_it_lacks(tmp_path: Path) -> None:
    file = tmp_path / "c.jsonl"
    first = list(islice(append_outcomes(file, MACHINE, 2, train), 5))
    rest = list(append_outcomes(file, MACHINE, 2, train))
    assert len(first) + len(rest) == 2 * len(MODES)
    assert read_outcomes(file) == [*first, *rest]
    assert list(append_outcomes(file, MACHINE, 2, train)) == []


@pytest.mark.parametrize("num_bytes", [1, 20, 60])
def test_a_line_that_was_torn_by_a_kill_is_trained_again(tmp_path: Path, num_bytes: int) -> None:
    file = tmp_path / "c.jsonl"
    whole = list(append_outcomes(file, MACHINE, 1, train))
    file.write_bytes(file.read_bytes()[:-num_bytes])
    assert read_outcomes(file) == whole[:-1]
    assert list(append_outcomes(file, MACHINE, 1, train)) == whole[-1:]
    assert read_outcomes(file) == whole


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "c.jsonl"
    for content in (b'{"type":"other"}\n', b"\xff\n", b"hello\n"):
        file.write_bytes(content)
        with pytest.raises(InvalidFileError, match=r"c\.jsonl is no file of this campaign"):
            read_outcomes(file)
    with pytest.raises(InvalidFileError):
        read_outcomes(tmp_path / "absent.jsonl.gz")


def test_more_seeds_later_are_only_the_new_ones() -> None:
    done = [train(mode, MODES[mode], 1) for mode in MODES]
    assert list(list_missing(done, 2)) == [(mode, 2) for mode in MODES]
