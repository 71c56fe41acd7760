"""What tests of the page of the service do with it."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

import recsys
from recsys.recommend import questions
from recsys.recommend.choice import Choice
from recsys.recommend.person import ratings_row

expect.set_options(timeout=20_000)  # milliseconds; the first map takes long on a busy machine
FIRST, SECOND, THIRD = 3, 41, 77  # rows of items


def opened(chromium: Any, address: str, width: int = 1280, height: int = 800, scheme: str = "light",
           **more: Any) -> Any:  # fmt: skip
    size = {"width": width, "height": height}
    page = chromium.new_page(viewport=size, color_scheme=scheme, **more)
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("console", lambda message: page.problems.append(message.text))
    page.on("dialog", lambda dialog: (page.problems.append("a dialog"), dialog.dismiss()))
    page.on("request", lambda one: one.url.startswith(address) or page.problems.append(one.url))
    page.goto(address)
    ready(page)
    return page


def ready(page: Any) -> None:
    """Waits until the scripts of a page that was loaded answer, and its map has its size."""
    expect(page.locator("#map-wait")).to_be_hidden(timeout=60_000)
    expect(page.locator("#where")).not_to_be_empty()
    page.wait_for_timeout(50)


def title(model: recsys.Recommender, row: int) -> str:
    return str(model.item_table["title"][row])


def rate(page: Any, words: str, key: str) -> None:
    """Rates a title with the keyboard alone."""
    page.focus("#search")
    page.fill("#search", words)
    expect(page.locator("#found li .name").first).to_have_text(words)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    row = page.locator("#rated li", has_text=words)
    expect(row.locator(".stars")).to_be_focused()
    page.keyboard.press(key)
    expect(page.locator("#rated li.waiting")).to_have_count(0)
    expect(row).to_have_count(1)


def listed(page: Any) -> list[str]:
    found: list[str] = page.locator("#recommended > li .name").all_text_contents()
    return found


def show(page: Any, part: str) -> None:
    if page.viewport_size["width"] < 900:
        page.click(f"nav [data-go={part}]")


def best(model: recsys.Recommender, ratings: dict[int, float], **choice: Any) -> list[str]:
    row = ratings_row(model, {int(model.factors.items.ids[i]): v for i, v in ratings.items()})
    return questions.recommend_row(model, row, Choice(**choice)).column("title")
