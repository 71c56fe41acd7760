"""From what catalogue on an approximate index pays: time of one question, recall, build, memory.

    scripts/index_break_even.py [MODEL...] [--items N,N,...] [--write]

One question at a time on one thread, with an index and without, in processor time. The items are
random directions whose lengths are log-normal: a spread of 0 is the cosine of items, 0.6 to 1 is
what implicit ALS gives. Of MODEL files both purposes are measured. `--write` puts the table into
docs/performance.md, with the lines of earlier runs that were not measured again.
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import recsys
from recsys import provenance
from recsys.recommend.approximate import PURPOSES, About, ApproximateIndex, build, indexes_of
from recsys.recommend.index import ExactIndex, Index

PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
START, END = "<!-- index break-even -->", "<!-- end of index break-even -->"
HEAD = (
    "| items | f | spread | multiplications of the exact search | exact, ms | index, ms "
    "| recall | candidates | built in, s | graph, MB |\n|---|---|---|---|---|---|---|---|---|---|"
)
QUERIES = 300
BUILT_ANYWAY = 100_000  # items, up to which an index is measured also where it does not pay
FloatArray = npt.NDArray[np.float32]


def world(n: int, width: int, spread: float) -> tuple[FloatArray, FloatArray]:
    """Items (n, width) around 200 directions, of log-normal lengths, and as many queries."""
    rng = np.random.default_rng(0)
    scale = 1 / np.sqrt(1 + np.arange(width))
    centers = rng.standard_normal((200, width)) * scale

    def around(count: int) -> Any:
        noise = rng.standard_normal((count, width)) * scale
        return 0.7 * centers[rng.integers(0, 200, count)] + noise

    items, queries = around(n), around(2 * QUERIES)
    lengths = np.exp(rng.normal(0, spread, n))
    items *= (lengths / np.linalg.norm(items, axis=1))[:, None]
    return items.astype(np.float32), queries.astype(np.float32)


def milliseconds(index: Index, queries: FloatArray) -> float:
    """Median processor time of one question."""
    spent = []
    for query in queries[:QUERIES]:
        started = time.thread_time()
        index.search(query[None], 10, n_threads=1)
        spent.append(time.thread_time() - started)
    return 1e3 * float(np.median(spent[1:]))


def cells(
    name: str, exact: Index, found: ApproximateIndex | None, about: About, queries: FloatArray,
    seconds: float,
) -> list[str]:  # fmt: skip
    """One line of the table."""
    line = [f"{about.n_items:,}", str(about.width - 1), name, f"{about.work:,.0f}"]
    line.append(f"{milliseconds(exact, queries):.3f}")
    if found is None:
        return [*line, "–", "–", "–", "–", "–"]
    size = len(found.to_bytes()) / 1e6
    return [
        *line, f"{milliseconds(found, queries):.3f}", f"{about.recall:.3f}", str(about.expansion),
        f"{seconds:.1f}", f"{size:.0f}",
    ]  # fmt: skip


def processor_time(work: Callable[[], Any]) -> tuple[Any, float]:
    """What the work returns, and the seconds it takes."""
    started = time.process_time()
    return work(), time.process_time() - started


def synthetic(sizes: list[int], widths: list[int], spreads: list[float]) -> Iterator[list[str]]:
    """Lines of random items."""
    for width in widths:
        for spread in spreads:
            for n in sizes:
                items, queries = world(n, width, spread)
                bias = np.zeros(n, np.float32)
                always = n <= BUILT_ANYWAY
                work = partial(build, items, bias, queries, "recommend", always=always)
                (found, about), seconds = processor_time(work)
                exact = ExactIndex(items)
                yield cells(f"{spread:g}", exact, found, about, queries, seconds)


def of_model(path: str) -> Iterator[list[str]]:
    """Lines of the two purposes of a model."""
    model = recsys.load(path)
    found, seconds = processor_time(lambda: indexes_of(model, always=True))
    for purpose in PURPOSES:
        index, about = found[purpose]
        if purpose == "recommend":
            exact, queries = model.index, model.factors.user_factors
        else:
            queries = model.factors.item_directions
            exact = ExactIndex(queries)
        name = f"{Path(path).stem}, {purpose}"
        yield cells(name, exact, index, about, queries[:QUERIES], seconds / 2)


def write(lines: list[list[str]]) -> None:
    """Puts the lines into the page, in place of those of the same items, width and spread."""
    page = PAGE.read_text()
    before, _, rest = page.partition(START)
    inside, _, after = rest.partition(END)
    numbers = [row for row in inside.splitlines() if row[2:3].isdigit()]
    earlier = [re.split(r" *\| *", row.strip("| ")) for row in numbers]
    kept = {tuple(line[:3]): line for line in [*earlier, *lines]}
    rows = sorted(
        kept.values(), key=lambda one: (int(one[1]), one[2], int(one[0].replace(",", "")))
    )
    made_with = ", ".join(f"{k} {v}" for k, v in provenance.machine().items())
    table = "\n".join([HEAD, *(f"| {' | '.join(row)} |" for row in rows)])
    PAGE.write_text(f"{before}{START}\n{table}\n\nMeasured on: {made_with}.\n{END}{after}")


def main() -> None:
    """Checks the arguments, measures, prints and writes."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    made.add_argument("models", nargs="*", metavar="MODEL", help="model files")
    made.add_argument("--items", default="10000,26000,100000", help="sizes of catalogues")
    made.add_argument("--factors", default="64,128", help="widths")
    made.add_argument("--spreads", default="0,0.3,0.6,1", help="of the lengths of items")
    made.add_argument("--write", action="store_true", help=f"write the table into {PAGE.name}")
    options = made.parse_args()
    print(HEAD)
    lines = []
    sizes, widths = (
        [int(part) for part in text.split(",") if part] for text in (options.items, options.factors)
    )
    spreads = [float(part) for part in options.spreads.split(",")]
    for source in (*map(of_model, options.models), synthetic(sizes, widths, spreads)):
        for line in source:
            lines.append(line)
            print(f"| {' | '.join(line)} |", flush=True)
            if options.write:
                write(lines)


if __name__ == "__main__":
    main()
