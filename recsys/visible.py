"""Text from others, made safe to show: titles, ids, names of columns and files.

A terminal obeys control characters, which may clear the screen, write to the clipboard or hide what
was printed before, and a line break in a title looks like another row.
"""

from __future__ import annotations

import re
from typing import Any

_BRIEF = 120  # characters of a value in a message
_LONGEST = 5000  # characters of a line; the longest path has 4,096 bytes

# Controls (C0, DEL, C1), line separators, overrides and isolates of the direction of text, and
# halves of surrogate pairs. Joiners and marks of direction stay: names and emoji need them.
_CONTROLS = "\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff"
_CONTROL = re.compile(f"[{_CONTROLS}]")
_CONTROL_IN_LINE = re.compile(f"(?!\n)[{_CONTROLS}]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def visible(text: str) -> str:
    r"""The text with its control characters as codes; line breaks stay.

    >>> print(visible("Up\x1b[2J and \u202edown"))
    Up\x1b[2J and \u202edown
    """
    return _CONTROL_IN_LINE.sub(_code, text)


def one_line(text: object, most: int = _LONGEST) -> str:
    r"""The text on one line, with its control characters as codes, in at most `most` characters.

    The middle of a longer text is left out, because a message ends with what to do.

    >>> print(one_line("Up\nand\x07 down"))
    Up and\x07 down
    >>> one_line("abcdefghijklmnopqrstuvwxyz", 10)
    'abcdef…xyz'
    """
    line = _CONTROL.sub(_code, " ".join(str(text).split()))
    if len(line) <= most:
        return line
    end = most // 3
    return f"{line[: most - end - 1]}…{line[-end:]}"


def brief(value: object) -> str:
    """A value as messages repeat it, on one line, and without the middle of a long one.

    >>> brief("0.5")
    "'0.5'"
    >>> len(brief("x" * 1000))
    120
    """
    return one_line(repr(value), _BRIEF)


def writable(value: Any) -> Any:
    r"""The value with U+FFFD in place of halves of surrogate pairs, which no file can hold.

    JSON may have them, where a text was cut within a letter. Lists and dictionaries are copied.

    >>> writable(["half \ud83c", 7])
    ['half \ufffd', 7]
    """
    if isinstance(value, str):
        return value if value.isascii() else _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [writable(one) for one in value]
    if isinstance(value, dict):
        return {writable(key): writable(one) for key, one in value.items()}
    return value


def in_json_text(document: str) -> str:
    r"""A JSON document with the control characters in its texts as JSON escapes.

    It means the same; a terminal that it is printed on sees no controls.

    >>> print(in_json_text('["\x9b"]'))
    ["\u009b"]
    """
    return _CONTROL_IN_LINE.sub(lambda found: f"\\u{ord(found[0]):04x}", document)


def _code(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"
