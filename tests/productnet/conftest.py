"""Here the engine `compiled` runs its steps as written: the same arithmetic, without the seconds of compiling."""

from __future__ import annotations

import pytest

from productnet.engines import compiled
from productnet.engines.flat import Steps


@pytest.fixture(autouse=True)
def _uncompiled_steps(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "compiles" not in request.keywords:
        monkeypatch.setattr(compiled, "compile_steps", run_as_written)


def run_as_written(steps: Steps, _arguments: object) -> Steps:
    return steps
