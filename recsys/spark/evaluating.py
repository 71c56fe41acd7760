"""Evaluation on a cluster: machines fit and measure models, with the numbers of one machine."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from recsys import processes
from recsys.evaluation.protocol.jobs import Job, Outcome, Run, Watching, outcome
from recsys.evaluation.protocol.parallel import SplitJobs
from recsys.models.kept import NOTHING
from recsys.spark.session import folder_of, translated

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_number = count()


def outcomes(
    folds: Iterable[Sequence[Job]], session: SparkSession
) -> Iterator[tuple[Job, Outcome]]:
    """Each job with its measurement, or why it failed, in order.

    Each machine gets the ratings of a split once, and maps them. A fit uses one core. The machines
    need this package in the Python that PYSPARK_PYTHON names.

    Args:
        folds: the jobs on each split.
        session: where to do them.

    Raises:
        ArgumentError: a model cannot be sent to another machine.
        EngineError: Spark fails.
    """
    context = session.sparkContext
    for jobs in folds:
        with translated():
            file = folder_of(session) / f"split-{next(_number)}"
            processes.write(SplitJobs(jobs[0].prepared, [job.contender for job in jobs]), file)
            for path in (file, *file.parent.glob(f"{file.name}.*")):
                context.addFile(str(path))
            orders = [(i, job.run, job.sampled_negatives) for i, job in enumerate(jobs)]
            name = file.name

            def work(order: tuple[int, Run, int], name: str = name) -> Outcome:
                return _worked(name, *order)

            found = context.parallelize(orders, len(orders)).map(work).collect()
        yield from zip(jobs, found, strict=True)


def _worked(name: str, i: int, run: Run, sampled_negatives: int) -> Outcome:
    # On a machine of the cluster, where each core has a process of its own.
    os.environ["RECSYS_NUM_THREADS"] = "1"
    prepared, contenders = _opened(name)
    job = Job(run, contenders[i], prepared, sampled_negatives, NOTHING)
    return outcome(job, Watching(lambda model, split: None))


@lru_cache(1)
def _opened(name: str) -> SplitJobs:
    from pyspark import SparkFiles

    found: SplitJobs = processes.read(Path(SparkFiles.get(name)))
    return found
