from __future__ import annotations

from pathlib import Path

import pytest
import torch

from productnet.checkpoint import load_checkpoint
from tests.productnet.commands.outcome import Command, check_refused
from tests.productnet.test_article import SimpleNN


@pytest.fixture(name="pth")
def _pth(tmp_path: Path) -> Path:
    path = tmp_path / "simpleNN.pth"
    torch.save(SimpleNN().state_dict(), path)
    return path


def test_an_imported_network_predicts_and_is_judged(command: Command, pth: Path) -> None:
    ours = pth.with_name("ours.safetensors")
    outcome = command("import", str(pth), str(ours), "--seed", "4")
    assert outcome.code == 0
    assert outcome.out == f"wrote {ours}; try: python -m productnet predict 3 4 --checkpoint {ours}\n"
    assert load_checkpoint(ours).config.seed == 4
    assert command("predict", "3", "4", "--checkpoint", str(ours)).code == 0
    assert command("evaluate", str(ours)).code == 0


def test_no_other_command_reads_a_pickle(command: Command, pth: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "load", lambda *_arguments, **_options: pytest.fail("it was unpickled"))
    check_refused(command("evaluate", str(pth)), 5, str(pth))
    check_refused(command("predict", "3", "4", "--checkpoint", str(pth)), 5, str(pth))


def test_a_file_that_is_not_the_articles_is_one_line_and_5_and_leaves_no_file(command: Command, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"hello, world")
    check_refused(command("import", str(tmp_path / "in"), str(tmp_path / "out")), 5, "in", "no file of tensors alone")
    assert not (tmp_path / "out").exists()


def test_what_can_not_be_read_or_written_is_one_line_and_2(command: Command, pth: Path, tmp_path: Path) -> None:
    check_refused(command("import", str(tmp_path / "missing"), str(tmp_path / "out")), 2, "missing can't be read")
    check_refused(command("import", str(pth), str(tmp_path / "no" / "out")), 2, "output", "can't be written")
    check_refused(command("import", str(pth), str(tmp_path / "out"), "--seed", "-1"), 2, "--seed -1", "at least 0")
