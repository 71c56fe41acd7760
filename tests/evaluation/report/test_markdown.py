"""The report as Markdown, and what it shares with the page."""

from __future__ import annotations

import re
from dataclasses import replace

import recsys
from recsys.ratings import splits
from recsys.ratings.account import Account, Taken
from recsys.ratings.ratings import Ratings


def test_what_was_read_is_in_the_page_and_in_markdown(sample: Ratings) -> None:
    account = Account("a|b*.csv", "delimited text", {"user": Taken("<who>", "_7_")}, n_rows=9,
                      kind="ratings")  # fmt: skip
    known = replace(sample, account=account)
    result = recsys.evaluate({"svd": recsys.PureSVD(2)}, splits.random(known, 0.2), k=5)
    assert result.account == account.to_dict()
    text = result.to_markdown()
    assert "- read: a\\|b\\*.csv (delimited text), 9 rows\n" in text
    assert "- columns: user = \\<who\\> (\\_7\\_)\n" in text
    page = result.to_html()
    assert "What was read</h2>" in page
    assert "<dt>columns</dt><dd>user = &lt;who&gt; (_7_)</dd>" in page
    bare = replace(result, account=None)
    assert "What was read" not in bare.to_html() + bare.to_markdown()


def test_axes_are_called_by_the_kind_of_the_values(sample: Ratings) -> None:
    account = Account("plays.csv", "delimited text", {}, kind="counts")
    hours = {"rating": Taken("Hours", "2.5")}
    of_hours = replace(account, columns=hours)
    for known, noun in ((of_hours, "hours"), (replace(account, kind="ratings"), "rating")):
        split = splits.random(replace(sample, account=known), 0.2)
        page = recsys.evaluate({"als": recsys.ExplicitALS(2)}, split, k=5).to_html()
        assert f"predicted − true {noun}<" in page
        assert f"RMSE by true {noun}" in page
        assert ">Predicted ratings</h2>" in page if noun == "rating" else "Predicted hours" in page
        assert "stars" not in page.lower()


def test_what_nobody_rated_is_not_called_rated(sample: Ratings) -> None:
    read = Account("plays.csv", "delimited text", {"rating": Taken("Hours", "2.5")}, kind="counts")
    part = splits.random(sample, 0.2)
    models = {"als": recsys.ExplicitALS(2), "svd": recsys.PureSVD(2)}
    rated = recsys.evaluate(models, part, k=5)
    counted = recsys.evaluate(models, splits.random(replace(sample, account=read), 0.2), k=5)
    rating = re.compile(r"\brat(ed|ings?)\b")
    page = re.sub(r"<style>.*?</style>", "", counted.to_html(), flags=re.DOTALL)
    texts = page.partition("<h2>To run it again")[0], counted.to_markdown()
    for text in texts:
        assert not rating.search(text.replace("rating = Hours", "")), text
    assert "every item a user had not seen competes" in page
    assert "at most 10 interactions" in page
    assert "most seen tenth" in page
    assert "most rated tenth" in rated.to_html()
    # Names for programs are the same.
    assert counted.segments["kind"].tolist() == rated.segments["kind"].tolist()
    assert counted.segments["segment"].tolist() == rated.segments["segment"].tolist()


def test_markdown_has_the_decimals_order_and_command(sample: Ratings) -> None:
    models = {"svd": recsys.PureSVD(2), "ease": recsys.EASE(100.0)}
    result = recsys.evaluate(models, splits.random(sample, 0.2), k=5)
    text = replace(result, about={**result.about, "command": "recsys evaluate a.csv"}).to_markdown()
    head = next(line for line in text.splitlines() if line.startswith("| metric"))
    assert head.strip("| ").split(" | ")[1:] == result.ranked
    for line in text.splitlines():
        if not line.startswith("| ndcg@5"):
            continue
        numbers = re.findall(r"\d\.\d+", line)
        assert {len(number) - 2 for number in numbers} == {result.decimals("ndcg@5")}
        assert len(numbers) == 3 * len(result.models)
    assert "\n    recsys evaluate a.csv\n" in text
    assert "Made by" not in result.to_markdown()
