"""Lists for everybody, ranked by our kernel on the machines of a cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from recsys.spark.session import translated

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import SparkSession

    from recsys.recommend.recommender import Recommender

Content = Callable[["Recommender", int, npt.NDArray[Any]], bytes]
"""From a model, the number of a block and its users to what is written of it."""

_PER_CORE = 4  # blocks that a core ranks: few enough to start quickly, enough to even out


def ranked(
    session: SparkSession,
    model: str,
    content: Content,
    wanted: Iterable[tuple[int, npt.NDArray[Any]]],
) -> Iterator[tuple[int, bytes]]:
    """What `content` makes of each block of users, in any order.

    The model file is sent to each machine once. Its arrays are mapped, so that the processes of a
    machine share them. The machines need this package in the Python that PYSPARK_PYTHON names.

    Args:
        session: where to rank.
        model: the model file.
        content: what to make of a block; it travels to the machines.
        wanted: blocks, by number.

    Raises:
        EngineError: Spark fails.
    """
    pairs = list(wanted)
    if not pairs:
        return
    file = Path(model).name
    blocks = pa.table(
        {"block": pa.array([block for block, _ in pairs], pa.int64()),
         "users": pa.array([users.tolist() for _, users in pairs])}
    )  # fmt: skip

    def rank(frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        import pandas as pd
        from pyspark import SparkFiles

        from recsys.store.model_file import load

        os.environ["RECSYS_NUM_THREADS"] = "1"  # each core has a process of its own
        loaded = load(SparkFiles.get(file))
        for frame in frames:
            for block, users in zip(frame["block"], frame["users"], strict=True):
                made = content(loaded, int(block), np.asarray(users))
                yield pd.DataFrame({"block": [block], "content": [made]})

    with translated():
        session.sparkContext.addFile(model)
        n = min(len(pairs), _PER_CORE * session.sparkContext.defaultParallelism)
        spread = session.createDataFrame(blocks).repartition(n, "block")
        made = spread.mapInPandas(rank, "block long, content binary")
        for row in made.toLocalIterator(prefetchPartitions=True):
            yield int(row["block"]), bytes(row["content"])
