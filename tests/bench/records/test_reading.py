"""Regular files alone are read, and never more of one than its limit."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.errors import InvalidFileError
from bench.records.reading import digest_files, is_there, open_regular, read_regular


def make_link(path: Path) -> None:
    target = path.with_name("target")
    target.write_bytes(b"secret")
    path.symlink_to(target)


def make_socket(path: Path) -> None:
    bound = socket.socket(socket.AF_UNIX)
    bound.bind(str(path))
    bound.close()


KINDS: dict[str, Callable[[Path], None]] = {
    "a link": make_link,
    "a directory": Path.mkdir,
    "a pipe": os.mkfifo if hasattr(os, "mkfifo") else make_link,
    "a socket": make_socket,
}


@pytest.mark.skipif(os.name == "nt", reason="links, pipes and sockets are not files there")
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_regular_file_is_named_and_not_opened(tmp_path: Path, kind: str) -> None:
    KINDS[kind](tmp_path / "run.json")
    assert is_there(tmp_path / "run.json")
    with pytest.raises(InvalidFileError, match=rf"run\.json is {kind}: a regular file has to be there"):
        read_regular(tmp_path / "run.json", 100)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is no device that never ends")
def test_a_device_is_named_and_not_opened() -> None:
    with pytest.raises(InvalidFileError, match="is a device"):
        read_regular(Path("/dev/zero"), 100)


@pytest.mark.skipif(os.name == "nt", reason="a link takes a privilege there")
def test_what_became_a_link_after_it_was_looked_at_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_link(tmp_path / "run.json")
    status = (tmp_path / "target").stat()
    monkeypatch.setattr(Path, "lstat", lambda _path: status)
    with pytest.raises(InvalidFileError, match="can't be read"):
        read_regular(tmp_path / "run.json", 100)


def test_a_file_of_its_limit_is_read_and_one_byte_more_is_refused_with_both_numbers(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(bytes(1_000))
    assert read_regular(path, 1_000) == bytes(1_000)
    with pytest.raises(InvalidFileError, match="has 1,000 bytes, and at most 999 are read"):
        read_regular(path, 999)


def test_a_huge_file_is_refused_by_its_size_alone(tmp_path: Path) -> None:
    path = tmp_path / "x"
    with path.open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(InvalidFileError, match="1,099,511,627,776 bytes"):
        read_regular(path, 2**20)
    with pytest.raises(InvalidFileError, match="1,099,511,627,776 bytes"):
        digest_files(2**20, path)


def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"")
    status = path.stat()
    path.write_bytes(bytes(101))
    monkeypatch.setattr(os, "fstat", lambda _file: status)
    with pytest.raises(InvalidFileError, match="more than 100 bytes"):
        read_regular(path, 100)


def test_what_is_not_there_is_said_with_its_hint(tmp_path: Path) -> None:
    assert not is_there(tmp_path / "x")
    with pytest.raises(InvalidFileError, match=r"x can't be read: No such file or directory; a hint"):
        read_regular(tmp_path / "x", 1, "; a hint")
    with pytest.raises(InvalidFileError), open_regular(tmp_path / "x" / "y", 1):
        """Never reached."""


def test_a_digest_tells_files_apart_and_where_one_ends(tmp_path: Path) -> None:
    for name, content in (("a", b"xy"), ("b", b""), ("c", b"x"), ("d", b"y")):
        (tmp_path / name).write_bytes(content)
    digests = {digest_files(9, tmp_path / first, tmp_path / second) for first, second in ("ab", "cd", "ba", "dc")}
    assert len(digests) == 4
