"""Takes the picture of the page in docs/pictures: python scripts/page_picture.py MODEL.

Needs playwright and a Chromium, and a model of movies with ratings from 1 to 5.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from load import served
from playwright.sync_api import Page, sync_playwright

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "pictures" / "page.png"
RATED = (("star wars", "5"), ("alien", "5"), ("jurassic park", "1"), ("toy story", "4"))


def rate(page: Page, words: str, key: str) -> None:
    """Rates the first title that is found."""
    page.fill("#search", words)
    page.wait_for_selector("#found li .name")
    page.wait_for_timeout(500)
    page.press("#search", "Enter")
    page.press("#rated .stars >> nth=0", key)
    page.wait_for_timeout(500)


def main() -> None:
    """Takes the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="model file")
    model = parser.parse_args().model
    with served([model, "--name", "movies"]) as (port, _), sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(f"http://127.0.0.1:{port}")
        page.wait_for_selector("#map-wait", state="hidden", timeout=60_000)
        for words, key in RATED:
            rate(page, words, key)
        page.click("#item [aria-label=Close]")
        page.locator("#recommended .why").first.click()
        page.locator("h2").first.hover()
        page.wait_for_timeout(1500)
        page.screenshot(path=PICTURE)
        browser.close()


if __name__ == "__main__":
    main()
