"""What every engine that compiles needs first."""

from __future__ import annotations

from productnet.errors import ModeUnavailableError, first_line


def check_compiler(engine: str) -> None:
    """See that there is a C++ compiler, which TorchInductor needs on every device.

    Raises:
        ModeUnavailableError: when there is none.
    """
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        get_cpp_compiler()
    except (InvalidCxxCompiler, OSError) as error:
        reason = first_line(error)
        raise ModeUnavailableError(
            f"engine {engine} needs a C++ compiler, and torch finds none ({reason}): install g++ or clang, or "
            "name one in the variable CXX"
        ) from error
