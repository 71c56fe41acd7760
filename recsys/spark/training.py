"""Spark's ALS behind the `fit` of a spec."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from recsys.csr import entry_rows
from recsys.models.alternating import require_finite
from recsys.models.common import FloatArray
from recsys.models.factors import Factors
from recsys.models.spark_als import SparkALS, SparkImplicitALS
from recsys.spark.session import translated

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from recsys.ratings.ratings import Ratings


def on_spark(spec: SparkALS, session: SparkSession) -> SparkALS:
    """The spec itself, whose `fit` has Spark train it.

    >>> on_spark(SparkImplicitALS(n_factors=32), session).fit(ratings)  # doctest: +SKIP
    Factors(spark-implicit-als, 943 users x 1,682 items, width 32)

    Args:
        spec: the model; what `fit` returns has it as its spec.
        session: where to train.
    """
    kind = type(spec)

    class Running(kind):  # type: ignore[misc, valid-type]
        def _fit(self, ratings: Ratings, *_: Any) -> Factors:
            return fitted(spec, ratings, session)

    return Running(**spec.values())


def fitted(spec: SparkALS, ratings: Ratings, session: SparkSession) -> Factors:
    """What Spark's ALS finds, with the users solved once more by our row problem.

    Raises:
        FitError: a number is not finite.
        EngineError: Spark fails.
    """
    from pyspark.ml.recommendation import ALS

    als = ALS(
        rank=spec.n_factors,
        maxIter=spec.n_epochs,
        regParam=spec.regularization,
        seed=spec.seed,
        implicitPrefs=isinstance(spec, SparkImplicitALS),
        alpha=getattr(spec, "alpha", 1.0),
        coldStartStrategy="nan",
    )
    with translated():
        model = als.fit(frame_of(ratings, session))
        y = _table(model.itemFactors, ratings.n_items, spec.n_factors)
    require_finite(y.sum(axis=1), ratings.items, spec.regularization)
    x, energy = spec.problem(y, ratings.matrix).solve()
    require_finite(energy, ratings.users, spec.regularization)
    return Factors.of(spec, ratings, x, y)


def frame_of(ratings: Ratings, session: SparkSession) -> DataFrame:
    """The ratings as a table of Spark: the rows of users and items, and values."""
    rows = entry_rows(ratings.matrix).astype(np.int32)
    columns = {"user": rows, "item": ratings.matrix.indices, "rating": ratings.matrix.data}
    return session.createDataFrame(pa.table(columns))


def _table(frame: DataFrame, n: int, width: int) -> FloatArray:
    # Spark knows rows with ratings only; the others have no factors.
    found: Any = frame.toArrow().combine_chunks()
    table = np.zeros((n, width), np.float32)
    ids: npt.NDArray[Any] = found.column("id").to_numpy()
    values = found.column("features").combine_chunks()
    table[ids] = values.flatten().to_numpy().reshape(len(ids), width)
    return table
