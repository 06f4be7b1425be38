"""A program, run by its path under the interpreter of a pair of arms: it imports torch and forks a worker for each.

Nothing of ours is imported before a fork, so that each worker can take the code that it measures from a tree of its
own, while all of them share the interpreter's address layout and hash seed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from contextlib import suppress
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NoReturn


def main(home: str, log: str, arms: list[tuple[int, str, str]]) -> NoReturn:
    """Fork a worker for each arm, and end as the first of them that ends.

    Args:
        home: where `bench` is.
        log: path of the file for whatever is printed.
        arms: of each, the descriptor of its pipe, "module:name" of its workload, and the tree that this comes from; ""
            is home.
    """
    import_module("torch._dynamo")
    with suppress(ImportError):  # what the network's own imports would cost each arm once more
        import_module("torch.utils.data")
    for descriptor, place, tree in arms:
        if os.fork() == 0:
            try:
                for other, _, _ in arms:
                    if other != descriptor:
                        os.close(other)
                work(home, log, descriptor, place, tree)
            except BaseException:  # noqa: BLE001 - a child never goes on as its parent
                traceback.print_exc()
            finally:
                os._exit(1)
    for descriptor, _, _ in arms:
        os.close(descriptor)
    _, status = os.wait()
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        if -code not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def work(home: str, log: str, descriptor: int, place: str, tree: str) -> None:
    """Be a worker: the measuring comes from home, whatever tree the rest comes from."""
    sys.path.insert(0, home)
    import_module("bench")
    if tree:
        sys.path[0] = tree
    else:
        import_module("productnet")
        del sys.path[0]
    worker = import_module("bench.measure.worker")
    worker.send_output_to(log)
    worker.answer(Connection(descriptor), worker.preload(place))


if __name__ == "__main__":
    del sys.path[0]  # this file's own folder: its neighbours are no modules of the top
    sys.path.append(str(Path.cwd()))  # a workload of the user's own may lie where they stand
    main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))
