"""The workflow that comments on pull requests runs trusted code alone, and takes a stranger's artifacts as such.

Its own steps are run here, as they stand in the file, with a `gh` that answers from files.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from bench.matrix_file import read_matrix

ROOT = Path(__file__).parents[1]
WORKFLOWS = ROOT / ".github" / "workflows"
MARKER = "<!-- benchmark matrix -->"
SHA = "a" * 40

needs_tools = pytest.mark.skipif(
    sys.platform != "linux" or not all(map(shutil.which, ("bash", "jq", "unzip"))),
    reason="the steps are for a Linux runner, with bash, jq and unzip",
)

GH = """\
#!{python}
import json, pathlib, sys
place = pathlib.Path(__file__).parent
words = sys.argv[1:]
with (place / "calls").open("a") as calls:
    print(json.dumps(words), file=calls)
path = next(word for word in words if word.startswith("repos/"))
answers = json.loads((place / "answers.json").read_text())
if "POST" not in words and "PATCH" not in words:
    sys.stdout.buffer.write(pathlib.Path(answers[path]).read_bytes())
"""


def read(name: str) -> dict[str, Any]:
    document: dict[str, Any] = YAML(typ="safe").load((WORKFLOWS / name).read_text(encoding="utf-8"))
    return document


def find_step(name: str) -> str:
    """Return the script of the step of that name."""
    steps = [step for job in read("comment.yml")["jobs"].values() for step in job["steps"]]
    (script,) = [step["run"] for step in steps if step.get("name") == name]
    return str(script)


def run_script(name: str, where: Path, environment: dict[str, str]) -> None:
    """Run the script of a step as GitHub does."""
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", find_step(name)]
    subprocess.run(shell, cwd=where, env=environment, check=True)


def run_step(where: Path, name: str, answers: dict[str, object], **environment: str) -> list[list[str]]:
    """Run a step in a directory with what GitHub answers to each path; return how gh was called."""
    tools = where / "tools"
    tools.mkdir()
    for number, (path, answer) in enumerate(answers.items()):
        (tools / str(number)).write_bytes(answer if isinstance(answer, bytes) else json.dumps(answer).encode())
        answers[path] = str(tools / str(number))
    (tools / "answers.json").write_text(json.dumps(answers))
    (tools / "gh").write_text(GH.format(python=sys.executable))
    (tools / "gh").chmod(stat.S_IRWXU)
    environment |= {"PATH": f"{tools}:{os.environ['PATH']}", "GITHUB_REPOSITORY": "owner/name"}
    work = where / "work"
    work.mkdir()
    (work / "comment.md").write_text(f"{MARKER}\nledger")
    subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", find_step(name)],
        cwd=work,
        env=environment,
        check=True,
    )
    return [json.loads(line) for line in (tools / "calls").read_text().splitlines()]


def zip_up(place: Path, files: dict[str, bytes], link: str | None = None) -> bytes:
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        if link is not None:
            info = zipfile.ZipInfo(link)
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(info, "/etc/hostname")
    return place.read_bytes()


def take(where: Path, archive: bytes) -> list[Path]:
    """Take what linux-cpu's artifact has in it; return all files that are then below the work directory."""
    artifacts = "repos/owner/name/actions/runs/7/artifacts?name=results-"
    answers: dict[str, object] = {f"{artifacts}{name}": {"artifacts": []} for name in ("windows-cpu", "macos-cpu")}
    answers |= {
        f"{artifacts}linux-cpu": {"artifacts": [{"id": 12}]},
        "repos/owner/name/actions/artifacts/12/zip": archive,
    }
    run_step(where, "take two files a machine", answers, RUN="7")
    work = where / "work"
    return [each for each in work.rglob("*") if not each.is_dir() and each.name not in ("comment.md", "results.zip")]


@needs_tools
def test_the_two_files_of_a_machine_are_taken_and_nothing_else(tmp_path: Path) -> None:
    files = {"linux-cpu/run.json": b"{}", "linux-cpu/samples.jsonl": b"[]", "linux-cpu/advice.md": b"x"}
    hostile = {"../../evil": b"x", "/evil": b"x", "linux-cpu/../../evil": b"x", "macos-cpu/run.json": b"x"}
    taken = take(tmp_path, zip_up(tmp_path / "x.zip", {**files, **hostile}))
    assert {each.relative_to(tmp_path / "work").as_posix(): each.read_bytes() for each in taken} == {
        "measured/linux-cpu/run.json": b"{}",
        "measured/linux-cpu/samples.jsonl": b"[]",
    }
    assert not (tmp_path / "evil").exists()


@needs_tools
def test_a_file_that_unpacks_to_more_than_its_share_is_cut_off(tmp_path: Path) -> None:
    archive = zip_up(tmp_path / "x.zip", {"linux-cpu/samples.jsonl": bytes(30_000_000)})
    sizes = {each.name: each.stat().st_size for each in take(tmp_path, archive)}
    assert sizes == {"run.json": 0, "samples.jsonl": 20_000_000}


@needs_tools
def test_an_archive_that_is_too_long_is_as_one_that_is_none(tmp_path: Path) -> None:
    archive = zip_up(tmp_path / "x.zip", {"linux-cpu/run.json": b"{}", "pad": os.urandom(11_000_000)})
    assert {each.stat().st_size for each in take(tmp_path, archive)} == {0}


@needs_tools
def test_a_link_in_an_archive_is_its_text(tmp_path: Path) -> None:
    taken = take(tmp_path, zip_up(tmp_path / "x.zip", {}, link="linux-cpu/run.json"))
    assert not any(each.is_symlink() for each in taken)
    assert (tmp_path / "work/measured/linux-cpu/run.json").read_bytes() == b"/etc/hostname"


