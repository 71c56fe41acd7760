"""Random ratings for properties."""

import pandas as pd
from hypothesis import strategies as st

COLUMNS = ["user_id", "item_id", "rating", "timestamp"]
TEXT_IDS = st.text(
    st.characters(exclude_categories=("C", "Z"), include_characters=" \"',;|"), max_size=4
).map(lambda text: f"é{text}z")  # a letter at both ends: not a number, nothing to trim


@st.composite
def frames(
    draw: st.DrawFn, max_ratings: int = 40, ids: st.SearchStrategy[object] | None = None
) -> pd.DataFrame:
    """At least two ratings of different user–item pairs, each at a time of its own or not."""
    one_id = ids if ids is not None else draw(st.sampled_from([st.integers(-9, 30), TEXT_IDS]))
    users = draw(st.lists(one_id, min_size=1, max_size=8, unique=True))
    items = draw(st.lists(one_id, min_size=2, max_size=8, unique=True))
    pairs = st.tuples(st.sampled_from(users), st.sampled_from(items))
    chosen = draw(st.lists(pairs, min_size=2, max_size=max_ratings, unique=True))
    # Without −1, which apart from positive ratings stands for "not rated".
    halves = st.integers(-3, 10).filter(lambda n: n != -2).map(lambda n: n / 2)
    rows = [(u, i, draw(halves), draw(st.integers(0, 30))) for u, i in chosen]
    return pd.DataFrame(rows, columns=COLUMNS)
