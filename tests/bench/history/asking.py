"""History's command line, called from tests that stand in a directory of their own."""

from __future__ import annotations

import csv
import io
from datetime import datetime
from pathlib import Path

import pytest

from bench.history import __main__ as door
from bench.records.case import Case
from bench.records.environment import Environment
from tests.bench.history.many import FIRST, write_run
from tests.bench.runs import ENVIRONMENT, make_training
from tests.bench.sides import EAGER, REFERENCE


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["bench.history", *arguments])
    try:
        return door.main()
    except SystemExit as leaving:
        return int(leaving.code or 0)


def write(
    name: str,
    started: datetime | str = FIRST,
    environment: Environment | None = ENVIRONMENT,
    cases: tuple[Case, ...] = (REFERENCE, EAGER),
    label: str | None = None,
    digest: str = "the same",
) -> Path:
    records = [record for case in cases for record in make_training(case, [1.0, 1.0], digest=digest)]
    return write_run(Path("results") / name, list(cases), records, started, environment, label)


def list_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    assert call(monkeypatch, "list", "--format", "csv", *arguments) == 0
    rows = csv.DictReader(io.StringIO(capsys.readouterr().out, newline=""))
    return [Path(row["path"]).name for row in rows]
