"""The race that would settle what stored runs leave open: its command, or why there is none."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from bench.records.case import Case
from bench.records.run import Run


def race_of_cases(base: Case, head: Case, flags: Mapping[str, str]) -> str:
    """Return the command that races two cases of one source against each other."""
    return _command(list_settings(base), list_settings(head), flags)


def race_of_sources(
    base: Sequence[Run], head: Sequence[Run], case: Case, flags: Mapping[str, str]
) -> tuple[str | None, str | None]:
    """Return the command that races a case of two sources, None where there are not two; and what to know of it."""
    ours, theirs = _commits(base), _commits(head)
    if None in (*ours, *theirs):
        return race_of_commits(None, None, case, flags)
    if len(ours) > 1 or len(theirs) > 1:
        return None, "a side holds runs of several commits: race two of them, --a rev=COMMIT --b rev=COMMIT"
    (base_commit,), (head_commit,) = ours, theirs
    return race_of_commits(base_commit, head_commit, case, flags)


def race_of_commits(
    base: tuple[str, bool] | None, head: tuple[str, bool] | None, case: Case, flags: Mapping[str, str]
) -> tuple[str | None, str | None]:
    """Do the same for two commits: of each its name and whether there were changes besides; None is not recorded."""
    if base is None or head is None:
        return None, "the commit of a run was not recorded: race the two sources, --a tree=DIRECTORY --b tree=DIRECTORY"
    (base_commit, base_is_dirty), (head_commit, head_is_dirty) = base, head
    if base_commit == head_commit and not head_is_dirty:
        return None, (
            f"both sides are commit {base_commit[:12]}, so that there are no two sources to race: what differs is the "
            "machine or its settings; measure three runs a side or more"
        )
    words = [] if head_is_dirty else [f"rev={head_commit}"]
    remarks = [f"base had changes that rev={base_commit[:12]} lacks"] if base_is_dirty else []
    remarks += ["head had changes that are in no commit: --b is the work tree at hand"] if head_is_dirty else []
    command = _command([*list_settings(case), f"rev={base_commit}"], [*list_settings(case), *words], flags)
    return command, "; ".join(remarks) or None


def _commits(runs: Sequence[Run]) -> set[tuple[str, bool] | None]:
    recorded = [run.info.environment.recorded if run.info.environment else None for run in runs]
    return {(each.git_commit, bool(each.git_is_dirty)) if each and each.git_commit else None for each in recorded}


def list_settings(case: Case) -> list[str]:
    """Return the words that make an arm of a case."""
    if case.workload is None:
        work = [f"engine={case.engine}", f"batching={case.batching}"]
        work += [f"batch_size={case.shape.batch_size}"] if case.shape else []
    else:
        work = [f"workload={case.workload.place}", f"steps={case.num_epochs}"]
    return [
        f"device={case.device}",
        *work,
        f"precision={case.precision}",
        f"threads={case.num_threads}",
        *([] if case.num_replicas == 1 else [f"replicas={case.num_replicas}"]),
    ]


def _command(base: Sequence[str], head: Sequence[str], flags: Mapping[str, str]) -> str:
    given = [word for flag in flags.items() for word in flag]
    return shlex.join(["python", "-m", "bench.race", "--a", *base, "--b", *head, *given])
