"""The tables that lie beside the samples, as they stand there."""

from __future__ import annotations

from pathlib import Path

from bench.errors import InvalidFileError
from bench.records.reading import read_regular

MAX_TABLE_BYTES = 2**23


def read_tables(path: Path) -> dict[str, str]:
    """Read every file of a result that ends in .md or .csv: name -> contents.

    Raises:
        InvalidFileError: when one can't be read, is too large, or is no text.
    """
    tables = {}
    for each in sorted(path.iterdir()):
        if each.suffix in (".md", ".csv"):
            try:
                tables[each.name] = read_regular(each, MAX_TABLE_BYTES).decode()
            except UnicodeDecodeError as error:
                raise InvalidFileError(f"{each} is no text in UTF-8") from error
    return tables
