"""What stands in the bytes of a text, against regular expressions."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.kernels import INSTRUCTION_SETS, TextSign, text_signs

PATTERNS = {
    TextSign.NOT_ASCII: rb"[\x80-\xff]",
    TextSign.NUL: rb"\0",
    TextSign.QUOTE: rb'"',
    TextSign.X: rb"[xX]",
    TextSign.LONE_RETURN: rb"\r[^\n]",
    TextSign.MINUS_ZERO: rb"-0",
    TextSign.LEADING_ZERO: rb"[^0-9]0[0-9]",
}
HARMLESS = b"1234567890,1,4.5,881250949\n\r\n-3,a/:;[{ \t"
NEAR = (b"\0", b'"', b"x", b"X", b"\x80", b"\xff", b"\r ", b"-0", b",07", b"/00", b":01", b"\x7f0")


@pytest.mark.parametrize("isa", INSTRUCTION_SETS)
@given(
    text=st.one_of(
        st.binary(max_size=200),
        st.lists(st.sampled_from([HARMLESS, *NEAR]), max_size=12).map(b"".join),
        st.lists(st.sampled_from(b'019/:,\r\n-"xX\0\x7f\x80\xff'), max_size=200).map(bytes),
    )
)
def test_signs_are_those_that_regular_expressions_find(isa: str, text: bytes) -> None:
    expected = TextSign(0)
    for sign, pattern in PATTERNS.items():
        if re.search(pattern, text, re.DOTALL):
            expected |= sign
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECSYS_ISA", isa)
        assert text_signs(text) == expected


@pytest.mark.parametrize("sign", PATTERNS)
def test_a_sign_is_seen_wherever_it_stands(sign: TextSign) -> None:
    letters = {
        TextSign.NOT_ASCII: b"\xe9",
        TextSign.NUL: b"\0",
        TextSign.QUOTE: b'"',
        TextSign.X: b"x",
        TextSign.LONE_RETURN: b"\r1",
        TextSign.MINUS_ZERO: b"-0",
        TextSign.LEADING_ZERO: b",01",
    }[sign]
    for at in range(150):
        for after in (0, 1, 31, 64):
            assert text_signs(b"1" * at + letters + b"," * after) == sign
