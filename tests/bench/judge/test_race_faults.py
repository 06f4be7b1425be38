"""Each check of a race is seen failing on a copy that was tampered with in one place, and says where."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.bench.tampered import Tamper, find, list_faults, take, take_pair, tamper_with, write_race

RACE_TAMPERINGS: dict[str, tuple[Tamper, str]] = {
    "no time zone": (
        lambda h, _: h.update(started_at="2026-01-02T03:04:05"),
        r"race\.json: started_at: expected a time",
    ),
    "a faster block": (
        lambda _, r: [
            each.update(seconds=[0.025, 0.03]) for each in r if each["type"] == "round" and each["pair"] == 0
        ],
        r"race\.csv: row 2 \(b\), ",
    ),
    "no end": (lambda _, r: take(r, type="race ended"), "race ended: expected a record that the race is over"),
    "rounds after the end": (
        lambda _, r: r.insert(0, take(r, type="race ended")),
        "line 4, type: expected no round after the race is over, found round",
    ),
    "shorter than its rounds": (
        lambda _, r: find(r, type="race ended").update(seconds=0.5),
        r"seconds: expected at least what its rounds took, 1\.\d+, found 0\.5",
    ),
    "interrupted": (
        lambda _, r: find(r, type="race ended").update(reason="interrupted"),
        "reason: expected a race that came to its end, found interrupted",
    ),
    "failed without a fall": (
        lambda _, r: find(r, type="race ended").update(reason="failed"),
        "reason: expected an arm that could not go on, found none",
    ),
    "rounds of no race": (
        lambda _, r: find(r, type="race ended").update(reason="trained"),
        "reason: expected a race, since there are rounds, found trained",
    ),
    "resolved and wide": (
        lambda h, _: h["plan"].update(resolution=1e-4),
        r"reason: expected resolved: a half-width up to 0\.0001, found arm b: 0\.00\d+",
    ),
    "resolved between two looks": (
        lambda _, r: take_pair(r, 3),
        r"reason: expected resolved at one of \(4, .*\) pairs, found 3 pairs",
    ),
    "never set up": (
        lambda _, r: take(r, type="seated", pair=2, arm=1),
        "pair 2, arm b: expected 'seated' before its rounds, found none",
    ),
    "a pair lost": (
        lambda _, r: take_pair(r, 1),
        "pairs: expected 3 of them, number 1 in place 1, found 2",
    ),
    "a round lost": (
        lambda _, r: take(r, type="round", pair=1, round=3),
        "pair 1, arm b, rounds: expected 6 of them, number 3 in place 3, found 4",
    ),
    "not in turn": (
        lambda _, r: find(r, type="round", round=1).update(is_reversed=find(r, type="round")["is_reversed"]),
        "is_reversed: expected the other order than in the round before, found False",
    ),
    "other steps": (
        lambda _, r: find(r, type="round", pair=1).update(num_steps=24),
        "num_steps: expected 25, as in the first round, found 24",
    ),
    "laps of another block": (
        lambda _, r: [
            each.update(laps=[[[1_004_000] * 25], [[1_000_000] * 25]]) for each in r if each["type"] == "round"
        ],
        r"laps: expected laps that together take 0\.025 s, found 0\.0251 s",
    ),
    "fewer laps than steps": (
        lambda _, r: [
            each.update(laps=[[[12_500_000] * 2], [[12_500_000] * 2]]) for each in r if each["type"] == "round"
        ],
        "laps: expected 25, as many as steps, found 2",
    ),
    "a pair cut short": (
        lambda _, r: [take(r, type="round", pair=2, round=number) for number in (2, 3, 4, 5)],
        "pair 2, arm b, rounds: expected 6 of them, ",
    ),
    "a training lost": (
        lambda _, r: take(r, type="trained", case="b", replicate=1),
        r"trainings of arm b: expected seeds \[0, 1, 2\], found \[0, 2\]",
    ),
    "an epoch without a loss": (
        lambda _, r: find(r, type="trained").update(epoch_losses=[0.25]),
        "epoch_losses: expected 1000 losses, found 1",
    ),
}


@pytest.mark.parametrize("name", RACE_TAMPERINGS)
def test_a_race_that_was_tampered_with_has_a_fault_that_says_where(tmp_path: Path, name: str) -> None:
    tamper, fault = RACE_TAMPERINGS[name]
    faults = list_faults(tamper_with(write_race(tmp_path / "race"), "race.json", tamper))
    assert [each for each in faults if re.search(fault, each)], faults
