"""Shared data: a checkerboard world, the simulated sample, and the real MovieLens folders."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings
from playwright.sync_api import Browser
from postgres import Cluster, NoPostgres

import recsys

ROOT = Path(__file__).resolve().parents[1]
# Where tests run in the background of a shell, Ctrl-C is ignored by whatever they start.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A machine that is busy for a moment must not fail a test.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")

REAL_DATA = Path(os.environ.get("RECSYS_TEST_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """A headless browser that reaches nothing outside; tests that use it are marked `browser`."""
    found = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
    )
    if not found:
        pytest.skip("no Chromium is installed (Debian, Ubuntu: apt install chromium)")
    from playwright.sync_api import sync_playwright

    quiet = "--disable-quic --no-first-run --disable-background-networking --disable-sync"
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-component-update", *quiet.split()]
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL server of the tests' own."""
    try:
        cluster = Cluster()
        cluster.start()
    except NoPostgres as why:
        pytest.skip(str(why))
    yield cluster
    cluster.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without tables, of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'store.db'}"
        return
    cluster: Cluster = request.getfixturevalue("postgres")
    url = cluster.new_database()
    yield url
    cluster.give_back(url)


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def sample() -> recsys.Ratings:
    """The simulated data set of the repository."""
    return recsys.read_ratings(ROOT / "data" / "sample")


@pytest.fixture(scope="session")
def checkerboard() -> tuple[recsys.Ratings, dict[int, int]]:
    """20 users × 10 items: even users rated the even items, odd users the odd ones, except for one
    item each, which is the one to recommend. Returns ratings and user → held-out item."""
    rows, held_out = [], {}
    for user in range(20):
        own = [item for item in range(10) if item % 2 == user % 2]
        held_out[user] = own[(user // 2) % len(own)]
        rows += [(user, item, 1.0) for item in own if item != held_out[user]]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "rating"])
    return recsys.Ratings.from_frame(frame), held_out


@pytest.fixture
def random_ratings() -> recsys.Ratings:
    """A small random data set with string ids and a title each."""
    rng = np.random.default_rng(7)
    pairs = rng.random((30, 25)) < 0.3
    users, items = np.nonzero(pairs)
    frame = pd.DataFrame(
        {
            "user_id": [f"u{u:02d}" for u in users],
            "item_id": [f"i{i:02d}" for i in items],
            "rating": rng.integers(1, 6, len(users)).astype(float),
        }
    )
    table = pd.DataFrame(
        {"item_id": sorted(set(frame.item_id)), "title": [f"Film {i} (2000)" for i in range(25)]}
    )
    return recsys.Ratings.from_frame(frame, items=table)


def _real(name: str) -> Path:
    folder = REAL_DATA / name
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there; set RECSYS_TEST_DATA to the folder that holds {name}")
    return folder


@pytest.fixture(scope="session")
def ml_100k() -> Path:
    return _real("ml-100k")


@pytest.fixture(scope="session")
def steam() -> Path:
    return _real("steam")


@pytest.fixture(scope="session")
def retailrocket() -> Path:
    return _real("retailrocket")


@pytest.fixture(scope="session")
def book_crossing() -> Path:
    return _real("book-crossing")


@pytest.fixture(scope="session")
def ml_1m() -> Path:
    return _real("ml-1m")


@pytest.fixture(scope="session")
def ml_latest_small() -> Path:
    return _real("ml-latest-small")
