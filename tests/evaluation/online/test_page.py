"""The page of the rates: its headline, and what it says of somebody's hostile names."""

import pandas as pd
from trials import simulated, with_measures

from recsys.evaluation.online.page import page
from recsys.evaluation.online.rates import Online, measured


def html(lists: pd.DataFrame) -> str:
    return page(measured(lists, against="1"), 1_700_000_000.0, 7 * 24 * 3600.0)


def test_the_headline_is_what_is_known() -> None:
    assert '<h1 id="headline">Version 2 has more click-through than version 1</h1>' in html(
        simulated({"1": 0.1, "2": 0.3}, 400, 0)
    )
    alone = html(simulated({"1": 0.1}, 40, 0)[:100])
    assert "Version 1 served 100 lists" in alone
    nothing = page(Online((), ()), 0.0, 3600.0)
    assert "No lists were served" in nothing
    assert "in the 1 hours after" not in alone
    assert "in the 168 hours after" in alone


def test_a_version_cannot_write_into_the_page() -> None:
    lists = simulated({"1": 0.1, "<script>": 0.3}, 100, 0)
    text = html(with_measures(lists))
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
