import pandas as pd

from recsys.ids import IdIndex
from recsys.recommend.names import item_names


def test_titles_where_there_are_some() -> None:
    index = IdIndex([3, 5], "item")
    assert item_names(pd.DataFrame({"title": ["Heat", None]}), index) == ["Heat", "item 5"]
    assert item_names(pd.DataFrame(index=range(2)), index) == ["item 3", "item 5"]


def test_text_ids_name_themselves() -> None:
    assert item_names(pd.DataFrame(index=range(1)), IdIndex(["tt01"], "item")) == ["tt01"]
