"""What the commands print: tables that fit the terminal, pairs, paragraphs and JSON."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from numbers import Number
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TextIO

from recsys.errors import ArgumentError
from recsys.files import csv_text
from recsys.settings import near
from recsys.visible import in_json_text, one_line, visible

if TYPE_CHECKING:
    from recsys.app.answer import Answer
    from recsys.ratings.account import Account
    from recsys.recommend.answer import Table

_SHORTENED = ("genres", "title", "remark")  # the last texts to give way in a narrow terminal
_WHOLE = ("item", "user", "model", "metric")  # texts that mean nothing when they are cut
_DECIMALS = {"score": 4, "low": 4, "high": 4, "p": 4}  # of columns that do not say how many
_LARGE, _DECIMALS_OF_LARGE = 10, 2  # scores of such a size, and their decimals
_NARROWEST = 10  # cells that texts keep
_NARROWEST_TITLE = 15
_NAMED = 8  # columns that are not shown, but named
_MISSING = ("nan", "<NA>", "NaT", "None")


def print_json(value: Any, *, indent: int | None = 2) -> None:
    """One JSON document on standard output."""
    unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    document = json.dumps(value, indent=indent, ensure_ascii=not unicode, default=_plain)
    print(in_json_text(document))


def show(text: object = "", file: TextIO | None = None) -> None:
    """Text as lines on standard output, or in `file`; control characters in it become codes.

    Everything that a command prints for people goes through this function.
    """
    print(visible(str(text)), file=file)


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):  # NumPy's scalars and arrays
        return value.tolist()
    return str(value)


def print_table(
    columns: Mapping[Any, Sequence[Any]],
    title: str = "",
    decimals: Mapping[Any, int | Sequence[int]] = MappingProxyType({}),
) -> None:
    """A table that fits the terminal: texts are cut short, genres and titles after all others.

    Ids are wrapped, and where even that is not enough, the last columns are left out, with a remark
    on standard error.

    Args:
        columns: name → one value per row; numbers are aligned to the right.
        title: a line above it.
        decimals: name → decimals of the numbers in that column, or in each of its rows.
    """
    from rich.cells import cell_len  # of rich, no more: its tables take long to import

    cells = {
        name: _cells(column, name, decimals.get(name, _decimals(column, name)))
        for name, column in columns.items()
    }
    widths = {name: max(map(cell_len, [one_line(name), *column])) for name, column in cells.items()}
    _fit(widths, [name for name in columns if not _numeric(columns[name])])
    right = {name for name in widths if _numeric(columns[name])}
    rules = ["─" * width for width in widths.values()]
    if title:
        show(one_line(title))
    for head in (list(map(one_line, widths)), rules):
        show("\n".join(_lines(widths, head, right, folded=())))
    for row in zip(*(cells[name] for name in widths), strict=True):
        show("\n".join(_lines(widths, row, right, folded=_WHOLE)))
    show()
    left_out = [name for name in columns if name not in widths]
    if left_out:
        say(f"too narrow for: {', '.join(left_out)}; --json has everything")


def _fit(widths: dict[Any, int], texts: Sequence[Any]) -> None:
    # Narrows columns until they fit the terminal: texts, of these titles last, then ids; then the
    # last columns are removed. What room that leaves goes to the titles.
    whole = dict(widths)
    over = sum(widths.values()) + 2 * (len(widths) - 1) - _width()
    ids = [name for name in texts if name in _WHOLE]
    titles = [name for name in _SHORTENED if name in texts]
    others = [name for name in texts if name not in (*ids, *titles)]
    for name in (*reversed(others), *titles, *ids):
        least = _NARROWEST_TITLE if name == "title" else _NARROWEST
        gives = max(0, min(over, widths[name] - least))
        widths[name] -= gives
        over -= gives
    while over > 0 and len(widths) > 1:
        over -= widths.popitem()[1] + 2
    for name in reversed(titles):
        if name in widths:
            takes = min(max(0, -over), whole[name] - widths[name])
            widths[name] += takes
            over += takes


def print_as(
    answer: Answer, show: Sequence[str], json: bool, csv: bool, past_title: str = ""
) -> None:
    """The answer as a table, or as the JSON or CSV that was asked for.

    Raises:
        ArgumentError: both were asked for, or there is no column of a name in `show`.
    """
    if json and csv:
        raise ArgumentError("give either --json or --csv")
    if json:
        print_json(answer.to_dict())
    elif csv:
        _print_csv(answer)
    else:
        print_answer(answer, show, past_title)


def _print_csv(answer: Answer) -> None:
    # Every column, in full; what should be said of the table is not part of it.
    names = answer.table.columns
    columns = [answer.table.column(name) for name in names]
    text = csv_text([names, *zip(*columns, strict=True)])
    if sys.stdout.isatty():  # which would obey control characters; a file gets the data as it is
        show(text.removesuffix("\n"))
    else:
        sys.stdout.write(text)
    for remark in answer.remarks:
        say(remark)


def print_answer(answer: Answer, show: Sequence[str] = (), past_title: str = "") -> None:
    """The answer to a question: what the user liked, the table, and what should be said of it.

    Args:
        answer: what to print.
        show: columns of the item table to show, besides title, year and genres.
        past_title: a line above what the user liked.

    Raises:
        ArgumentError: there is no such column.
    """
    shown = columns_of(answer.table, show)
    if answer.past is not None:
        past = columns_of(answer.past, show)
        heads = {name: answer.noun if name == "rating" else name for name in past}
        print_table({heads[name]: column for name, column in past.items()}, past_title)
    print_table(shown, answer.title)
    for rank, reason in enumerate(answer.reasons, 1):
        print_paragraph(f"{rank} {reason.title}: {reason.sentence()}")
    for remark in answer.remarks:
        say(remark)
    others = [
        name
        for name in answer.table.columns
        if name not in shown and not all(map(_missing, answer.table.column(name)))
    ]
    if others:
        more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
        say(f"other columns (--show NAME): {', '.join(others[:_NAMED])}{more}")


def columns_of(table: Table, show: Sequence[str] = ()) -> dict[str, list[Any]]:
    """The columns of an answer that are shown, by name: its own, title, year, genres, `show`.

    Raises:
        ArgumentError: there is no column of a name in `show`.
    """
    for name in show:
        if name not in table.columns:
            raise ArgumentError(
                f"show must be one of {', '.join(table.columns)}, not {name!r}"
                f"{near(name, table.columns)}"
            )
    names = dict.fromkeys([*table.shown, *show])
    return {name: table.column(name) for name in names}


def print_pairs(
    pairs: Mapping[str, Any] | Iterable[tuple[str, Any]], file: TextIO | None = None
) -> None:
    """Names and values, aligned, wrapped under themselves; on standard output by default.

    A word that is longer than a line stays whole, so that a path or a fingerprint can be copied.
    """
    named = pairs.items() if isinstance(pairs, Mapping) else pairs
    rows = [(one_line(name), value) for name, value in named]
    indent = max(len(name) for name, _ in rows) + 2
    for name, value in rows:
        show(
            textwrap.fill(
                one_line(value),
                _width(),
                initial_indent=name.ljust(indent),
                subsequent_indent=" " * indent,
                break_long_words=False,
                break_on_hyphens=False,
            ),
            file,
        )


def print_paragraph(text: str, indent: int = 0) -> None:
    """Text, wrapped to the terminal; lines after the first are indented."""
    show(textwrap.fill(one_line(text), min(100, _width()), subsequent_indent=" " * indent,
                       break_on_hyphens=False))  # fmt: skip


def number(value: Any) -> str:
    """A count or measure as people write it.

    >>> number(1000209), number(3.58156)
    ('1,000,209', '3.582')
    """
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def say(message: str) -> None:
    """A remark on standard error, where it does not disturb what is piped on."""
    message = one_line(message)
    lines = textwrap.fill(message, _width(), break_long_words=False, break_on_hyphens=False)
    show(lines, sys.stderr)


def say_account(account: Account) -> None:
    """What was understood of the ratings, on standard error."""
    print_pairs(account.lines(), file=sys.stderr)


def _lines(
    widths: Mapping[Any, int], row: Sequence[str], right: Collection[Any], folded: Collection[str]
) -> Iterator[str]:
    # One row of a table: the columns in `folded` take several lines where others are cut short.
    # No blanks at the ends of lines, which would be in every file it is piped to.
    from rich.cells import cell_len

    cells = [
        _folded(cell, width) if name in folded else [_cut(cell, width)]
        for (name, width), cell in zip(widths.items(), row, strict=True)
    ]
    for parts in zip_longest(*cells, fillvalue=""):
        line = []
        for (name, width), part in zip(widths.items(), parts, strict=True):
            blank = " " * (width - cell_len(part))
            line.append(blank + part if name in right else part + blank)
        yield "  ".join(line).rstrip()


def _cut(text: str, width: int) -> str:
    # The text on a line of so many cells, of which some characters take two.
    from rich.cells import cell_len, set_cell_size

    return text if cell_len(text) <= width else f"{set_cell_size(text, width - 1)}…"


def _folded(text: str, width: int) -> list[str]:
    # Broken between words, and within one that is longer than a line.
    from rich.cells import cell_len, chop_cells

    if cell_len(text) != len(text):
        return chop_cells(text, width)
    return textwrap.wrap(text, width, break_on_hyphens=False) or [""]


def _width() -> int:
    return max(40, shutil.get_terminal_size().columns)


def _numeric(column: Iterable[Any]) -> bool:
    present = [value for value in column if not _missing(value)]
    return all(isinstance(value, Number) and not isinstance(value, bool) for value in present)


def _missing(value: Any) -> bool:
    return str(value) in _MISSING


def _decimals(column: Sequence[Any], name: str) -> int | None:
    # Scores that are all whole, such as the counts of popularity, are shown as such.
    if name == "score" and all(float(one).is_integer() for one in column if not _missing(one)):
        return 0
    if name == "score" and any(abs(one) >= _LARGE for one in column if not _missing(one)):
        return _DECIMALS_OF_LARGE
    return _DECIMALS.get(name)


def _cells(column: Sequence[Any], name: str, places: int | Sequence[int] | None) -> list[str]:
    if places is None or isinstance(places, int):
        return [_cell(value, name, places) for value in column]
    return [_cell(value, name, own) for value, own in zip(column, places, strict=True)]


def _cell(value: Any, column: str, places: int | None) -> str:
    if _missing(value):
        return ""
    if column == "p" and value < 0.001:
        return "<0.001"
    if places is not None:
        return f"{value:,.{places}f}"
    if isinstance(value, float):
        return f"{value:g}"
    text = one_line(value)  # a title with a line break in it stays on its row
    return text.replace("|", ", ") if column == "genres" else text


def described_spec(
    spec: Mapping[str, Any], shown: Callable[[Any], str] | None = None
) -> tuple[str, str]:
    """Name and hyperparameters of a model, as `Spec.to_dict` gives them.

    >>> described_spec({"model": "pure-svd", "n_factors": 8})
    ('pure-svd', 'n_factors=8')
    >>> members = [{"model": "pure-svd", "n_factors": 8}, {"model": "popularity"}]
    >>> described_spec({"model": "blend", "of": members, "weights": [0.7, 0.3]})
    ('blend', '0.7 pure-svd (n_factors=8) + 0.3 popularity')

    Args:
        spec: name under `model`, and hyperparameters.
        shown: how numbers are written; others are left out then.
    """
    settings = {name: value for name, value in spec.items() if name not in ("model", "of")}
    parts = []
    if "of" in spec:
        weights = settings.pop("weights")
        members = [described_spec(one, shown) for one in spec["of"]]
        texts = [f"{name} ({own})" if own else name for name, own in members]
        parts = [" + ".join(f"{w:g} {text}" for w, text in zip(weights, texts, strict=True))]
    for name, value in settings.items():
        if shown is None or isinstance(value, int | float):
            parts.append(f"{name}={shown(value) if shown else value}")
    return str(spec["model"]), ", ".join(parts)
