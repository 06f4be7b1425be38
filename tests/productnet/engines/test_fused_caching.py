"""What Numba compiles is kept for the next process, where it can be, and never for other sources."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest
from numba.core import config
from numba.core.caching import FunctionCache

from productnet.engines.fused import caching
from productnet.engines.fused.caching import keep_compiled
from productnet.engines.fused.compiled import compiled


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "compiled"))
    return tmp_path / "compiled"


def _add(left: float, right: float) -> float:
    return left + right


def _compile() -> Any:
    """As a new process does: a function that has not been compiled yet."""
    function = keep_compiled(compiled(_add))
    assert function(1.0, 2.0) == 3.0
    return function


def _count_loaded(function: Any) -> int:
    return sum(function.stats.cache_hits.values())


def test_what_was_compiled_is_loaded_the_next_time(folder: Path) -> None:
    assert _count_loaded(_compile()) == 0
    assert _count_loaded(_compile()) == 1
    assert [path.name for path in folder.iterdir()] == [f"fused-{caching._digest_sources()}"]
    assert str(folder) == config.CACHE_DIR


def test_other_sources_find_nothing_of_these(monkeypatch: pytest.MonkeyPatch) -> None:
    _compile()
    monkeypatch.setattr(caching, "_digest_sources", lambda: "others")
    assert _count_loaded(_compile()) == 0


def test_where_nothing_can_be_written_it_is_compiled_and_not_kept(folder: Path) -> None:
    folder.write_text("a file where the folder would be")
    assert [_count_loaded(_compile()) for _ in range(2)] == [0, 0]


def test_a_full_disk_keeps_nothing_and_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_given: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(FunctionCache, "_save_overload", fail)
    assert [_count_loaded(_compile()) for _ in range(2)] == [0, 0]


def test_a_user_without_a_home_gets_no_folder_where_he_stands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(config, "CACHE_DIR", "")
    monkeypatch.setattr(caching, "user_cache_dir", lambda *_given, **_also: "~/.cache/productnet-bench")
    monkeypatch.chdir(tmp_path)
    assert [_count_loaded(_compile()) for _ in range(2)] == [0, 0]
    assert list(tmp_path.iterdir()) == []
