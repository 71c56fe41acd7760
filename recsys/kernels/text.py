"""What stands in the bytes of a text file, found in one pass by the compiled code."""

from __future__ import annotations

from enum import IntFlag

import numpy as np

from recsys.kernels.native import instruction_set, native, variant


class TextSign(IntFlag):
    """What may stand in a text. The numbers are those of `kernels.hpp`."""

    NOT_ASCII = 1
    NUL = 2
    QUOTE = 4
    X = 8
    """x or X."""
    LONE_RETURN = 16
    """A carriage return and another letter than a line feed after it."""
    MINUS_ZERO = 32
    """"-0"."""
    LEADING_ZERO = 64
    """A 0 that follows a letter other than a digit, and has a digit after it."""


def text_signs(text: bytes) -> TextSign:
    """What stands in some text; a sign of several letters counts where all of them are there.

    >>> text_signs(b"1,007,x") == TextSign.LEADING_ZERO | TextSign.X
    True
    """
    found = native.text_signs(variant(instruction_set()).number, np.frombuffer(text, np.uint8))
    return TextSign(found)
