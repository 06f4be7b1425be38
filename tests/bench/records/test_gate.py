"""A gate on the disk: what is written is what is read, and nothing else passes for it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bench.errors import InvalidFileError, UsageError
from bench.records.gate import Gate, GatedCase, GateInfo, create_gate, read_gate
from bench.records.race import Race, RaceEnded
from bench.records.store import create_run
from tests.bench.gates import make_gate_info, make_gated, make_race

EAGER, REFERENCE = make_gated("eager"), make_gated("reference")
PAIRS = (0.0, 0.001, 0.002, 0.003)


def write_race(directory: Path, race: Race, gated: GatedCase, number: int) -> None:
    with create_run(race.info, directory / gated.directory_name(number), ()) as run:
        for each in race.rounds:
            run.append(each)
        if race.ended is not None:
            run.append(race.ended)


def write(tmp_path: Path, info: GateInfo) -> Path:
    return create_gate(info, tmp_path / "gate", ())


def test_a_gate_is_read_back_with_the_races_of_each_case_in_order(tmp_path: Path) -> None:
    info = make_gate_info(EAGER, REFERENCE)
    path = write(tmp_path, info)
    first, second, other = make_race(EAGER, PAIRS), make_race(EAGER, PAIRS[:2]), make_race(REFERENCE, PAIRS)
    write_race(path, second, EAGER, 2)
    write_race(path, first, EAGER, 1)
    write_race(path, other, REFERENCE, 1)
    assert read_gate(path) == Gate(info, ((first, second), (other,)))


def test_what_was_not_raced_has_no_race(tmp_path: Path) -> None:
    info = make_gate_info(EAGER)
    assert read_gate(write(tmp_path, info)) == Gate(info, ((),))


def test_a_gate_without_a_place_gets_one_under_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    paths = [create_gate(make_gate_info(EAGER), None, ("2026-01-02", "host", "gate")) for _ in range(2)]
    assert [path.as_posix() for path in paths] == ["results/2026-01-02_host_gate", "results/2026-01-02_host_gate_2"]


def test_two_gates_do_not_share_a_directory(tmp_path: Path) -> None:
    write(tmp_path, make_gate_info(EAGER))
    with pytest.raises(UsageError, match="in use by another gate"):
        write(tmp_path, make_gate_info(REFERENCE))
    assert read_gate(tmp_path / "gate").info.cases == (EAGER,)


def test_a_place_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="name another with --output"):
        create_gate(make_gate_info(EAGER), tmp_path / "file" / "gate", ())


@pytest.mark.parametrize(
    "stranger",
    [
        make_race(REFERENCE, PAIRS),
        make_race(EAGER, PAIRS, alpha=0.1),
    ],
    ids=["of another case", "at another level"],
)
def test_a_race_of_something_else_does_not_stand_in_for_the_gates_own(tmp_path: Path, stranger: Race) -> None:
    path = write(tmp_path, make_gate_info(EAGER))
    write_race(path, stranger, EAGER, 1)
    with pytest.raises(
        InvalidFileError, match=r"the race of cpu/eager/manual is not the one that gate\.json speaks of"
    ):
        read_gate(path)


def test_a_race_of_another_base_or_of_no_work_tree_does_not_either(tmp_path: Path) -> None:
    race = make_race(EAGER, PAIRS)
    base, head = race.info.plan.arms
    replace = msgspec.structs.replace
    elsewhere = replace(base, source=replace(base.source, revision="c" * 40))
    again, third = replace(base, label=head.label), replace(head, label="c")
    for number, arms in enumerate([(elsewhere, head), (base, again), (head, base), (base, head, third)]):
        path = write(tmp_path / str(number), make_gate_info(EAGER))
        info = replace(race.info, plan=replace(race.info.plan, arms=arms))
        with create_run(info, path / EAGER.directory_name(1), ()) as run:
            run.append(RaceEnded(reason="resolved", seconds=1.0))
        with pytest.raises(InvalidFileError):
            read_gate(path)


@pytest.mark.parametrize(
    "damage",
    ["{}", "[", '{"schema": 99}', "\x00"],
)
def test_a_damaged_file_is_invalid(tmp_path: Path, damage: str) -> None:
    path = write(tmp_path, make_gate_info(EAGER))
    (path / "gate.json").write_text(damage)
    with pytest.raises(InvalidFileError, match=r"gate\.json"):
        read_gate(path)


def test_a_case_twice_and_none_are_no_gate(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the same name"):
        make_gate_info(EAGER, EAGER)
    path = write(tmp_path, make_gate_info(EAGER))
    document = msgspec.json.decode((path / "gate.json").read_bytes())
    (path / "gate.json").write_bytes(msgspec.json.encode({**document, "cases": []}))
    with pytest.raises(InvalidFileError, match="length >= 1"):
        read_gate(path)


def test_a_name_never_becomes_a_path_out_of_the_directory() -> None:
    for device in ("../../etc", "/etc", "..", "a\\b", "cuda:1", "\x00"):
        name = make_gated(device=device).directory_name(1)
        assert "/" not in name
        assert "\\" not in name
        assert name.endswith("-eager-manual-1")
        assert Path(name).name == name
