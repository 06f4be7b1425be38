"""A case over time: what history keeps of it from each run, and which of those runs make one course."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bench.judge.comparability import digest_identity
from bench.judge.results import CaseResult, judge_run
from bench.judge.sides import step_seconds
from bench.records.case import Case, OwnWorkload
from bench.records.stored import StoredRun
from bench.records.times import read_time


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One case of one run. What was not recorded or not measured is None."""

    path: str
    """Of the run's directory, absolute."""
    content: str
    """A digest of the run's files: a copy of a run is the run itself."""
    started: datetime | None
    """In UTC; None where what was written down is no time."""
    has_zone: bool
    """Whether it was written down with its distance from UTC. Without, it is taken for UTC."""
    label: str | None
    suite: str
    schema: int
    is_complete: bool
    commit: str | None
    is_dirty: bool | None
    cpu_model: str | None
    accelerators: str | None
    torch_version: str | None
    identity: str | None
    """A digest of all that must agree before two runs may be compared."""
    case: str
    device: str
    engine: str
    batching: str
    precision: str
    num_threads: int
    num_epochs: int
    num_replicas: int
    step_seconds: float | None
    """Median over replicates, each by the median of its blocks."""
    steps_per_second: float | None
    samples_per_second: float | None
    training_seconds: float | None
    num_replicates: int
    """Of which a whole training was timed."""
    quality: str
    is_rankable: bool
    workload: str | None
    """Where a workload of a user's own lies; None is the product network."""
    workload_digest: str | None
    work: str
    """What each seed trained on: seed and digest, with blanks between."""

    def as_case(self) -> Case:
        """Return the case itself."""
        workload = None
        if self.workload is not None and self.workload_digest is not None:
            name = self.case.split("/")[1]
            workload = OwnWorkload(name=name, place=self.workload, digest=self.workload_digest)
        return Case(
            device=self.device,
            engine=self.engine,
            batching=self.batching,
            precision=self.precision,
            num_threads=self.num_threads,
            num_epochs=self.num_epochs,
            num_replicas=self.num_replicas,
            workload=workload,
        )


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run, in short."""

    path: str
    started: datetime | None
    has_zone: bool
    is_complete: bool
    label: str | None
    commit: str | None
    is_dirty: bool | None
    cpu_model: str | None
    accelerators: str | None
    torch_version: str | None
    identity: str | None
    devices: str
    num_cases: int


def make_rows(stored: StoredRun, path: str) -> list[CaseRow]:
    """Keep of every case of a run what its own tables show.

    Args:
        path: as it is stored.
    """
    return [_make_row(stored, path, result) for result in judge_run(stored.result)]


def _make_row(stored: StoredRun, path: str, result: CaseResult) -> CaseRow:
    info, case = stored.result.info, result.case
    identity = info.environment.identity if info.environment else None
    recorded = info.environment.recorded if info.environment else None
    started, has_zone = read_time(info.started_at)
    models = [each.model_name or each.name for each in (identity.accelerators or ())] if identity else []
    return CaseRow(
        path=path,
        content=stored.content,
        started=started,
        has_zone=has_zone,
        label=info.label,
        suite=info.plan.suite,
        schema=info.schema,
        is_complete=stored.result.is_complete,
        commit=recorded.git_commit if recorded else None,
        is_dirty=recorded.git_is_dirty if recorded else None,
        cpu_model=identity.cpu_model if identity else None,
        accelerators=", ".join(models) or None,
        torch_version=identity.torch_version if identity else None,
        identity=digest_identity(info.environment, case),
        case=case.name,
        device=case.device,
        engine=case.engine,
        batching=case.batching,
        precision=case.precision,
        num_threads=case.num_threads,
        num_epochs=case.num_epochs,
        num_replicas=case.num_replicas,
        step_seconds=step_seconds(stored.result, case),
        steps_per_second=result.steps_per_second.median if result.steps_per_second else None,
        samples_per_second=result.samples_per_second.median if result.samples_per_second else None,
        training_seconds=result.training_seconds.median if result.training_seconds else None,
        num_replicates=result.training_seconds.count if result.training_seconds else 0,
        quality=str(result.quality),
        is_rankable=result.is_rankable,
        workload=case.workload.place if case.workload else None,
        workload_digest=case.workload.digest if case.workload else None,
        work=_list_work(stored, case),
    )


def _list_work(stored: StoredRun, case: Case) -> str:
    digests = {each.replicate: each.trained.digest for each in stored.result.measurements_of(case) if each.trained}
    first = stored.result.info.plan.seed
    return " ".join(
        f"{first + replicate}:{hashlib.sha256(digest.encode()).hexdigest()[:12]}"
        for replicate, digest in sorted(digests.items())
    )


@dataclass(frozen=True, slots=True)
class Kind:
    """What the runs of a course have in common besides the case's name."""

    identity: str
    num_epochs: int
    schema: int


@dataclass(frozen=True, slots=True)
class Course:
    """A case over time on one machine with one torch, oldest first; and what was left out of it."""

    kind: Kind
    rows: tuple[CaseRow, ...]
    others: tuple[tuple[Kind, int], ...]
    """Other identities, epochs or schemas that the case was run with, and how often; most first."""
    num_undated: int
    num_unidentified: int
    num_of_other_work: int
    """Runs of the same kind whose seeds trained on other bytes."""

    @property
    def judged(self) -> tuple[tuple[CaseRow, float], ...]:
        """Those whose speed counts, with the seconds of a step."""
        return tuple((row, row.step_seconds) for row in self.rows if row.is_rankable and row.step_seconds is not None)


def choose_course(rows: Sequence[CaseRow], identity: str = "") -> Course | None:
    """Choose the newest kind of runs among those of one case.

    Args:
        rows: of runs in the order of their time, oldest first.
        identity: how the digest of the wanted identity begins.
    Returns:
        None where there is no run of such an identity.
    """
    dated = [(row, _kind_of(row)) for row in rows if row.started is not None]
    known = [(row, kind) for row, kind in dated if kind is not None]
    newest = next((kind for _, kind in reversed(known) if kind.identity.startswith(identity)), None)
    if newest is None:
        return None
    counts = Counter(kind for _, kind in known)
    of_kind = [row for row, kind in known if kind == newest]
    chosen = _split_by_work(of_kind)
    return Course(
        newest,
        tuple(chosen),
        tuple((kind, count) for kind, count in counts.most_common() if kind != newest),
        num_undated=len(rows) - len(dated),
        num_unidentified=len(dated) - len(known),
        num_of_other_work=len(of_kind) - len(chosen),
    )


def _kind_of(row: CaseRow) -> Kind | None:
    return None if row.identity is None else Kind(row.identity, row.num_epochs, row.schema)


def _split_by_work(rows: Sequence[CaseRow]) -> list[CaseRow]:
    """Return the runs that did the newest run's work: no seed trains on other bytes in one of them than in another."""
    seen: dict[str, str] = {}
    kept = []
    for row in reversed(rows):
        work = dict(each.split(":", 1) for each in row.work.split())
        if all(seen.get(seed, digest) == digest for seed, digest in work.items()):
            seen.update(work)
            kept.append(row)
    return kept[::-1]
