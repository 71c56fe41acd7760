"""Takes the picture of the page in docs/pictures: python scripts/page_picture.py MODEL.

Needs playwright and a Chromium, and a model of movies with ratings from 1 to 5.
"""

from __future__ import annotations

import argparse
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from playwright.sync_api import Page, sync_playwright

from recsys.service import create_app

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "pictures" / "page.png"
RATED = (("star wars", "5"), ("alien", "5"), ("jurassic park", "1"), ("toy story", "4"))


@contextmanager
def served(model: str) -> Iterator[str]:
    """The address of a service on this machine."""
    port = socket.create_server(("127.0.0.1", 0))
    app = create_app(model, name="movies")
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none"))
    thread = threading.Thread(target=server.run, args=([port],))
    thread.start()
    try:
        while not server.started:
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


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
    with served(model) as address, sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(address)
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
