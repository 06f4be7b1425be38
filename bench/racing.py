"""What every door that races does: find the arms, race them into a directory, and leave the race's tables there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import TYPE_CHECKING

from bench.arms import make_case, make_source
from bench.errors import UnavailableError
from bench.own import MAKE_OWN
from productnet.door import tell
from productnet.registry import split_batching

if TYPE_CHECKING:
    from bench.judge.race import Contrast
    from bench.measure.process import WorkerProcess
    from bench.measure.race import RaceCourse
    from bench.measure.survey import Survey
    from bench.records.case import Case
    from bench.records.race import Arm, Race, RaceInfo, RacePlan, StopReason
    from bench.records.store import RunDirectory

LABELS = "abcdefgh"
"""Of arms; the first is what the others are held against."""


def survey_devices(asked: set[str]) -> Survey:
    """Ask for the one device that all arms name, or else for all."""
    from bench.measure.survey import take_survey

    return take_survey(next(iter(asked)) if len(asked) == 1 else "all")


@contextmanager
def checkouts() -> Iterator[Callable[[str], Path]]:
    """Give what checks a commit out apart, each once: commit -> its tree; all are gone in the end."""
    from bench.measure.checkout import check_out

    with ExitStack() as stack:

        @cache
        def check_out_once(commit: str) -> Path:
            directory = Path(stack.enter_context(TemporaryDirectory(prefix="bench-revision-")))
            check_out(commit, directory)
            return directory

        yield check_out_once


def make_arms(
    settings: Sequence[Mapping[str, str]],
    default_device: str,
    make_workload: str,
    survey: Survey,
    check_out_once: Callable[[str], Path],
) -> tuple[Arm, ...]:
    """Find what each arm's settings name.

    Args:
        default_device: of the arms that name none.
        make_workload: "module:name", of the arms that name none.
    Raises:
        UsageError: for settings that name nothing.
        UnavailableError: for an arm that can't be measured here.
    """
    from bench.measure.checkout import find_commit
    from bench.measure.first_look import look_at
    from bench.measure.survey import choose_devices, drop_unusable, resolve_amp
    from bench.records.journal import as_text
    from bench.records.race import Arm

    arms = []
    for label, each in zip(LABELS, settings, strict=False):
        device = choose_devices(each.get("device", default_device), survey)[0]
        source = make_source(each, find_commit, check_out_once)
        (case,) = resolve_amp((make_case(each, device, None if source.tree is None else Path(source.tree)),), survey)
        dropped = drop_unusable((case,), survey)[1]
        if dropped:
            raise UnavailableError(f"arm {label}: {case.name} can't be measured: {next(iter(dropped.values()))}")
        shown = as_text(" ".join(f"{name}={value}" for name, value in each.items()))
        workload = MAKE_OWN if case.workload is not None else each.get("workload", make_workload)
        if case.workload is not None and source.python is None:
            look_at(case.workload)  # a mistake is told before anything starts
        arms.append(Arm(label=label, settings=shown, case=case, workload=workload, source=source))
    return tuple(arms)


def measure_race(
    info: RaceInfo, directory: RunDirectory, survey: Survey, started: float, is_quiet: bool = False
) -> bool:
    """Race, then compare the quality of whole trainings; returns whether the user stopped it.

    Args:
        started: the monotonic clock's reading when the user began to wait.
        is_quiet: whether nothing is told of it.
    """
    from bench.measure.race import Standing
    from bench.records.race import RaceEnded
    from bench.render.race import narrowing

    plan = info.plan

    def show(standing: Standing) -> None:
        if not is_quiet:
            tell(narrowing(plan, standing.num_pairs, standing.estimates, standing.elapsed_seconds))

    course = _make_course(plan, directory, survey)
    reason: StopReason = "interrupted"
    try:
        if not is_quiet:
            tell(f"starting: {' against '.join(arm.settings for arm in plan.arms)}")
        reason = course.run(started, show)
    except KeyboardInterrupt:
        """What was raced is kept."""
    directory.append(RaceEnded(reason=reason, seconds=monotonic() - started))
    if reason in ("interrupted", "failed") or not plan.num_quality_seeds:
        return reason == "interrupted"
    return _school(course, plan)


def compare_quality(info: RaceInfo, directory: RunDirectory, survey: Survey) -> bool:
    """Compare the quality of whole trainings and race nothing; returns whether the user stopped it."""
    from bench.records.race import RaceEnded

    started = monotonic()
    was_interrupted = _school(_make_course(info.plan, directory, survey), info.plan)
    reason: StopReason = "interrupted" if was_interrupted else "trained"
    directory.append(RaceEnded(reason=reason, seconds=monotonic() - started))
    return was_interrupted


def _make_course(plan: RacePlan, directory: RunDirectory, survey: Survey) -> RaceCourse:
    from bench.measure.disturbances import make_looker
    from bench.measure.nest import launch_pair
    from bench.measure.process import start_worker
    from bench.measure.race import RaceCourse
    from bench.measure.race_pace import list_core_sets

    numbers = count()
    devices = {arm.case.device for arm in plan.arms}

    def next_log() -> Path:
        return directory.log_path(next(numbers))

    def launch(_pair: int) -> list[WorkerProcess]:
        if plan.shares_layout:
            return [start_worker(arm.workload, next_log()) for arm in plan.arms]
        return launch_pair(plan.arms, next_log)

    return RaceCourse(
        plan,
        launch,
        directory.append,
        make_looker({name: uuid for name, uuid in survey.gpu_uuids.items() if name in devices}),
        monotonic,
        list_core_sets(max(_count_busy(arm.case) for arm in plan.arms)),
    )


def _count_busy(case: Case) -> int:
    """Count the threads and processes of an arm that may work at once on the CPU."""
    num_workers = 0 if case.workload is not None else split_batching(case.batching)[1]
    return num_workers + (case.num_threads if case.device == "cpu" else 2)


def _school(course: RaceCourse, plan: RacePlan) -> bool:
    """Train every arm to its end with the seeds of a plan; returns whether the user stopped it."""
    try:
        course.school(plan.num_quality_seeds, lambda seed: tell(f"whole trainings for quality, seed {seed + 1}"))
    except KeyboardInterrupt:
        return True
    return False


def warn_where_too_fine(info: RaceInfo) -> None:
    """Tell who asks for more than this machine could do when it was last checked."""
    from bench.records.selfcheck import find_selfcheck
    from bench.render.selfcheck import warn_of_resolution

    check = find_selfcheck(Path("results"), info.environment)
    warning = warn_of_resolution(check, info.plan) if check is not None else None
    if warning is not None:
        tell(warning)


def leave_tables(directory: RunDirectory) -> tuple[Race, list[Contrast]]:
    """Read a race back, judge it, and write its table beside it."""
    from bench.judge.race import judge_race
    from bench.records.store import read_race
    from bench.render.race import list_race_files

    race = read_race(directory.path)
    contrasts = judge_race(race)
    for name, text in list_race_files(race, contrasts).items():
        directory.write_text(name, text)
    return race, contrasts
