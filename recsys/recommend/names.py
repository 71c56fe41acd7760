"""Names to show for items."""

from __future__ import annotations

import pandas as pd

from recsys.ids import IdIndex


def item_names(item_table: pd.DataFrame, index: IdIndex) -> list[str]:
    """A name for every item of the index: its title, or its id where it has none.

    Integer ids become "item 12"; text ids are shown as they are.
    """
    ids = [f"item {one}" if index.is_integer else str(one) for one in index.ids]
    if "title" not in item_table:
        return ids
    titles = item_table["title"]
    return [t if isinstance(t, str) else one for t, one in zip(titles, ids, strict=True)]
