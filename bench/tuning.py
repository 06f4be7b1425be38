"""A tune in progress: trying, heats, whole trainings, confirmation; each step is chosen from what is stored by then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import count
from time import monotonic

from bench.judge.tune import NUM_FINALISTS, choose, count_stages, find_partner, list_alive, list_finalists, plan_heats
from bench.measure.process import WorkerProcess, start_worker
from bench.measure.survey import Survey
from bench.measure.tryout import try_out
from bench.racing import LABELS, compare_quality, leave_tables, measure_race
from bench.records.journal import as_text
from bench.records.race import Arm, Race, RaceInfo, RacePlan
from bench.records.store import RunDirectory, create_run
from bench.records.tune import Heat, Tried, Tune, TuneInfo
from bench.records.tune_store import CONFIRMATION, QUALITY, read_tune
from bench.render.settle import list_settings
from productnet.door import printable, tell

TRYING_SHARE, SIFTING_SHARE = 0.35, 0.6
"""Of the budget: until when candidates are tried, and until when they are sifted. The rest is the confirmation's."""

LARGEST_SHARE_OF_ONE = 0.5
"""Of the time that is left for trying: no compiler takes all of it."""

LEAST_SECONDS = 1.0
"""Nothing is begun for less."""

RESOLUTION = 0.008
"""Of the confirmation; as of `bench.race`."""
_UNREACHABLE = 1e-9
"""Of a heat, which goes on until its share of the budget is used."""


class Tuning:
    """A tune that is being measured.

    Args:
        directory: where the tune's own records go, and below which its races lie.
        unusable: name of a candidate that its device can't do -> why.
        started: the monotonic clock's reading when the user began to wait.
    """

    def __init__(
        self, info: TuneInfo, directory: RunDirectory, survey: Survey, unusable: Mapping[str, str], started: float
    ) -> None:
        self.info = info
        self.plan = info.plan
        self.directory = directory
        self.survey = survey
        self.unusable = unusable
        self.started = started
        self._outside_seconds = 0.0
        """That are no part of the budget."""
        self._num_heats = 0

    def run(self) -> None:
        """Go through all of it.

        Raises:
            KeyboardInterrupt: when the user stopped it.
        """
        if not self._try_all():
            return
        self._sift()
        finalists = list_finalists(self._read())
        if finalists and self.plan.num_quality_seeds:
            began = monotonic()
            self._race(QUALITY, (0, *finalists), num_quality_seeds=self.plan.num_quality_seeds)
            self._outside_seconds += monotonic() - began
        chosen = choose(self._read())
        if chosen:
            winner, *runner_up = chosen
            self._race(CONFIRMATION, (winner, 0, *runner_up), self._seconds_until(1.0))

    def _try_all(self) -> bool:
        """Set up each candidate by itself for as long as there is time; returns whether the default runs."""
        numbers = count()

        def launch() -> WorkerProcess:
            return start_worker(self.plan.workload, self.directory.log_path(next(numbers)))

        for candidate, case in enumerate(self.plan.candidates):
            left = self._seconds_until(TRYING_SHARE) * LARGEST_SHARE_OF_ONE
            seconds_left = self.plan.budget_seconds if candidate == 0 else left
            if case.name in self.unusable:
                reason = as_text(self.unusable[case.name])
                tried = Tried(candidate=candidate, kind="unavailable", reason=reason)
            elif seconds_left >= LEAST_SECONDS or candidate == 0:
                tell(f"trying {printable(case.name)}")
                tried = try_out(candidate, case, self.plan.seed, launch, max(LEAST_SECONDS, seconds_left))
            else:
                continue
            self.directory.append(tried)
            if candidate == 0 and tried.epoch_seconds is None:
                return False
        return True

    def _sift(self) -> None:
        """Race heat after heat, stage after stage, until the finalists are left or the time for it is over."""
        alive = list_alive(self._read())
        num_stages = count_stages(len(alive)) if len(alive) > 1 else 0
        for stage in range(num_stages):
            seconds_left = self._seconds_until(SIFTING_SHARE)
            if stage > 0 and (seconds_left < LEAST_SECONDS or len(alive) <= NUM_FINALISTS):
                return
            self._run_stage(stage, alive, seconds_left / (num_stages - stage))
            alive = list_alive(self._read())

    def _run_stage(self, stage: int, alive: Sequence[int], seconds: float) -> None:
        """Race the heats of a stage, to their end once it has begun; one in which a candidate falls begins anew."""
        fallen: set[int] = set()
        partner = find_partner(self._read())
        waiting = plan_heats(alive, alive[0] if partner is None else partner)
        heat_seconds = seconds / len(waiting)
        while waiting:
            members = waiting.pop(0)
            heat = Heat(number=self._num_heats, stage=stage, candidates=members)
            self._num_heats += 1
            self.directory.append(heat)
            race = self._race(heat.directory_name, members, heat_seconds, shares_layout=True)
            fell = {members[each.arm] for each in race.fallen}
            fallen |= fell
            standing = [each for each in alive if each not in fallen]
            if members[0] in fell:  # whom all others are paired with: what was raced in this stage is lost with it
                waiting = plan_heats(standing, standing[0]) if standing else []
            elif fell:
                waiting += plan_heats([each for each in members if each not in fell], members[0])

    def _race(
        self,
        name: str,
        members: Sequence[int],
        budget_seconds: float = LEAST_SECONDS,
        *,
        num_quality_seeds: int = 0,
        shares_layout: bool = False,
    ) -> Race:
        """Race candidates into a directory of their own, or compare their quality where it is for that.

        Raises:
            KeyboardInterrupt: when the user stopped it.
        """
        plan = RacePlan(
            arms=tuple(map(self._make_arm, LABELS, members)),
            budget_seconds=max(LEAST_SECONDS, budget_seconds),
            resolution=_UNREACHABLE if shares_layout else RESOLUTION,
            alpha=self.plan.alpha,
            dead_zone=self.plan.dead_zone,
            margin=self.plan.margin,
            quality_margin=self.plan.quality_margin,
            num_quality_seeds=num_quality_seeds,
            shares_layout=shares_layout,
            seed=self.plan.seed,
        )
        started_at = datetime.now(UTC).isoformat(timespec="seconds")
        info = RaceInfo(started_at=started_at, command=self.info.command, environment=self.info.environment, plan=plan)
        tell(f"{name}: {', '.join(printable(arm.case.name) for arm in plan.arms)}")
        with create_run(info, self.directory.path / name, ()) as directory:
            if num_quality_seeds:
                was_interrupted = compare_quality(info, directory, self.survey)
            else:
                was_interrupted = measure_race(info, directory, self.survey, monotonic(), is_quiet=shares_layout)
            race, _ = leave_tables(directory)
        if was_interrupted:
            raise KeyboardInterrupt
        return race

    def _make_arm(self, label: str, candidate: int) -> Arm:
        case = self.plan.candidates[candidate]
        settings = as_text(" ".join(list_settings(case)))
        return Arm(label=label, settings=settings, case=case, workload=self.plan.workload)

    def _read(self) -> Tune:
        return read_tune(self.directory.path)

    def _seconds_until(self, share: float) -> float:
        """Return how long it is until such a share of the budget is used."""
        return share * self.plan.budget_seconds - (monotonic() - self.started - self._outside_seconds)
