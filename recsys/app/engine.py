"""Where the work of a command is done: by this process, or by Apache Spark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from recsys.errors import ArgumentError
from recsys.settings import option

if TYPE_CHECKING:
    from recsys.evaluation.protocol.parallel import Elsewhere
    from recsys.ratings.ratings import Ratings
    from recsys.ratings.source import Source

LOCAL, SPARK = "local", "spark"
ON_SPARK = "implicit-als", "explicit-als"
"""Models that Spark trains, in its own form: `spark-implicit-als`, `spark-explicit-als`."""
MASTER = "local[*]"
"""Where Spark runs unless something else is named: on all cores of this machine."""


def engine_field() -> Any:
    """The option `engine`."""
    return option(
        LOCAL,
        choices=(LOCAL, SPARK),
        meaning="What runs the computation: this process, or Apache Spark.",
    )


def master_field() -> Any:
    """The option `master`."""
    return option(
        None,
        metavar="URL",
        meaning="Where Spark runs: local[*], spark://HOST:PORT, yarn or k8s://HOST.",
        default_text=MASTER,
    )


def check_engine(engine: str, master: str | None, checkpoint: str | None = None) -> None:
    """Raises ArgumentError where there is a master and no Spark, or a checkpoint and Spark."""
    if engine != SPARK and master is not None:
        raise ArgumentError(f"master is for --engine {SPARK}")
    if engine == SPARK and checkpoint is not None:
        raise ArgumentError(
            f"checkpoint cannot be used with engine {SPARK}, which recomputes lost work by itself"
        )


def name_on(engine: str, model: str) -> str:
    """The name of a model where it is trained by an engine.

    Raises:
        ArgumentError: the engine does not train it.
    """
    if engine != SPARK:
        return model
    if model not in ON_SPARK:
        raise ArgumentError(f"engine {SPARK} trains {' and '.join(ON_SPARK)}, not {model}")
    return f"{SPARK}-{model}"


@dataclass(frozen=True)
class Engine:
    """What reads and trains."""

    read: Callable[[Source], Ratings]
    running: Callable[[Any], Any]
    """From a spec to one whose `fit` runs there."""
    elsewhere: Elsewhere | None = None
    """What does the jobs of an evaluation; None for this process."""


@contextmanager
def engine_of(name: str, master: str | None, ratings: str) -> Iterator[Engine]:
    """The engine of this name, while the block runs.

    Args:
        name: `local` or `spark`.
        master: where Spark runs.
        ratings: what will be read.

    Raises:
        ArgumentError: Spark or Java is not installed.
        EngineError: Spark does not start.
    """
    from recsys.ratings.readers import read

    if name != SPARK:
        yield Engine(read, lambda spec: spec)
        return
    from recsys.spark.evaluating import outcomes
    from recsys.spark.reading import is_database
    from recsys.spark.reading import read as read_by_spark
    from recsys.spark.session import session
    from recsys.spark.training import on_spark

    with session(master or MASTER, databases=is_database(ratings)) as found:
        yield Engine(
            partial(read_by_spark, session=found),
            partial(on_spark, session=found),
            partial(outcomes, session=found),
        )
