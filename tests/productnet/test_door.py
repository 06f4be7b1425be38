from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import productnet
from productnet.door import OneLineParser, run_door
from productnet.errors import (
    CheckpointError,
    ConfigError,
    DeviceFaultError,
    DeviceUnavailableError,
    DivergedError,
    ModeUnavailableError,
    ProductNetError,
)
from productnet.exit_code import ExitCode

ROOT = Path(productnet.__file__).parents[1]


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    # A door without a handler then fails its test and does not end the whole session.
    before = signal.signal(signal.SIGTERM, lambda _number, _frame: None)
    yield
    signal.signal(signal.SIGTERM, before)


def _leave(main: Callable[[], int]) -> object:
    with pytest.raises(SystemExit) as caught:
        run_door("prog", main, (ProductNetError,))
    return caught.value.code


def _raiser(error: BaseException) -> Callable[[], int]:
    def main() -> int:
        raise error

    return main


def _run_elsewhere(program: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        check=False,
        timeout=60,
    )


def test_the_exit_codes_are_the_documented_ones() -> None:
    assert {code.name: int(code) for code in ExitCode} == {
        "FINE": 0,
        "CONDITION": 1,
        "USAGE": 2,
        "UNAVAILABLE": 3,
        "NOT_COMPARABLE": 4,
        "INVALID": 5,
        "FAILED_CASES": 6,
        "INCONCLUSIVE": 7,
        "BUG": 70,
        "UNSTABLE": 75,
        "INTERRUPTED": 130,
    }


@pytest.mark.parametrize("code", [ExitCode.FINE, ExitCode.CONDITION, ExitCode.FAILED_CASES])
def test_a_command_leaves_with_the_code_that_it_returns(code: ExitCode, capfd: pytest.CaptureFixture[str]) -> None:
    assert _leave(lambda: code) == code
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ProductNetError("seed -1 is too small: use at least 0"), 2),
        (ConfigError("seed", "-1 is too small: use at least 0"), 2),
        (DeviceUnavailableError("seed -1 is too small: use at least 0"), 3),
        (ModeUnavailableError("seed -1 is too small: use at least 0"), 3),
        (DeviceFaultError("seed -1 is too small: use at least 0"), 5),
        (CheckpointError("seed -1 is too small: use at least 0"), 5),
        (DivergedError("seed -1 is too small: use at least 0"), 5),
    ],
)
def test_an_expected_error_is_one_line_and_its_own_code(
    error: ProductNetError, code: int, capfd: pytest.CaptureFixture[str]
) -> None:
    assert _leave(_raiser(error)) == code
    assert capfd.readouterr() == ("", "prog: seed -1 is too small: use at least 0\n")


def test_an_expected_error_stays_one_line_whatever_it_names(capfd: pytest.CaptureFixture[str]) -> None:
    assert _leave(_raiser(ConfigError("--json", "a\nb\r\nc\u2028d can't be written"))) == 2
    assert capfd.readouterr().err == "prog: --json a\\nb\\r\\nc\\u2028d can't be written\n"


def test_any_other_error_is_a_bug_that_keeps_its_traceback(capfd: pytest.CaptureFixture[str]) -> None:
    assert _leave(_raiser(ZeroDivisionError("division by zero"))) == 70
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("Traceback (most recent call last):")
    assert "in main" in err
    assert "ZeroDivisionError: division by zero" in err
    assert err.splitlines()[-1].startswith("prog: this is a bug of ours")


def test_a_traceback_that_quotes_a_file_moves_no_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    assert _leave(_raiser(ZeroDivisionError("\x1b[2J\n::error::x ##[error]"))) == 70
    err = capfd.readouterr().err
    assert "\\x1b[2J" in err
    assert all(line.isprintable() and not line.startswith("::") and "##[" not in line for line in err.split("\n"))


def test_a_keyboard_interrupt_is_one_line_and_130(capfd: pytest.CaptureFixture[str]) -> None:
    assert _leave(_raiser(KeyboardInterrupt())) == 130
    assert capfd.readouterr() == ("", "prog: interrupted\n")


def test_an_interrupt_may_say_what_was_kept(capfd: pytest.CaptureFixture[str]) -> None:
    assert _leave(_raiser(KeyboardInterrupt("in epoch 3; kept a\nb"))) == 130
    assert capfd.readouterr() == ("", "prog: interrupted in epoch 3; kept a\\nb\n")


def test_a_request_to_terminate_is_an_interrupt(capfd: pytest.CaptureFixture[str]) -> None:
    def main() -> int:
        signal.raise_signal(signal.SIGTERM)
        return 0

    assert _leave(main) == 130
    assert capfd.readouterr() == ("", "prog: interrupted\n")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_request_to_end_that_was_switched_off_stays_so(name: str) -> None:
    if not hasattr(signal, name):
        pytest.skip(f"this system has no {name}")
    program = f"""
import signal
from productnet.door import leaving_at_once, run_door
def main():
    with leaving_at_once("prog"):
        signal.raise_signal(signal.{name})
    signal.raise_signal(signal.{name})
    return 7
signal.signal(signal.{name}, signal.SIG_IGN)
run_door("prog", main, ())
"""
    assert _run_elsewhere(program).returncode == 7
    assert _run_elsewhere(program.replace("SIG_IGN", "SIG_DFL")).returncode == 130


