"""What `docs/method.md` says of races, of other tools' gates and of a machine follows from the data beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.campaigns.peers.answers import describe_peers, read_answers
from bench.campaigns.race_figures import describe_races
from bench.campaigns.race_lines import read_lines
from bench.campaigns.sweep_scenarios import describe_coverage, read_results
from bench.publishing import DOCS, METHOD_FILE, find_section, unpack
from bench.records.selfcheck import read_selfcheck
from bench.render.selfcheck import to_section

NOTHING_YET = "Not run yet."


def describe_selfcheck(archive: Path, directory: Path) -> str:
    unpack(archive, directory)
    return to_section(read_selfcheck(directory))


@pytest.mark.parametrize(
    ("name", "file_name", "describe"),
    [
        ("races", "races.jsonl.gz", lambda path, _: describe_races(read_lines(path))),
        ("peers", "peers.jsonl.gz", lambda path, _: describe_peers(read_answers(path))),
        ("sweeps", "sweep-coverage.jsonl.gz", lambda path, _: describe_coverage(read_results(path))),
        ("selfcheck", "selfcheck.tar.gz", describe_selfcheck),
    ],
)
def test_a_section_is_made_from_its_data_and_says_nothing_without(
    name: str, file_name: str, describe: Callable[[Path, Path], str], tmp_path: Path
) -> None:
    data = DOCS / "data" / file_name
    expected = describe(data, tmp_path) if data.exists() else NOTHING_YET
    document = (DOCS / METHOD_FILE).read_text(encoding="utf-8")
    assert find_section(document, name).strip() == expected.strip()
