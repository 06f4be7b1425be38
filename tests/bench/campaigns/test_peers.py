"""The gates of other tools are asked by their own rules, and a campaign goes on turn by turn."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from bench.campaigns.peers import __main__ as campaign
from bench.campaigns.peers.answers import (
    Answer,
    ask_by_rank,
    ask_pytest_benchmark,
    make_peers_table,
    read_answers,
)
from bench.errors import InvalidFileError

ANSWER = Answer(turn=0, started_at="2026-01-02T03:04:05+00:00", gate="pyperf", pair="aa", called="same", seconds=100.0)


def write_rounds(path: Path, seconds: list[float]) -> Path:
    path.write_text(json.dumps({"benchmarks": [{"stats": {"data": seconds}}]}))
    return path


@pytest.mark.parametrize(("factor", "called"), [(1.06, "slower"), (1.04, "same"), (0.5, "same")])
def test_pytest_benchmark_fails_where_the_mean_grows_by_more_than_is_allowed(
    tmp_path: Path, factor: float, called: str
) -> None:
    first, other = write_rounds(tmp_path / "a", [1.0, 2.0]), write_rounds(tmp_path / "b", [factor, 2 * factor])
    assert ask_pytest_benchmark(first, other, 0.05) == called


@pytest.mark.parametrize(("shift", "called"), [(0.0, "same"), (0.5, "slower"), (-0.5, "faster")])
def test_a_rank_test_calls_by_the_median(tmp_path: Path, shift: float, called: str) -> None:
    rounds = [1 + number / 100 for number in range(50)]
    first, other = write_rounds(tmp_path / "a", rounds), write_rounds(tmp_path / "b", [each + shift for each in rounds])
    assert ask_by_rank(first, other) == called


def test_a_campaign_takes_the_turns_that_its_file_lacks_and_a_torn_one_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def take(turn: int, _spins: int) -> Iterator[Answer]:
        yield msgspec.structs.replace(ANSWER, turn=turn)

    path = tmp_path / "answers.jsonl"
    path.write_bytes(msgspec.json.encode(ANSWER) + b"\n" + msgspec.json.encode(ANSWER)[:20])
    monkeypatch.setattr(campaign, "take_turn", take)
    monkeypatch.setattr(campaign, "find_spec", lambda _name: object())
    monkeypatch.setattr("sys.argv", ["peers", "--file", str(path)])
    assert campaign.main() == 0
    assert [answer.turn for answer in read_answers(path)] == list(range(campaign.TURNS))


def test_the_table_counts_what_each_gate_called(tmp_path: Path) -> None:
    slower = msgspec.structs.replace(ANSWER, turn=1, called="slower", seconds=120.0)
    aa, two = make_peers_table([ANSWER, slower]).rows
    assert aa == ("pyperf", "the same twice", 2, 1, 0, 1, 110.0)
    assert two == ("pyperf", "2 % slower", 0, 0, 0, 0, None)
    (tmp_path / "f").write_text("{}\n")
    with pytest.raises(InvalidFileError):
        read_answers(tmp_path / "f")
