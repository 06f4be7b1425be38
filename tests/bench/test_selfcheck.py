"""The door of the check by itself: what it refuses, and what it leaves where its races come to something."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench import selfcheck as door
from bench.errors import IncompleteError
from bench.records.race import RaceEnded, RaceInfo
from bench.records.selfcheck import Timer, read_selfcheck
from bench.records.store import RunDirectory, read_race
from tests.bench.measure.test_environment import make_survey
from tests.bench.races import make_pairs

DIFFERENCES = {"spins_0": 0.0, "spins_4300": 0.02, "ProductNet": 0.004}


@pytest.fixture
def call(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Check a machine whose races take no time and come to what their arms are known for."""
    monkeypatch.setattr("bench.measure.survey.take_survey", lambda _asked: make_survey("cpu"))
    timer = Timer(resolution_seconds=1e-9, cost_seconds=2e-8, floor_seconds=1e-7)
    monkeypatch.setattr("bench.measure.selfcheck.inspect_timer", lambda _device: timer)
    monkeypatch.setattr("bench.measure.selfcheck.measure_injected_size", lambda _spins, _number: (0.02, 0.001))
    monkeypatch.setattr(door, "measure_race", race)
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["bench.selfcheck", *words])
        return door.main(), capsys.readouterr().out

    return run


def race(info: RaceInfo, directory: RunDirectory, *_: Any) -> bool:
    difference = DIFFERENCES[info.plan.arms[1].workload.rpartition(":")[2]]
    for each in make_pairs([difference + off for off in (-0.001, 0.001) * 4]):
        directory.append(each)
    directory.append(RaceEnded(reason="resolved", seconds=20.0))
    return False


def test_a_check_leaves_its_races_and_what_they_say(call: Callable[..., tuple[int, str]], tmp_path: Path) -> None:
    code, said = call("--output", "c")
    assert code == 0
    check = read_selfcheck(tmp_path / "c")
    assert [(each.name, each.verdict, each.holds_truth) for each in check.races] == [
        ("a against a, one layout", "SAME", True),
        ("a against a, one layout, 10 s", "SAME", True),
        ("a against a", "SAME", True),
        ("slowed down", "SLOWER", True),
        ("harness against bare loop", "SAME", None),
    ]
    assert check.races[3].truth_half_width == 0.001
    assert read_race(tmp_path / "c" / "slowed-down").info.plan.arms[1].workload.endswith("spins_4300")
    assert read_race(tmp_path / "c" / "a-against-a-one-layout-10-s").info.plan.budget_seconds == 10.0
    assert "four races of five see a slowdown of" in said


def test_a_race_that_comes_to_nothing_ends_the_check_with_its_reason(
    call: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fall(_info: RaceInfo, directory: RunDirectory, *_: Any) -> bool:
        directory.append(RaceEnded(reason="budget", seconds=20.0))
        return False

    monkeypatch.setattr(door, "measure_race", fall)
    with pytest.raises(IncompleteError, match="'a against a, one layout' came to nothing: too few pairs"):
        call("--output", "c")


@pytest.mark.parametrize(
    "words", [("--alpha", "0%"), ("--resolution", "0%"), ("--device", "gpu"), ("--budget", "soon"), ("--races", "3")]
)
def test_what_can_not_be_asked_is_refused_before_any_work(
    call: Callable[..., tuple[int, str]], words: tuple[str, ...], tmp_path: Path
) -> None:
    with pytest.raises((SystemExit, Exception)) as caught:
        call(*words)
    code = getattr(caught.value, "exit_code", getattr(caught.value, "code", None))
    assert code == 2
    assert list(tmp_path.iterdir()) == []
