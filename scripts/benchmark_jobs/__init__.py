"""The jobs of scripts/benchmark.py: what is timed, on which data, against which libraries."""

from collections.abc import Callable, Iterator

from benchmark_jobs.case import Case, Setting
from benchmark_jobs.convergence import job_converge, job_halves, job_relaxation, job_steps
from benchmark_jobs.machine import job_growth, job_limits, job_threads
from benchmark_jobs.serving import job_evaluate, job_query, job_read, job_start, job_top_k
from benchmark_jobs.training import job_epoch, job_exact, job_explicit, job_large, job_memory
from benchmark_jobs.tuning import job_tune

JOBS: dict[str, Callable[[Setting], Iterator[Case]]] = {
    "limits": job_limits, "epoch": job_epoch, "exact": job_exact, "converge": job_converge,
    "steps": job_steps, "relaxation": job_relaxation, "halves": job_halves,
    "explicit": job_explicit,
    "top-k": job_top_k, "evaluate": job_evaluate, "query": job_query, "read": job_read,
    "memory": job_memory, "threads": job_threads, "growth": job_growth, "start": job_start,
    "large": job_large, "tune": job_tune,
}  # fmt: skip
"""Job by name, in the order of the table."""

__all__ = ["JOBS"]
