"""Ratings that Spark reads from where they lie.

Spark reads and decompresses in parallel; what the rows mean is decided by the same code as without
Spark, so that both give the same ratings and the same account. The result, a sparse matrix of 8 to
16 bytes a rating, is held by the driver.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

import pyarrow as pa
import pyarrow.compute as pc

from recsys.errors import ArgumentError, DataError, EngineError
from recsys.files import expanded, temporary_folder
from recsys.large import mapped_above
from recsys.provenance import without_passwords
from recsys.ratings import layouts
from recsys.ratings.archives import is_archive
from recsys.ratings.arrow_batches import raw_of_batches
from recsys.ratings.columns import role_positions
from recsys.ratings.ratings import Ratings
from recsys.ratings.readers import read as read_here
from recsys.ratings.source import Source
from recsys.ratings.text_columns import has_decimal_commas
from recsys.ratings.text_format import TextFormat, sniff
from recsys.ratings.unrated import Unrated
from recsys.ratings.user_tables import read_users, users_of
from recsys.spark.session import translated

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from recsys.ratings.raw import RawRatings

_HEAD = 1000  # lines that the format of a text file is detected from
_ELSEWHERE = re.compile(r"(?!postgres(ql)?:|sqlite:|https?:)[a-z][a-z0-9+.-]*://", re.I)
_DATABASE = re.compile(r"(jdbc:)?postgres(ql)?(\+\w+)?://", re.I)
_ENCODINGS = {"utf-8": "UTF-8", "iso8859-1": "ISO-8859-1", "ascii": "US-ASCII"}
"""Encodings of text that Spark splits into lines, by Python's names for them."""
_NO_LETTER = "\ufffd"  # what Spark makes of bytes that are not UTF-8
_FETCHED = "10000"  # rows that a database sends at a time
_SPLIT = {
    "Parquet": "parquet",
    "delimited text": "text",
    "MovieLens CSV": "text",
    "part files": "text",
}
"""Layouts of one large table, by what Spark calls them; others are small, or in several files."""


def read(source: Source, session: SparkSession) -> Ratings:
    """The ratings of a source, as `recsys.read_ratings` gives them.

    Parquet, delimited text and PostgreSQL are read by Spark, also at addresses such as
    `hdfs://...` and `s3a://...`. Folders and files of other layouts are read by this process, and
    so are files here of which Spark cannot tell what they say: it finds the bad line, or none.
    Where a user rated an item twice and there are no times, the latest is the last in the order of
    Spark's partitions.

    Raises:
        ArgumentError: a setting does not go with the source.
        DataError: it cannot be read.
        EngineError: Spark fails.
    """
    with mapped_above(source.map_bytes):
        return _read(source, session)


def _read(source: Source, session: SparkSession) -> Ratings:
    where = without_passwords(source.ratings)
    if is_database(source.ratings):
        return _made(_of_database(source, session, where), source, where, "SQL", ())
    if _ELSEWHERE.match(source.ratings):
        location, kind = source.ratings, _kind_of(source.ratings)
    else:
        path = expanded(source.ratings)
        if "://" in source.ratings or is_archive(path):
            return read_here(source)
        layout, location = layouts.find(str(path), source.layout, source.columns)
        if layout.name not in _SPLIT or not Path(location).exists():
            return read_here(source)
        where, kind = location, _SPLIT[layout.name]
    if source.table or source.query:
        raise ArgumentError(f"table and query are for databases, and {where} is none")
    try:
        raw = (_of_parquet if kind == "parquet" else _of_text)(location, source, session, where)
    except DataError:
        if _ELSEWHERE.match(location):
            raise
        return read_here(source)
    return _made(raw, source, where, "Parquet" if kind == "parquet" else "delimited text", location)


def _kind_of(address: str) -> str:
    ending = re.search(r"\.(csv|tsv|txt|dat)(\.\w+)?/?$", address, re.I)
    return "text" if ending else "parquet"


