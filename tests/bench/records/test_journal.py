from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.records.journal import Failed, as_text
from bench.records.store import create_run, read_run
from tests.bench.runs import make_block, make_case, make_failed, make_info, make_trained


def test_the_final_loss_is_that_of_the_last_epoch() -> None:
    assert make_trained(make_case(), losses=[0.5, 0.25]).final_loss == 0.25
    assert make_trained(make_case(), losses=[0.5, None]).final_loss is None


def test_only_a_block_of_phases_has_phases() -> None:
    assert make_block(make_case(), 1.0, "phases", phase_seconds=[0.1, 0.2, 0.3, 0.4]).phase_seconds == {
        "data": 0.1,
        "forward": 0.2,
        "backward": 0.3,
        "optimizer": 0.4,
    }
    with pytest.raises(ValueError, match=r"a block of kind phases has phases \[\]"):
        make_block(make_case(), 1.0, "phases")
    with pytest.raises(ValueError, match="a block of kind plain has phases"):
        make_block(make_case(), 1.0, "plain", phase_seconds=[0.1, 0.2, 0.3, 0.4])


def test_text_that_is_fit_for_the_disk_is_left_as_it_is() -> None:
    assert as_text("ü \U0001f600\n") == "ü \U0001f600\n"


def test_bytes_that_the_system_could_not_decode_become_visible() -> None:
    assert as_text(b"out\xffput".decode(errors="surrogateescape")) == r"out\udcffput"


def test_text_is_cut_where_the_schema_ends_it(tmp_path: Path) -> None:
    failed = make_failed(make_case(), reason=as_text("x" * 5_000))
    with create_run(make_info([make_case()]), tmp_path / "run", ()) as directory:
        directory.append(failed)
    assert read_run(tmp_path / "run").measurements[0].failed == failed
    assert as_text("x" * 5_000, 7) == "x" * 7


@given(st.text(st.characters(), max_size=50), st.integers(0, 60))
def test_any_text_of_the_system_can_be_stored_and_read_back(text: str, max_length: int) -> None:
    failed = make_failed(make_case(), reason=as_text(text, max_length))
    assert msgspec.json.decode(msgspec.json.encode(failed), type=Failed) == failed
    assert len(failed.reason) <= max_length
