"""`ApproximateIndex`: the best items through a graph of neighbours, for very large catalogues.

The exact search stops at the items that are too short to reach the list, which leaves it little to
do where lengths differ, as they do for the items of a factorization that was trained on feedback.
Where they do not, as between directions (cosine), it has to look at all of them, and a graph wins.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from recsys.errors import ArgumentError, ModelError
from recsys.models.common import FloatArray, Rows
from recsys.recommend.index import ExactIndex, Excluded, Found
from recsys.recommend.similarity import normalized
from recsys.visible import brief

Purpose = Literal["recommend", "similar"]
"""What an index is for: scores of people, or the cosine of items."""
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)

PAYS_FROM = 3_000_000
"""Multiplications of an exact search from which an index pays; docs/performance.md measures it."""

_K = 10  # length of the lists that recall is measured on
_QUERIES = 1000  # that it is measured on
_EXPANSIONS = (32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
_LINKS = 16  # of each item
_BUILDING = 128  # candidates while the graph is built
_MOST = 2048  # candidates asked for; beyond, the exact search takes less time
_LEAST_SHARE = 0.1  # of all items that a filter must leave
_SPARE = 1.3  # times as many candidates as are needed on average
_MISSING = "an approximate index needs usearch: pip install 'recsys-mf[ann]'"


@dataclass(frozen=True)
class About:
    """What was measured when an index was built."""

    purpose: Purpose
    n_items: int
    width: int
    """Coordinates of an item, its bias among them."""
    work: float
    """Multiplications that the exact search needs, mean of the queries."""
    approximate: bool
    """Whether there is a graph; without one, every search is exact."""
    why: str = ""
    """Why there is none."""
    expansion: int = 0
    """Candidates that a search of the graph keeps."""
    recall: float = 1.0
    """Share of the exact best 10 that are found, mean of `n_queries` others than those which chose
    the expansion."""
    n_queries: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)


class ApproximateIndex:
    """Searches a graph, and scores exactly what it finds; see `recsys.recommend.index.Index`.

    The graph links items by their inner product (Morozov, Babenko 2018). Nothing excluded is
    returned. The exact search answers where a filter or what is excluded leaves the graph too few
    items, and where all scores are equal.
    """

    def __init__(self, vectors: FloatArray, bias: FloatArray, graph: Any, about: About) -> None:
        self.about = about
        self._vectors, self._bias, self._graph = vectors, bias, graph
        self._allowed: tuple[Rows | None, npt.NDArray[np.bool_] | None] = None, None

    @cached_property
    def _exact(self) -> ExactIndex:
        # Made, and a copy of the items, only where a question needs it.
        return ExactIndex(self._vectors, self._bias)

    def search(
        self,
        queries: FloatArray,
        k: int,
        excluded: Excluded | None = None,
        candidates: Rows | None = None,
        n_threads: int | None = None,
    ) -> Found:
        """The k best items of each query (n, f); see `Index`."""
        n, n_items = len(queries), len(self._vectors)
        if excluded is None:
            excluded = np.zeros(n + 1, np.int64), np.zeros(0, np.int32)
        elif not isinstance(excluded, tuple):
            excluded = excluded.indptr, excluded.indices
        starts, columns = excluded
        left = n_items if candidates is None else len(candidates)
        wanted = (min(k, left) + np.diff(starts)) * (n_items / max(1, left))
        asked = np.ceil(wanted if candidates is None else _SPARE * wanted).astype(np.int64)
        there = (asked <= _MOST) & queries.any(axis=1) & (left >= _LEAST_SHARE * n_items)
        rows, scores = np.full((n, k), -1, np.int32), np.full((n, k), np.nan, np.float32)
        open_ = list(np.flatnonzero(~there))
        for at in np.flatnonzero(there):
            out = columns[starts[at] : starts[at + 1]]
            found = self._near(queries[at], int(asked[at]), out, candidates)[:k]
            if len(found) < min(k, left):  # fewer may be left; only the exact search knows
                open_.append(at)
                continue
            exact = self._vectors[found] @ queries[at] + self._bias[found]
            order = np.lexsort((found, -exact))
            rows[at, : len(found)], scores[at, : len(found)] = found[order], exact[order]
        if open_:
            them = np.array(sorted(open_))
            parts = [columns[starts[at] : starts[at + 1]] for at in them]
            left_out = np.cumsum([0, *map(len, parts)]), np.concatenate(parts)
            rows[them], scores[them] = self._exact.search(
                queries[them], k, left_out, candidates, n_threads
            )
        return rows, scores

    def _near(
        self, query: FloatArray, n: int, excluded: Rows, candidates: Rows | None
    ) -> npt.NDArray[np.int64]:
        # What the graph finds and the question allows, best first.
        keys = self._graph.search(_with_one(query), n, threads=1).keys
        found: npt.NDArray[np.int64] = keys.astype(np.int64)
        if candidates is not None:
            found = found[self._mask(candidates)[found]]
        return found[~np.isin(found, excluded)] if len(excluded) else found

    def _mask(self, candidates: Rows) -> npt.NDArray[np.bool_]:
        given, mask = self._allowed
        if given is not candidates or mask is None:
            mask = np.zeros(len(self._vectors), bool)
            mask[candidates] = True
            self._allowed = candidates, mask  # one tuple, because others may be searching
        return mask

    def to_bytes(self) -> npt.NDArray[np.uint8]:
        """The graph, for a file."""
        return np.frombuffer(bytes(self._graph.save()), np.uint8)


def build(
    vectors: FloatArray,
    bias: FloatArray,
    queries: FloatArray,
    purpose: Purpose,
    recall: float = 0.99,
    *,
    excluded: tuple[Rows, Rows] | None = None,
    always: bool = False,
) -> tuple[ApproximateIndex | None, About]:
    """An index over items, and what was measured; None where the exact search is as good.

    The number of candidates is the least with the wanted recall on half of the queries; the recall
    that is said is that on the other half. One thread builds the graph, so that the same items give
    the same graph.

    Args:
        vectors: (n_items, f) float32.
        bias: (n_items,) float32, added to each score.
        queries: (n, f) vectors of real people or items.
        purpose: what the index is for.
        recall: the share of the exact best 10 that is to be found.
        excluded: row starts and columns of what each query leaves out.
        always: build it also where it does not pay.

    Raises:
        ArgumentError: the recall is not between 0 and 1.
        ModelError: usearch is not installed.
    """
    if not isinstance(recall, int | float) or not 0 < recall <= 1:
        raise ArgumentError(f"recall must lie above 0 and at most 1, not {brief(recall)}")
    exact, width = ExactIndex(vectors, bias), vectors.shape[1] + 1
    truth, scores = exact.search(queries, min(_K, len(vectors)), excluded)
    work = _work(vectors, bias, queries, scores[:, -1]) * width
    measured: dict[str, Any] = {"work": work, "n_items": len(vectors), "width": width}
    if work < PAYS_FROM and not always:
        why = (
            f"the exact search needs {work:,.0f} multiplications; an index is faster from "
            f"{PAYS_FROM:,}"
        )
        return None, About(purpose, approximate=False, why=why, **measured)
    graph = _graph(width)
    graph.add(np.arange(len(vectors)), np.column_stack([vectors, bias]), threads=1)
    halves = [slice(None, len(queries) // 2), slice(len(queries) // 2, None)]
    chosen, others = ((queries[part], truth[part], _rows_of(excluded, part)) for part in halves)
    for expansion in _EXPANSIONS:
        graph.expansion_search = expansion
        about = About(purpose, approximate=True, expansion=expansion, **measured)
        found = ApproximateIndex(vectors, bias, graph, about)
        if recall_of(found, *chosen) >= recall:
            reached = recall_of(found, *others)
            found.about = About(**asdict(about) | {
                "recall": reached, "n_queries": len(others[0]),
            })  # fmt: skip
            return found, found.about
    why = f"no graph with up to {_EXPANSIONS[-1]} candidates finds {recall:.1%} of the best"
    return None, About(purpose, approximate=False, why=why, **measured)


def recall_of(
    index: ApproximateIndex,
    queries: FloatArray,
    truth: npt.NDArray[np.int32],
    excluded: tuple[Rows, Rows] | None = None,
) -> float:
    """Share of the items of each list (n, k) that the index finds, mean of the queries."""
    found, _ = index.search(queries, truth.shape[1], excluded)
    same = [np.isin(mine, its).mean() for mine, its in zip(truth, found, strict=True)]
    return float(np.mean(same)) if same else 1.0


def _rows_of(excluded: tuple[Rows, Rows] | None, part: slice) -> tuple[Rows, Rows] | None:
    if excluded is None:
        return None
    starts = excluded[0][part.start : None if part.stop is None else part.stop + 1]
    return starts - starts[0], excluded[1][starts[0] : starts[-1]]


def restored(
    vectors: FloatArray, bias: FloatArray, graph: npt.NDArray[np.uint8], about: About
) -> ApproximateIndex:
    """The index that `to_bytes` and its `about` describe.

    Raises:
        ValueError: they do not describe one of these items.
        ModelError: usearch is not installed.
    """
    found = _graph(about.width)
    try:
        found.load(graph.tobytes())
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"no graph: {error}") from None
    shape = vectors.shape[0], vectors.shape[1] + 1
    if (len(found), found.ndim) != shape or (about.n_items, about.width) != shape:
        raise ValueError(f"a graph of {len(found)} × {found.ndim}, but the items are {shape}")
    found.expansion_search = about.expansion
    return ApproximateIndex(vectors, bias, found, about)


def checksum(vectors: FloatArray, bias: FloatArray) -> str:
    """SHA-256 of the items, by which a file of an index knows them."""
    digest = hashlib.sha256(np.ascontiguousarray(vectors).data)
    digest.update(np.ascontiguousarray(bias).data)
    return digest.hexdigest()


def items_of(model: Any, purpose: Purpose) -> tuple[FloatArray, FloatArray]:
    """Vectors (n_items, f) and bias (n_items,) of the items for a purpose.

    Raises:
        ModelError: the model has no factors.
    """
    vectors = model.fitted.item_vectors
    if vectors is None or not model.fitted.n_factors:
        raise ModelError(f"{model.fitted.spec.name} has no factors, so there is nothing to index")
    if purpose == "similar":
        return normalized(vectors[0]), np.zeros(len(vectors[0]), np.float32)
    bias = np.zeros(len(vectors[0]), np.float32) if vectors[1] is None else vectors[1]
    return np.asarray(vectors[0], np.float32), np.asarray(bias, np.float32)


def indexes_of(
    model: Any, recall: float = 0.99, *, always: bool = False
) -> Mapping[Purpose, tuple[ApproximateIndex | None, About]]:
    """An index for each purpose; see `build`. The queries are stored people, and items."""
    rng = np.random.default_rng(0)
    found = {}
    for purpose in PURPOSES:
        vectors, bias = items_of(model, purpose)
        if purpose == "similar":
            rows = _sample(rng, np.flatnonzero(vectors.any(axis=1)))
            queries = vectors[rows]
            excluded: tuple[Rows, Rows] | None = (np.arange(len(rows) + 1), rows)
        else:
            queries, excluded = _people(model, rng)
        found[purpose] = build(
            vectors, bias, queries, purpose, recall, excluded=excluded, always=always
        )
    return found


def _people(model: Any, rng: np.random.Generator) -> tuple[FloatArray, tuple[Rows, Rows] | None]:
    # Users about whom the model knows something, and what they have seen.
    known = np.flatnonzero(~model.fitted.indifferent(model.fitted.people(slice(None), None)))
    rows = _sample(rng, known)
    queries = model.fitted.queries(model.fitted.people(rows, None))[0]
    if model.history is None:
        return queries, None
    seen = model.history[rows]
    return queries, (seen.indptr, seen.indices)


def _sample(rng: np.random.Generator, rows: Rows) -> npt.NDArray[np.int64]:
    return np.sort(rng.choice(rows, min(_QUERIES, len(rows)), replace=False))


def _work(vectors: FloatArray, bias: FloatArray, queries: FloatArray, least: FloatArray) -> float:
    # Items that could reach the list by their length, mean of the queries: the others are skipped.
    lengths = np.linalg.norm(vectors, axis=1)
    reach = [
        np.count_nonzero(lengths * np.linalg.norm(query) + bias >= last)
        for query, last in zip(queries, least, strict=True)
    ]
    return float(np.mean(reach)) if reach else 0.0


def _with_one(query: FloatArray) -> FloatArray:
    # Times the bias, the last coordinate of each item.
    return np.append(query, np.float32(1)).astype(np.float32)


def _graph(width: int) -> Any:
    try:
        from usearch.index import Index
    except ImportError:
        raise ModelError(_MISSING) from None
    make: Callable[..., Any] = Index
    return make(ndim=width, metric="ip", dtype="f32", connectivity=_LINKS, expansion_add=_BUILDING)