def _made(
    raw: RawRatings, source: Source, where: str, layout: str, location: str | tuple[()]
) -> Ratings:
    items = users = None
    if source.items is not None:
        items = layouts.read_items(source.items)
    if source.user_table is not None:
        users = read_users(source.user_table)
    if location and not _ELSEWHERE.match(location):
        found, _ = layouts.find(location, source.layout, source.columns)
        items = layouts.items_of(found, location) if items is None else items
        users = users_of(location, raw, found.users) if users is None else users
    tables = Unrated(items, users)
    made = Ratings.of(raw, tables, source.duplicates, where, layout, source.missing)
    assert made.account is not None
    remarks = (*made.account.remarks, "read by Spark")
    return replace(made, account=replace(made.account, remarks=remarks))


def _of_parquet(location: str, source: Source, session: SparkSession, where: str) -> RawRatings:
    with translated():
        frame = session.read.parquet(location)
    roles = role_positions(frame.columns, source.columns, where)
    return _raw(frame, {role: frame.columns[at] for role, at in roles.items()}, source, where)


def _of_text(location: str, source: Source, session: SparkSession, where: str) -> RawRatings:
    form = _format(location, source, session, where)
    if form.skip > int(form.header is not None):
        raise DataError(
            f"{where}: begins with lines that are not rows, which Spark cannot skip; remove them, "
            "or leave out --engine spark"
        )
    if len(form.separator) != 1:
        raise DataError(
            f"{where}: fields are separated by {form.separator!r}, and Spark reads one character; "
            "leave out --engine spark to read it"
        )
    if form.third_may_be_time:
        raise ArgumentError(
            f"{where} has three columns without names; say what the third is with --column "
            "rating=3 or --column timestamp=3"
        )
    with translated():
        frame = session.read.csv(
            location,
            sep=form.separator,
            header=form.header is not None,
            encoding=_encoding(source.encoding, where),
            quote='"' if form.quoted else "",
            escape='"',
            ignoreLeadingWhiteSpace=True,
            ignoreTrailingWhiteSpace=True,
            mode="FAILFAST",
        )
    if len(frame.columns) != len(form.columns):
        raise DataError(
            f"{where}: {len(frame.columns)} columns, but {len(form.columns)} were detected"
        )
    # By position: two columns may have one name.
    frame = frame.toDF(*(f"c{at}" for at in range(len(form.columns))))
    names = {role: form.name(role) for role in form.roles}
    frame = frame.select(*(frame[f"c{at}"] for at in form.roles.values()))
    unused = tuple(name for at, name in enumerate(form.columns) if at not in form.roles.values())
    batches = list(_batches(frame, [names[role] for role in form.roles]))
    if not batches:
        raise DataError(f"{where} holds no ratings")
    table, remarks = _as_text_means(pa.Table.from_batches(batches), names, form, where)
    raw = raw_of_batches(table.to_batches(), names, where, unused, source.date_format, source.drops)
    raw.remarks.extend((*form.remarks, *remarks))
    return raw


def _as_text_means(
    table: pa.Table, names: Mapping[str, str], form: TextFormat, where: str
) -> tuple[pa.Table, list[str]]:
    # Fields without blanks around them, empty ones missing, and decimal commas as points.
    remarks: list[str] = []
    for role, name in names.items():
        column = pc.utf8_trim_whitespace(table.column(name))
        if role in ("user", "item") and pc.any(pc.match_substring(column, _NO_LETTER)).as_py():
            raise DataError(f"{where}: {name!r} is not UTF-8; give --encoding, such as iso-8859-1")
        if role == "rating" and pc.any(pc.match_substring(column, ",")).as_py():
            texts = pc.drop_null(column).to_pylist() if form.decimal is None else []
            if has_decimal_commas(form.separator, texts):
                remarks.append("ratings have decimal commas (--decimal . reads them otherwise)")
            if remarks or form.decimal == ",":
                column = pc.replace_substring(column, ",", ".")
        column = pc.if_else(pc.equal(column, ""), None, column)
        table = table.set_column(table.column_names.index(name), name, column)
    return table, remarks


