"""What the commands print: tables that fit the terminal, pairs, paragraphs and JSON."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from numbers import Number
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from recsys.app.answer import Answer
    from recsys.ratings.account import Account
    from recsys.recommend.answer import Table

_SHORTENED = ("genres", "title")  # columns that give way first where the terminal is narrow
_WHOLE = ("item", "user", "model", "metric")  # texts that mean nothing when they are cut
_FOUR_DECIMALS = {
    "score", "low", "high", "difference", "p", "first", "second", "ndcg", "recall", "rmse"
}  # fmt: skip
_NARROWEST = 10  # cells they keep
_MISSING = ("nan", "<NA>", "NaT", "None")


def print_json(value: Any, *, indent: int | None = 2) -> None:
    """One JSON document on standard output."""
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    print(json.dumps(value, indent=indent, ensure_ascii=not unicode, default=_plain))


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):  # NumPy's scalars and arrays
        return value.tolist()
    return str(value)


def print_table(columns: Mapping[Any, Sequence[Any]], title: str = "") -> None:
    """A table that fits the terminal: genres, then titles, then other texts are cut short.

    Args:
        columns: name → one value per row; numbers are aligned to the right.
        title: a line above it.
    """
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    cells = {name: [_cell(value, name) for value in column] for name, column in columns.items()}
    widths = {name: max(map(cell_len, [name, *column])) for name, column in cells.items()}
    over = sum(widths.values()) + 2 * (len(widths) - 1) - _width()
    texts = [name for name in cells if not _numeric(columns[name]) and name not in _WHOLE]
    for name in sorted(texts, key=(*_SHORTENED, *texts).index):
        gives = max(0, min(over, widths[name] - _NARROWEST))
        widths[name] -= gives
        over -= gives
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for name, column in columns.items():
        justify: Any = "right" if _numeric(column) else "left"
        header = Text(name, no_wrap=True)
        table.add_column(header, justify=justify, width=widths[name], no_wrap=True)
    table.add_row(*("─" * width for width in widths.values()))
    for row in zip(*cells.values(), strict=True):
        table.add_row(*(Text(cell, no_wrap=True, overflow="ellipsis") for cell in row))
    if title:
        print(title)
    _print_rich(table, max(_width(), sum(widths.values()) + 2 * len(widths)))
    print()


def print_answer(answer: Answer, past_title: str = "") -> None:
    """The answer to a question: what the user liked, the table, and what should be said of it."""
    if answer.past is not None:
        print_table(columns_of(answer.past), past_title)
    print_table(columns_of(answer.table), answer.title)
    for remark in answer.remarks:
        say(remark)


def columns_of(table: Table) -> dict[str, list[Any]]:
    """The columns of an answer, by name."""
    return {name: table.column(name) for name in table.columns}


def print_pairs(
    pairs: Mapping[str, Any] | Iterable[tuple[str, Any]], file: TextIO | None = None
) -> None:
    """Names and values, aligned, wrapped under themselves; on standard output by default.

    A word that is longer than a line stays whole, so that a path or a fingerprint can be copied.
    """
    rows = list(pairs.items() if isinstance(pairs, Mapping) else pairs)
    indent = max(len(name) for name, _ in rows) + 2
    for name, value in rows:
        print(
            textwrap.fill(
                str(value),
                _width(),
                initial_indent=name.ljust(indent),
                subsequent_indent=" " * indent,
                break_long_words=False,
                break_on_hyphens=False,
            ),
            file=file,
        )


def print_paragraph(text: str, indent: int = 0) -> None:
    """Text, wrapped to the terminal; lines after the first are indented."""
    print(textwrap.fill(text, min(100, _width()), subsequent_indent=" " * indent,
                        break_on_hyphens=False))  # fmt: skip


def number(value: Any) -> str:
    """A count or measure as people write it.

    >>> number(1000209), number(3.58156)
    ('1,000,209', '3.582')
    """
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def say(message: str) -> None:
    """A remark on standard error, where it does not disturb what is piped on."""
    lines = textwrap.fill(message, _width(), break_long_words=False, break_on_hyphens=False)
    print(lines, file=sys.stderr)


def say_account(account: Account) -> None:
    """What was understood of the ratings, on standard error."""
    print_pairs(account.lines(), file=sys.stderr)


def _print_rich(renderable: Any, width: int) -> None:
    # Without the blanks at the ends of lines, which would be in every file it is piped to.
    from rich.console import Console

    console = Console(width=width, highlight=False, markup=False, emoji=False)
    with console.capture() as captured:
        console.print(renderable)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))


def _width() -> int:
    return max(40, shutil.get_terminal_size().columns)


def _numeric(column: Iterable[Any]) -> bool:
    present = [value for value in column if str(value) not in _MISSING]
    return all(isinstance(value, Number) and not isinstance(value, bool) for value in present)


def _cell(value: Any, column: str) -> str:
    if str(value) in _MISSING:
        return ""
    if column == "p" and value < 0.001:
        return "<0.001"
    if column.split("@")[0] in _FOUR_DECIMALS:
        return f"{value:.4f}"
    if isinstance(value, float):
        return f"{value:g}"
    text = " ".join(str(value).split())  # a title with a line break in it stays on its row
    return text.replace("|", ", ") if column == "genres" else text
