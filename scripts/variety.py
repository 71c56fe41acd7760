#!/usr/bin/env python3
"""What each way of re-ranking changes, and what that costs.

    scripts/variety.py data/ml-1m              two minutes on two cores
    scripts/variety.py data/ml-1m --write      and write the table into docs/evaluation.md

A model is trained on a random nine tenths of the ratings. Its lists are measured on the last tenth
as they are, and re-ranked in each way with several strengths. Intervals are over users.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from benchmark_tables import replace_between_marks, row

import recsys
from recsys.evaluation.evaluation import Evaluation
from recsys.evaluation.protocol.reranked import with_rerankings
from recsys.models.registry import make_spec
from recsys.recommend.rerank.ways import parse

PAGE = Path("docs/evaluation.md")
MARKS = "<!-- variety -->", "<!-- /variety -->"
OWN = {"mmr": "diversity", "dpp": "diversity", "calibrated": "calibration",
       "less-popular": "popularity"}  # fmt: skip
"""The measure that each way is for."""
STRENGTHS = (0.1, 0.3, 0.5)


def lines(found: Evaluation, model: str, ways: list[str]) -> Iterator[str]:
    """The table, way by way."""
    measures = list(dict.fromkeys(OWN.values()))
    accuracy = f"ndcg@{found.k}"
    yield row(
        ("lists", accuracy, f"change of {accuracy}, %", *measures, "own measure of the method")
    )
    yield "|---" * (4 + len(measures)) + "|"
    plain = found.of(model, accuracy)["mean"]
    for way in ("", *ways):
        name = f"{model} {way}".strip()
        means = [found.of(name, f"{one}@{found.k}")["mean"] for one in measures]
        cells = [f"{value:,.0f}" if value > 100 else f"{value:.3f}" for value in means]
        apart, own = "", ""
        if way:
            cost = found.comparison(accuracy, name, model)
            values = [100 * cost[part] / plain for part in ("difference", "low", "high")]
            apart = "{:+.1f} [{:+.1f}, {:+.1f}]".format(*values)
            measure = f"{OWN[way.partition('=')[0]]}@{found.k}"
            moved = found.comparison(measure, name, model)
            base = found.of(model, measure)["mean"]
            values = [100 * moved[part] / base for part in ("difference", "low", "high")]
            own = "{} {:+.1f} % [{:+.1f}, {:+.1f}]".format(measure.partition("@")[0], *values)
        shown = f"`{way}`" if way else "as they are"
        yield row((shown, f"{found.of(name, accuracy)['mean']:.4f}", apart, *cells, own))


def main() -> None:
    """Prints the table, and writes it if asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("ratings", type=Path, help="ratings with genres")
    parser.add_argument("--model", default="implicit-als", help="default: %(default)s")
    parser.add_argument("--write", action="store_true", help="write the table into the page")
    options = parser.parse_args()
    ratings = recsys.read_ratings(options.ratings)
    ways = [parse(f"{name}={strength}") for name in OWN for strength in STRENGTHS]
    found = recsys.evaluate(
        with_rerankings({options.model: make_spec(options.model)}, ways),
        recsys.splits.random(ratings, test=0.1, seed=0),
        feedback="ones",
        on_model=lambda name, *_: print(name, flush=True),
    )
    body = "\n".join(lines(found, options.model, [str(way) for way in ways]))
    print(body)
    if options.write:
        replace_between_marks(PAGE, body + "\n", MARKS)


if __name__ == "__main__":
    main()
