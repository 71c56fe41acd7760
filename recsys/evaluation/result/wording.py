"""Numbers in words: p-values, marks of significance, signed differences."""

from __future__ import annotations


def p_in_words(p: float) -> str:
    """A p-value as it is written in text.

    >>> p_in_words(0.00012), p_in_words(0.04231)
    ('p < 0.001', 'p = 0.042')
    """
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def stars(p: float) -> str:
    """Marks of significance; nothing for NaN.

    >>> stars(0.004), stars(0.2)
    ('**', '')
    """
    return "***" if p < 0.001 else "**" if p < 0.01 else "*" if p < 0.05 else ""


def signed(value: float) -> str:
    """A difference with its sign.

    >>> signed(0.0312), signed(-0.5), signed(-1e-9)
    ('+0.0312', '−0.5000', '0.0000')
    """
    text = f"{value:+.4f}".replace("-", "−")
    return text[1:] if float(text[1:]) == 0 else text
