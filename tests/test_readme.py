"""The README's tables are the published run's. After another run: UPDATE_GOLDEN=1 pytest tests/test_readme.py."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from bench import compare
from bench.judge.results import CaseResult, judge_run
from bench.records.finding import find_results
from bench.records.run import Run
from bench.records.store import read_run
from bench.render.escape import for_markdown
from bench.render.phase_tables import make_data_table, make_phases_table
from bench.render.report import list_files
from bench.render.summary import advise, describe_machine
from bench.render.table import brief, to_markdown
from bench.render.tables import make_throughput_table

ROOT = Path(__file__).parents[1]
PUBLISHED = ROOT / "results" / "published"
README_RUN = PUBLISHED / "2026-11-25_cpu_epyc-zen5_standard"
BEGIN = "<!-- tables of results/published: made by tests/test_readme.py -->\n"
END = "<!-- end of tables -->\n"
COMPARED = "<!-- output of bench.compare: made by tests/test_readme.py -->\n"
END_OF_OUTPUT = "<!-- end of output -->\n"
COMPARISON = ("python", "-m", "bench.compare", f"results/published/{README_RUN.name}", "--filter", "batching=manual")


def make_readme_part(run: Run, results: list[CaseResult]) -> str:
    plan = run.info.plan
    tables = [make_throughput_table(results), make_phases_table(results), make_data_table(results)]
    return "\n".join(
        [
            f"[One run of the suite `{plan.suite}`](results/published/{README_RUN.name}), {run.info.started_at[:10]}, "
            f"{plan.num_replicates} seeds of {plan.cases[0].num_epochs:,} epochs, one thread, on a shared machine: "
            f"{describe_machine(run.info.environment)}. In brackets: quartiles over seeds, relative to the median.\n",
            *(to_markdown(replace(brief(table), notes=table.notes[:1])).replace("## ", "### ", 1) for table in tables),
            f"> {for_markdown(advise(results))}",
        ]
    )


def test_the_tables_of_the_readme_are_those_of_the_published_run() -> None:
    run = read_run(README_RUN)
    check_part(BEGIN, END, make_readme_part(run, judge_run(run)))


def test_the_comparison_in_the_readme_is_what_its_command_prints(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("sys.argv", [*COMPARISON[2:]])
    assert compare.main() == 0
    check_part(COMPARED, END_OF_OUTPUT, f"```console\n$ {' '.join(COMPARISON)}\n{capsys.readouterr().out}```\n")


def check_part(first_line: str, last_line: str, expected: str) -> None:
    """Check what stands between two lines of the README, or write it anew."""
    readme = ROOT / "README.md"
    before, begin, rest = readme.read_text(encoding="utf-8").partition(first_line)
    shown, end, after = rest.partition(last_line)
    assert begin, f"the README has lost the line {first_line}"
    assert end, f"the README has lost the line {last_line}"
    if os.environ.get("UPDATE_GOLDEN"):
        readme.write_text(f"{before}{begin}\n{expected}\n{end}{after}", encoding="utf-8")
    else:
        assert shown.strip() == expected.strip()


def test_the_tables_of_every_published_run_are_those_of_its_samples() -> None:
    directories, _ = find_results(PUBLISHED, "run")
    assert README_RUN in directories
    for directory in directories:
        run = read_run(directory)
        assert run.is_complete
        for name, text in list_files(run, judge_run(run)).items():
            path = directory / name
            if os.environ.get("UPDATE_GOLDEN"):
                path.write_text(text, encoding="utf-8", newline="")
            assert path.read_bytes().decode() == text, path


def test_every_link_of_the_readme_leads_somewhere() -> None:
    for document in (ROOT / "README.md", ROOT / "results" / "README.md"):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), target


def test_every_file_of_a_run_is_explained() -> None:
    explained = (ROOT / "results" / "README.md").read_text(encoding="utf-8")
    for path in README_RUN.iterdir():
        assert any(f"`{name}`" in explained for name in (path.name, f"{path.stem}.md", f"{path.name}/")), path.name