def write_ledger(where: Path, ledger: str, code: int) -> str:
    """Return the comment that is made of a ledger that the report leaves, before it ends with this exit code."""
    (where / "work").mkdir()
    (where / "python").write_text(f'#!/bin/bash\nprintf %s "{ledger}" > ledger.md; exit {code}\n')
    (where / "python").chmod(stat.S_IRWXU)
    environment = {"PATH": f"{where}:{os.environ['PATH']}", "RUN_URL": "https://example.org/7"}
    run_script("write the ledger", where / "work", environment)
    return (where / "work" / "comment.md").read_text()


@needs_tools
@pytest.mark.parametrize("code", [0, 5, 6])
def test_a_ledger_is_a_comment_whatever_became_of_its_cells(tmp_path: Path, code: int) -> None:
    lines = write_ledger(tmp_path, "## Matrix", code).splitlines()
    assert lines[:2] == [MARKER, "## Matrix"]
    assert lines[-1].startswith("Measured in [this run](https://example.org/7) by the pull request's own code")


@needs_tools
def test_a_ledger_that_is_too_long_for_a_comment_is_said_to_be(tmp_path: Path) -> None:
    assert len(write_ledger(tmp_path, "x" * 60_001, 6)) < 300


@needs_tools
def test_without_a_ledger_the_job_fails(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        write_ledger(tmp_path, "", 2)


def write_comment(where: Path, pulls: list[object], comments: list[object] | None = None) -> list[list[str]]:
    answers: dict[str, object] = {
        "repos/owner/name/pulls": pulls,
        "repos/owner/name/issues/3/comments?per_page=100": comments or [],
    }
    calls = run_step(where, "write it, or write over the last one", answers, OWNER="you", BRANCH="x", SHA=SHA)
    assert calls[0][-1] == "head=you:x"
    return [call for call in calls if "POST" in call or "PATCH" in call]


def pull(number: int = 3, sha: str = SHA) -> object:
    return {"number": number, "head": {"sha": sha}}


def comment(number: int, login: str = "github-actions[bot]", body: str = f"{MARKER}\nold") -> object:
    return {"id": number, "user": {"login": login}, "body": body}


@needs_tools
@pytest.mark.parametrize("pulls", [[], [pull(sha="b" * 40)], [pull(3), pull(4)]])
def test_without_one_pull_request_of_that_commit_nothing_is_written(tmp_path: Path, pulls: list[object]) -> None:
    assert write_comment(tmp_path, pulls) == []


@needs_tools
def test_the_pull_request_is_the_one_whose_newest_commit_was_measured(tmp_path: Path) -> None:
    (call,) = write_comment(tmp_path, [pull(9, "b" * 40), pull(3)], [comment(1, "you"), comment(2, body="hello")])
    assert call[-4:] == ["POST", "repos/owner/name/issues/3/comments", "-F", "body=@comment.md"]


@needs_tools
def test_a_comment_of_its_own_is_written_over(tmp_path: Path) -> None:
    (call,) = write_comment(tmp_path, [pull()], [comment(1, "you"), comment(5), comment(8, "you")])
    assert call[-4:] == ["PATCH", "repos/owner/name/issues/comments/5", "-F", "body=@comment.md"]


def test_what_may_write_runs_no_code_of_the_project_and_what_runs_it_may_not_write() -> None:
    document = read("comment.yml")
    assert document["permissions"] == {}
    reading, writing = document["jobs"]["read"], document["jobs"]["write"]
    assert reading["permissions"] == {"actions": "read", "contents": "read"}
    assert writing["permissions"] == {"pull-requests": "write"}
    assert [step.get("uses", "").partition("@")[0] for step in writing["steps"]] == ["actions/download-artifact", ""]
    assert "python" not in json.dumps(writing)


def test_only_the_default_branch_is_checked_out_and_no_text_of_a_stranger_is_put_into_a_script() -> None:
    jobs = read("comment.yml")["jobs"].values()
    steps = [step for job in jobs for step in job["steps"]]
    (checkout,) = [step for step in steps if step.get("uses", "").startswith("actions/checkout@")]
    assert checkout["with"] == {"persist-credentials": False}
    assert not any("${{" in step.get("run", "") for step in steps)
    assert not any("run-id" in step.get("with", {}) for step in steps)


def test_the_actions_are_those_of_the_other_workflows_pinned_by_hash() -> None:
    pattern = re.compile(r"uses: (actions/\S+) # (\S+)")
    pins = {found for path in WORKFLOWS.glob("*.yml") for found in pattern.findall(path.read_text(encoding="utf-8"))}
    assert len(pins) == len({action.partition("@")[0] for action, _ in pins})
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action) for action, _ in pins)


def test_the_comment_reads_every_machine_that_a_pull_request_is_measured_on() -> None:
    machines = list(dict.fromkeys(each.machine for each in read_matrix(ROOT / "matrix.toml")))
    without = re.findall(r"--without (\S+)", find_step("write the ledger"))
    taken = re.findall(r"for machine in (.*); do", find_step("take two files a machine"))[0].split()
    assert sorted([*taken, *without]) == sorted(machines)
    jobs = read("matrix.yml")["jobs"]
    for machine in without:
        assert "github.event_name != 'pull_request' && (" in jobs[machine.partition("-")[2]]["if"]
    assert taken == [each["machine"] for each in jobs["cpu"]["strategy"]["matrix"]["include"]]