def _encoding(given: str | None, where: str) -> str:
    # What Spark calls it.
    try:
        name = codecs.lookup(given or "utf-8").name
    except LookupError:
        raise ArgumentError(f"encoding {given!r} is unknown") from None
    if name not in _ENCODINGS:
        raise DataError(f"{where}: Spark reads {', '.join(_ENCODINGS.values())}, not {given}")
    return _ENCODINGS[name]


def _format(location: str, source: Source, session: SparkSession, where: str) -> TextFormat:
    # Of the first lines, in a file of their own: the file may be where only Spark can read it.
    encoding = _encoding(source.encoding, where)
    with translated():
        # A separator that no text has: lines as they are, in any encoding.
        text = session.read.csv(location, sep="\x01", quote="", encoding=encoding)
        lines = [row[0] for row in text.limit(_HEAD).collect()]
    with temporary_folder() as folder:
        head = folder / "head.csv"
        head.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        try:
            return sniff(str(head), replace(source, encoding=None))
        except DataError as error:
            raise DataError(str(error).replace(str(head), where)) from None


def _of_database(source: Source, session: SparkSession, where: str) -> RawRatings:
    address = urlsplit(re.sub(r"^jdbc:", "", source.ratings))
    if source.query is not None:
        wanted = f"({source.query.strip().rstrip(';')}) AS ratings"
    else:
        wanted = source.table or "ratings"
    port = f":{address.port}" if address.port else ""
    options = {
        "url": f"jdbc:postgresql://{address.hostname or 'localhost'}{port}{address.path}",
        "dbtable": wanted,
        "driver": "org.postgresql.Driver",
        "fetchsize": _FETCHED,
        **dict(parse_qsl(address.query)),
    }
    for name, value in (("user", address.username), ("password", address.password)):
        if value is not None:
            options[name] = unquote(value)
    try:
        with translated():
            frame = session.read.format("jdbc").options(**options).load()
    except EngineError as error:
        if "org.postgresql.Driver" in str(error):
            raise ArgumentError(
                "Spark reads PostgreSQL with its JDBC driver, which is not installed (Debian, "
                "Ubuntu: apt install libpostgresql-jdbc-java)"
            ) from None
        raise DataError(f"{where}: {error}") from None
    roles = role_positions(frame.columns, source.columns, where)
    return _raw(frame, {role: frame.columns[at] for role, at in roles.items()}, source, where)


def _raw(
    frame: DataFrame,
    names: Mapping[str, str],
    source: Source,
    where: str,
) -> RawRatings:
    unused = tuple(name for name in frame.columns if name not in names.values())
    places = {name: f"c{frame.columns.index(name)}" for name in names.values()}
    # By position: a name may have any sign in it.
    frame = frame.toDF(*(f"c{at}" for at in range(len(frame.columns))))
    batches = _batches(frame.select(*places.values()), list(places))
    return raw_of_batches(batches, names, where, unused, source.date_format, source.drops)


def _batches(frame: DataFrame, names: list[str]) -> Iterator[pa.RecordBatch]:
    # With these names, which may have any sign in them. A partition at a time, as bytes of Arrow:
    # a result of all partitions would have to fit into the memory of Java, and into
    # spark.driver.maxResultSize.
    def packed(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            stream = pa.BufferOutputStream()
            with pa.ipc.new_stream(stream, batch.schema) as writer:
                writer.write_batch(batch)
            yield pa.record_batch(
                {"batch": pa.array([stream.getvalue().to_pybytes()], pa.binary())}
            )

    with translated():
        for row in frame.mapInArrow(packed, "batch binary").toLocalIterator():
            for batch in pa.ipc.open_stream(pa.py_buffer(row["batch"])):
                yield pa.RecordBatch.from_arrays(batch.columns, names)


def is_database(address: str) -> bool:
    """Whether Spark reads this address by a JDBC driver."""
    return _DATABASE.match(address) is not None
