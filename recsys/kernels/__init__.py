"""The compiled kernels, such as `solve_rows` and `top_k`, and products of whole tables.

Arrays in, arrays out. All give the same bits at any number of threads.
"""

from recsys.kernels.dense import (
    aligned,
    copied,
    diagonalized,
    gramian,
    gramian_memory,
    is_diagonal,
    sums_of_squares,
    turn,
)
from recsys.kernels.entries import Places, find_entries, inserted
from recsys.kernels.halves import Halves, empty_halves, halved, halves_memory
from recsys.kernels.native import INSTRUCTION_SETS, FloatArray, float32, instruction_set
from recsys.kernels.numbers import empty_numbers, gather, n_lines, read_numbers, sort_rows
from recsys.kernels.ranking import PackedItems, packed_items, screened, top_k
from recsys.kernels.row_solver import solve_rows, typical_square
from recsys.kernels.sums import RowSums
from recsys.kernels.text import TextSign, text_signs

__all__ = [
    "INSTRUCTION_SETS",
    "FloatArray",
    "Halves",
    "PackedItems",
    "Places",
    "RowSums",
    "TextSign",
    "aligned",
    "copied",
    "diagonalized",
    "empty_halves",
    "empty_numbers",
    "find_entries",
    "float32",
    "gather",
    "gramian",
    "gramian_memory",
    "halved",
    "halves_memory",
    "inserted",
    "instruction_set",
    "is_diagonal",
    "n_lines",
    "packed_items",
    "read_numbers",
    "screened",
    "solve_rows",
    "sort_rows",
    "sums_of_squares",
    "text_signs",
    "top_k",
    "turn",
    "typical_square",
]
