"""The compiled kernels, `solve_rows`, `top_k` and those that read ratings, and products of tables.

Arrays in, arrays out. All give the same bits at any number of threads.
"""

from recsys.kernels.dense import (
    aligned,
    diagonalized,
    gramian,
    gramian_memory,
    is_diagonal,
    sums_of_squares,
    turn,
)
from recsys.kernels.native import INSTRUCTION_SETS, FloatArray, float32, instruction_set
from recsys.kernels.numbers import gather, read_numbers, sort_rows
from recsys.kernels.ranking import PackedItems, packed_items, top_k
from recsys.kernels.row_solver import solve_rows
from recsys.kernels.text import TextSign, text_signs

__all__ = [
    "INSTRUCTION_SETS",
    "FloatArray",
    "PackedItems",
    "TextSign",
    "aligned",
    "diagonalized",
    "float32",
    "gather",
    "gramian",
    "gramian_memory",
    "instruction_set",
    "is_diagonal",
    "packed_items",
    "read_numbers",
    "solve_rows",
    "sort_rows",
    "sums_of_squares",
    "text_signs",
    "top_k",
    "turn",
]
