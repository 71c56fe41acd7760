"""HTML for notebooks: pairs and tables, which inherit the notebook's font and colours.

Everything is escaped, and styled in place: no scripts, no style sheets, no other files.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from numbers import Number
from typing import Any

from recsys.visible import visible

_TABLE = "<table style='border-collapse:collapse;margin:.3em 0;color:inherit'>"
_LINE = (
    "border:0;border-bottom:1px solid rgba(128,128,128,.35);padding:.2em .8em .2em 0;"
    "overflow-wrap:anywhere;"
)
_TOP = "vertical-align:top;background:none;"
_DECIMALS = 4


def block(title: str, *parts: str, notes: Iterable[str] = ()) -> str:
    """A title, parts that are HTML already, and sentences below them."""
    said = "".join(f"<p style='margin:.3em 0;opacity:.75'>{_text(one)}</p>" for one in notes)
    head = f"<p style='margin:.3em 0;font-weight:600'>{_text(title)}</p>" if title else ""
    return f"<div style='overflow-wrap:anywhere'>{head}{''.join(parts)}{said}</div>"


def pairs(rows: Iterable[tuple[str, str]]) -> str:
    """A table of two columns: what something is called, and what it is.

    >>> "<td" in pairs([("data", "7 users")]), "&lt;b&gt;" in pairs([("title", "<b>")])
    (True, True)
    """
    lines = [
        f"<tr style='background:none'><th style='{_LINE}{_TOP}text-align:left;font-weight:400;"
        f"opacity:.75'>{_text(name)}</th><td style='{_LINE}{_TOP}text-align:left'>"
        f"{_text(text)}</td></tr>"
        for name, text in rows
    ]
    return f"{_TABLE}{''.join(lines)}</table>"


def table(
    columns: Mapping[str, Sequence[Any]], decimals: int = _DECIMALS, right: Collection[str] = ()
) -> str:
    """A table with a row per value; numbers stand on the right, and None is empty.

    Args:
        columns: name → one value per row.
        decimals: of fractions.
        right: columns of text that stand on the right, too.
    """
    aligned = {
        name: "right" if name in right or _numeric(column) else "left"
        for name, column in columns.items()
    }
    head = "".join(
        f"<th style='{_LINE}{_TOP}text-align:{aligned[name]}'>{_text(str(name))}</th>"
        for name in columns
    )
    rows = [
        "".join(
            f"<td style='{_LINE}{_TOP}text-align:{aligned[name]};"
            f"font-variant-numeric:tabular-nums'>{_text(_cell(value, name, decimals))}</td>"
            for name, value in zip(columns, row, strict=True)
        )
        for row in zip(*columns.values(), strict=True)
    ]
    body = "".join(f"<tr style='background:none'>{row}</tr>" for row in rows)
    head = f"<thead><tr style='background:none'>{head}</tr></thead>"
    return f"<div style='overflow-x:auto'>{_TABLE}{head}<tbody>{body}</tbody></table></div>"


def _text(text: str) -> str:
    import html  # two milliseconds of a command that draws no page

    return html.escape(visible(text))


def _numeric(column: Iterable[Any]) -> bool:
    there = [value for value in column if value is not None]
    return bool(there) and all(
        isinstance(value, Number) and not isinstance(value, bool) for value in there
    )


def _cell(value: Any, name: str, decimals: int) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, float):
        return f"{value:g}" if value.is_integer() else f"{value:,.{decimals}f}"
    text = str(value)
    return text.replace("|", ", ") if name == "genres" else text
