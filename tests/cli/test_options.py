"""Command-line options over the entries of a recipe."""

from __future__ import annotations

import pytest

from recsys.cli.options import overridden, with_ratings
from recsys.errors import ArgumentError


def test_options_override_a_recipe_and_tables_entry_by_entry() -> None:
    recipe = {"model": "bpr", "columns": {"user": "u", "item": "i"}, "seed": 3}
    found = overridden(recipe, {"seed": 4, "columns": {"user": "who"}})
    assert found == {"model": "bpr", "columns": {"user": "who", "item": "i"}, "seed": 4}
    assert recipe["columns"] == {"user": "u", "item": "i"}


def test_ratings_must_come_from_somewhere() -> None:
    assert with_ratings({"ratings": "x"}) == {"ratings": "x"}
    with pytest.raises(ArgumentError, match="RATINGS is missing"):
        with_ratings({"seed": 3})
