"""`python -m productnet`: train, evaluate, predict, for a person or as JSON for a program."""

from __future__ import annotations

from productnet.commands import article, evaluation, prediction, training
from productnet.door import OneLineParser, run_door
from productnet.errors import ProductNetError

_PROG = "python -m productnet"


def make_parser() -> OneLineParser:
    """Describe the command line."""
    parser = OneLineParser(prog=_PROG, description="A small network that learns Y = X1 * X2.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in (training, evaluation, prediction, article):
        name = command.NAME
        one = commands.add_parser(name, prog=f"{_PROG} {name}", help=command.HELP, description=command.HELP)
        command.add_flags(one)
        one.set_defaults(parser=one, run=command.run)
    return parser


def main() -> int:
    """Do what the command line says."""
    arguments = make_parser().parse_args()
    with arguments.parser.naming_flags():
        code: int = arguments.run(arguments)
    return code


if __name__ == "__main__":
    run_door(_PROG, main, (ProductNetError,))
