"""The format of a text file, detected from its first lines: separator, header, encoding, types.

What is only known from the whole file, such as the kind of its ids, is a guess here; the reader
checks it on all rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from recsys.errors import DataError
from recsys.ids import WHOLE_NUMBER, shown
from recsys.ratings.account import counted
from recsys.ratings.columns import RECOGNIZED, ROLES, named_positions, plain, role_positions
from recsys.ratings.compressed import opened
from recsys.ratings.foreign import foreign
from recsys.ratings.source import Source
from recsys.ratings.text_bytes import decoder_of, encoding_of, not_in
from recsys.ratings.text_rows import Row, split_rows

_HEAD = 1 << 16  # bytes that are looked at
_LONGEST_LINE = 1 << 26
_MOST_ROWS = 1000  # rows that are looked at
_EXCEL = re.compile(r'"?sep=([^\r\n"])"?[\r\n]*', re.I)  # a first line for Excel
_FEWEST_ALIKE = 3  # rows that have a field more than the header by no accident
_COMMENT = "#%"  # as in files of SNAP and KONECT
_PRODUCT, _REVIEWER = re.compile(r"[B\d][A-Z\d]{9}"), re.compile(r"A[A-Z\d]{9,27}")  # of Amazon
_MOST_REVIEWERS = 0.9  # share of rows; a few ids of reviewers have another form
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")

ANY_QUOTED = re.compile(r'(?:^|\t)"[^"\t]*"(?:\t|$)', re.M)
"""A quoted field in a file with tabs; without one, quotes are letters."""


@dataclass(frozen=True)
class TextFormat:
    """How the columns of a text file are written."""

    separator: str
    header: tuple[str, ...] | None
    """The names of the columns, as the file has them; None without a header."""
    columns: tuple[str, ...]
    roles: dict[str, int]
    """Role (user, item, rating, timestamp) → position of its column."""
    encoding: str
    integer_ids: bool
    """Whether the first ids all are whole numbers."""
    quoted: bool
    """Whether fields may be in double quotes."""
    skip: int
    """Lines before the first row, such as the header."""
    third_may_be_time: bool
    """Whether the rating is the third of three columns without names."""
    decimal: str | None
    """The decimal separator of the ratings, "." or ","; None where it is not known."""
    number_ratings: bool
    """Whether the first ratings all are numbers with decimal points."""
    date_format: str | None
    number_times: bool
    """Whether the first times all are numbers."""
    whole_times: bool
    """Whether they are whole numbers."""
    drops: bool = False
    """Whether rows in which something is missing are left out."""
    remarks: tuple[str, ...] = ()

    def name(self, role: str) -> str:
        """What the file calls the column of a role."""
        return self.columns[self.roles[role]]


def sniff(file: str, source: Source, size: int = _HEAD) -> TextFormat:
    """The format of a text file; what `source` sets is not detected.

    Args:
        file: the file.
        source: how to read it.
        size: bytes to look at; more are if these do not hold a row.

    Raises:
        ArgumentError: the encoding is unknown.
        DataError: the file is empty, has no rows of fields or no user and item columns, or its
            format is unclear.
    """
    what = "" if source.layout else foreign(file)
    if what:
        raise DataError(f"{file}: by its content {what}")
    text, encoding, remarks, complete = _head(file, source.encoding, size)
    lines = re.findall(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+$", text)
    announced = _announced(lines)
    lines, comments = _without_comments(lines, source.separator or announced)
    named = source.separator or announced
    first = next((line.strip("\r\n") for line in lines if line.strip()), None)
    if first is None and complete:
        raise DataError(f"{file}: the file is empty")
    separator = _separator_of(file, first or "", named) if first or complete else ","
    quoted = separator in (",", ";") or _any_quoted(text, separator)
    rows = _first_rows(file, lines, separator, quoted, complete)
    if not complete and len(rows) < 2:
        if size > _LONGEST_LINE:
            raise DataError(f"{file}, line 1: longer than {_LONGEST_LINE >> 20} MiB")
        return sniff(file, source, 16 * size)
    header, columns, roles, unnamed = _columns(file, rows, source)
    n_skipped = int(header is not None)
    body = [row for _, row in rows[n_skipped:_MOST_ROWS]]
    ratings, times = _cells(body, roles.get("rating")), _cells(body, roles.get("timestamp"))
    return TextFormat(
        separator=separator,
        header=header,
        columns=tuple(columns),
        roles=roles,
        encoding=encoding,
        integer_ids=all(_whole(_cells(body, roles[role])) for role in ("user", "item")),
        quoted=quoted,
        skip=rows[n_skipped][0] - 1,
        third_may_be_time=header is None
        and len(columns) == 3
        and roles.get("rating") == 2
        and not {"rating", "timestamp"} & source.columns.keys(),
        decimal=source.decimal,
        number_ratings=all(map(is_number, ratings)),
        date_format=source.date_format,
        number_times=all(map(is_number, times)),
        whole_times=_whole(times),
        drops=source.drops,
        remarks=(*remarks, *comments, *unnamed),
    )


def _any_quoted(text: str, separator: str) -> bool:
    # Whether a field is in quotes; otherwise they are letters.
    if len(set(separator)) > 1 or len(separator) > 1:
        return False
    text = text.replace("\r", "\n").replace(separator, "\t")
    return ANY_QUOTED.search(text) is not None


def is_number(text: str) -> bool:
    """Whether Arrow reads this as a number: as Python does, but without underscores."""
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def _head(file: str, given: str | None, size: int) -> tuple[str, str, tuple[str, ...], bool]:
    # The first lines, the encoding that decoded them, remarks on it, and whether these are all.
    with opened(file) as stream:
        head = stream.read(size)
        complete = len(head) < size or not stream.read(1)
    if not complete:  # without the line that is cut off
        head = head[: max(head.rfind(b"\n"), head.rfind(b"\r")) + 1] or head
    if given is None and head[:2] in _UTF_16:
        bits = 32 if head[2:4] == b"\0\0" else 16
        raise DataError(f"{file}: UTF-{bits} text; give --encoding utf-{bits}")
    remarks: tuple[str, ...] = ()
    encoding = given or "utf-8"
    if given is None:
        try:
            head.decode()
        except UnicodeDecodeError:
            encoding, remark = encoding_of(file)
            remarks = (remark,)
    try:
        # Not final: the last letter may be cut off.
        text = decoder_of(file, encoding).decode(head).removeprefix("\ufeff")
        return text, encoding, remarks, complete
    except UnicodeError as error:
        raise not_in(file, encoding, error) from None


def _announced(lines: list[str]) -> str | None:
    # The separator that a first line such as "sep=;" names; that line becomes a blank one.
    found = _EXCEL.fullmatch(lines[0]) if lines else None
    if found is None:
        return None
    lines[0] = "\n"
    return found[1]


def _without_comments(lines: list[str], separator: str | None) -> tuple[list[str], tuple[str, ...]]:
    # Comments before the first row become blank lines, and a header loses the sign of a comment.
    filled = [n for n, line in enumerate(lines) if line.strip()]
    n_lead = next((k for k, n in enumerate(filled) if lines[n][0] not in _COMMENT), len(filled))
    if not 0 < n_lead < len(filled):
        return lines, ()
    first = _fields(lines[filled[n_lead]].strip(), separator)
    lead = [(n, lines[n].lstrip(_COMMENT).strip()) for n in filled[:n_lead]]
    alike = {n: text for n, text in lead if len(_fields(text, separator)) == len(first)}
    # Other comments may follow the header, in which two names may look like a sentence.
    header = next(
        (n for n, text in reversed(alike.items()) if _are_names(_fields(text, separator), text)),
        None,
    )
    lines, comments = list(lines), list[str]()
    for n, _ in lead:
        if n == header:
            lines[n] = alike[n] + "\n"
        elif header is None and n in alike and not lines[n].lstrip(_COMMENT)[:1].isspace():
            sign = f"line {n + 1} begins with {lines[n][0]} and is read as a row"
            return lines, (f"{sign}; if it is a comment, remove it",)
        else:
            comments.append(lines[n].strip())
            lines[n] = "\n"
    said = f"skipped before the first row: {counted(len(comments), 'line')} of comments"
    return lines, (f"{said}, such as {shown(comments[-1], 40)}",) if comments else ()


def _are_names(fields: list[str], line: str) -> bool:
    # Whether these are names of columns. Words between blanks may be a sentence.
    names = [plain(name) for name in fields]
    known = {name for names in RECOGNIZED.values() for name in names}
    has_both = all(set(names) & set(RECOGNIZED[role]) for role in ("user", "item"))
    return has_both and (any(sign in line for sign in "\t,;|") or set(names) <= known)


def _fields(line: str, separator: str | None) -> list[str]:
    usual = max("\t,;|", key=line.count)
    separator = separator or (usual if usual in line else " ")
    found = line.split() if separator == " " else line.split(separator)
    return [cell.strip().strip('"') for cell in found]


def _columns(
    file: str, rows: list[Row], source: Source
) -> tuple[tuple[str, ...] | None, list[str], dict[str, int], tuple[str, ...]]:
    # The header, the names of all columns, the position of each role, and remarks.
    cells = [cell.strip() for cell in rows[0][1]]
    given = source.header
    if not (_is_header(file, cells, rows, source.columns) if given is None else given):
        names = [f"column {n}" for n in range(1, len(cells) + 1)]
        ends = len(rows) >= _FEWEST_ALIKE and not any(row[-1].strip() for _, row in rows)
        ends = ends and len({len(row) for _, row in rows}) == 1
        roles = _columns_in_order(file, cells[: len(cells) - ends], source.columns)
        roles, said = _amazon(roles, [row for _, row in rows], source.columns)
        return None, names, roles, (*said, *(["rows end with a separator"] * ends))
    if len(rows) == 1:
        raise DataError(f"{file}: a header and no ratings")
    names, remarks = _columns_named(cells, rows[1:])
    return tuple(cells), names, role_positions(names, source.columns, file), remarks


def _columns_named(header: list[str], rows: list[Row]) -> tuple[list[str], tuple[str, ...]]:
    # The columns of rows that all have one field more than the header.
    n = len(header)
    if len(rows) < _FEWEST_ALIKE or not all(len(row) == n + 1 for _, row in rows):
        return header, ()
    if not any(row[n].strip() for _, row in rows):
        return [*header, f"column {n + 1}"], ("rows end with a separator",)
    numbers = [str(number) for number in range(1, len(rows) + 1)]
    if [row[0].strip() for _, row in rows] != numbers:
        return header, ()  # perhaps the last column has no name
    said = "the header has no name for the first column, which numbers the rows, as R writes it"
    return ["row number", *header], (said,)


def _first_rows(
    file: str, lines: list[str], separator: str, quoted: bool, complete: bool
) -> list[Row]:
    rows: list[Row] = []
    try:
        for row in split_rows(file, lines, separator, quoted):
            rows.append(row)
            if len(rows) > _MOST_ROWS:
                break
    except DataError:
        # The reader says so where it is an error, and not the end of what was looked at.
        if complete and len(rows) < 2:
            raise
    return rows


def _separator_of(file: str, first: str, given: str | None) -> str:
    if given and given not in first:
        raise DataError(f"{file}, line 1: {first[:60]!r} has no separator {given!r} in it")
    if given:
        return given
    if "::" in first:
        return "::"
    separator = max("\t,;|", key=first.count)
    if separator == "\t" and re.fullmatch(r"[^\t]+(?:\t\t[^\t]+)+", first):
        return "\t\t"
    if separator not in first and " " in first.strip():
        separator = " "
    if separator not in first:
        raise DataError(
            f"{file}, line 1: {first[:60]!r} has no separator (tab, comma, ;, |, ::, blank) in it; "
            "name it with separator=..."
        )
    return separator


def _is_header(file: str, cells: list[str], rows: list[Row], named: Mapping[str, str]) -> bool:
    recognized = {name for names in RECOGNIZED.values() for name in names}
    names = [name for name in named.values() if name and not name.isdigit()]
    if any(cell in names or plain(cell) in recognized for cell in cells):
        return True
    if any(map(is_number, cells)):
        return False
    if len(rows) > 1 and any(map(is_number, rows[1][1])):
        return True
    raise DataError(
        f"{file}, line 1: cannot tell whether {', '.join(cells)[:60]!r} names columns or is a "
        "rating; say header=True or header=False (--header or --no-header), or name the columns "
        "with user=... and item=... (--column user=NAME --column item=NAME)"
    )


def _columns_in_order(file: str, cells: list[str], named: Mapping[str, str]) -> dict[str, int]:
    # Without a header: the columns with a number, and the other roles in the order of the rest.
    for name in named.values():
        if name and not name.isdigit():
            raise DataError(
                f"{file}: has no header line, so there is no column {name!r}; give its number, "
                "such as --column user=1"
            )
    if len(cells) < 2:
        raise DataError(f"{file}, line 1: {','.join(cells)[:60]!r} has fewer than two fields")
    roles = named_positions([f"column {n + 1}" for n in range(len(cells))], named, file)
    if len(cells) > len(ROLES):
        if not {"user", "item"} <= roles.keys():
            raise DataError(
                f"{file}: {len(cells):,} columns without names; number those to read, such as "
                "--column user=1 --column item=2 --column rating=3"
            )
        return roles
    rest = (at for at in range(len(cells)) if at not in roles.values())
    order = [role for role in ROLES if role not in named]
    if len(cells) == 3 and {"rating", "timestamp"} <= set(order) and _is_date(cells[2]):
        order.remove("rating")
    roles |= dict(zip(order, rest, strict=False))
    if not {"user", "item"} <= roles.keys():
        raise DataError(f"{file}: no column is left for the user or the item")
    return {role: roles[role] for role in ROLES if role in roles}


def _amazon(
    roles: dict[str, int], rows: list[list[str]], named: Mapping[str, str]
) -> tuple[dict[str, int], tuple[str, ...]]:
    # Amazon's reviews of 2018 have the product before the reviewer, those of 2014 after.
    if {"user", "item"} & named.keys():
        return roles, ()
    first, second = _cells(rows, roles["user"]), _cells(rows, roles["item"])
    n_reviewers = sum(map(bool, map(_REVIEWER.fullmatch, second)))
    if not all(map(_PRODUCT.fullmatch, first)) or n_reviewers < _MOST_REVIEWERS * len(first):
        return roles, ()
    said = (
        "column 1 has ids of products and column 2 ids of reviewers, as Amazon writes them: taken "
        "as items and users (--column user=1 --column item=2 reads them the other way round)"
    )
    return {**roles, "user": roles["item"], "item": roles["user"]}, (said,)


def _is_date(cell: str) -> bool:
    return re.match(r"\d{4}-\d\d-\d\d(?:\D|$)", cell) is not None


def _whole(cells: list[str]) -> bool:
    return all(map(WHOLE_NUMBER.fullmatch, cells))


def _cells(rows: Iterable[list[str]], column: int | None) -> list[str]:
    return [] if column is None else [row[column].strip() for row in rows if len(row) > column]