def test_after_the_import_of_torch_an_interrupt_is_for_the_command_again() -> None:
    program = """
import signal
from productnet.door import leaving_at_once, run_door
def main():
    with leaving_at_once("prog"):
        pass
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        return 7
run_door("prog", main, ())
"""
    assert _run_elsewhere(program).returncode == 7


def test_an_exit_within_the_command_keeps_its_code(capfd: pytest.CaptureFixture[str]) -> None:
    def main() -> int:
        sys.exit(7)

    assert _leave(main) == 7
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": ""},
        {"PYTHONIOENCODING": "cp1252"},
    ],
)
def test_output_that_a_terminal_can_not_show_is_escaped(environment: dict[str, str]) -> None:
    program = r"""
from productnet.door import run_door
from productnet.errors import ProductNetError
def main():
    print("5 \u03bcs \u2192 5 \u03bcs")
    raise ProductNetError("name \u2192\udcff")
run_door("prog", main, (ProductNetError,))
"""
    done = _run_elsewhere(program, **environment)
    assert done.returncode == 2
    assert done.stdout.decode("ascii").split() == ["5", r"\u03bcs", r"\u2192", "5", r"\u03bcs"]
    assert done.stderr.decode("ascii").strip() == r"prog: name \u2192\udcff"


def test_a_reader_that_leaves_early_is_no_error() -> None:
    program = "\n".join(
        [
            "from productnet.door import run_door",
            "def main():",
            "    for number in range(200_000): print(number)",
            "    return 6",
            "run_door('prog', main, ())",
        ]
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().split() == [b"0"]
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 0


def _parser() -> OneLineParser:
    parser = OneLineParser(prog="prog")
    parser.add_argument("--epochs", type=int)
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("train").add_argument("--batch-size", type=int)
    return parser


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--epochs", "many"], "prog: argument --epochs: invalid int value: 'many' (see prog --help)"),
        (["--epochs"], "prog: argument --epochs: expected one argument (see prog --help)"),
        (["--epoch=3"], "prog: unrecognized arguments: --epoch=3 (see prog --help)"),
        (["train", "--batch", "3"], "prog: unrecognized arguments: --batch 3 (see prog --help)"),
        (["train", "a\nb"], "prog: unrecognized arguments: a\\nb (see prog --help)"),
        (["train", "--batch-size", "x"], "prog train: argument --batch-size: invalid int value: 'x'"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_2(
    words: list[str], named: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        _parser().parse_args(words)
    assert caught.value.code == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert err.startswith(named)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize(("target", "code"), [("> /dev/full", 2), (">&-", 0), (">&- 2>&-", 0)])
def test_an_output_that_takes_nothing_is_no_bug_of_ours(target: str, code: int) -> None:
    done = subprocess.run(
        f"{shlex.quote(sys.executable)} -m bench.run --list {target}",
        shell=True,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert ("standard output can't be written: No space left on device" in done.stderr) == (code == 2)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_an_error_that_can_not_be_said_keeps_its_exit_code() -> None:
    command = f"{shlex.quote(sys.executable)} -m bench.run --device gpu 2> /dev/full"
    assert subprocess.run(command, shell=True, cwd=Path(__file__).parents[2], check=False).returncode == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("size", [1, 100_000])
@pytest.mark.parametrize("file", ["stdout", "another"])
def test_a_full_disk_is_that_of_standard_output_only_where_it_is(file: str, size: int) -> None:
    program = f"""
import sys
from productnet.door import run_door
def main():
    file = sys.stdout if "{file}" == "stdout" else open("/dev/full", "w")
    file.write("x" * {size})
    file.flush()
run_door("prog", main, ())
"""
    target = Path("/dev/full" if file == "stdout" else os.devnull)
    with target.open("w", encoding="utf-8") as stdout:
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, stdout=stdout, stderr=subprocess.PIPE, check=False
        )
    if file == "stdout":
        complaint = b"prog: standard output can't be written: No space left on device; send it somewhere else\n"
        assert (done.returncode, done.stderr) == (2, complaint)
    else:
        assert done.returncode == 70
        assert b"standard output" not in done.stderr
        assert b"OSError: [Errno 28] No space left on device" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_bug_that_can_not_be_told_keeps_its_exit_code() -> None:
    program = "from productnet.door import run_door; run_door('prog', lambda: 1 // 0, ())"
    with Path("/dev/full").open("w", encoding="utf-8") as stderr:
        done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, stderr=stderr, check=False)
    assert done.returncode == 70


@pytest.mark.skipif(os.name == "nt", reason="pipes of a shell")
def test_a_reader_that_has_left_does_not_end_what_is_said() -> None:
    program = "from productnet.door import say; say('x' * 100_000); say('y'); raise SystemExit(5)"
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run((sys.executable, "-c", program), stdout=write, cwd=Path(__file__).parents[2], check=False)
    os.close(write)
    assert done.returncode == 5
