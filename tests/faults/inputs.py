"""Mutated inputs: each reader gets damaged files, and what it makes of them is judged."""

from __future__ import annotations

import random
import shutil
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

from faults.formats import Files, Format
from faults.records import Unsure
from faults.tally import CLEAN, RAW, RIGHT, SILENT, Outcome

import recsys
from recsys.errors import RecsysError


def outcome_of(question: Callable[[], str], file: Path | None = None) -> Outcome:
    """What comes of a question that returns what is wrong with its answer, "" for nothing.

    Args:
        question: what is asked.
        file: what every error has to name.
    """
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            wrong = question()
        except RecsysError as error:
            said = str(error)
            if "\n" in said or not said or len(said) > 1000:
                return Outcome(RAW, f"not one line of less than 1,000 characters: {said[:300]!r}")
            if file is not None and str(file) not in said:
                return Outcome(RAW, f"does not name the file: {said}")
            return Outcome(CLEAN, said)
        except MemoryError as error:
            return Outcome(CLEAN, f"MemoryError: {error}")
        except Exception as error:
            return Outcome(RAW, f"{type(error).__name__}: {str(error)[:300]}")
    if wrong:
        return Outcome(SILENT, wrong)
    if warned:
        return Outcome(RAW, f"warns: {warned[0].message} ({warned[0].filename})")
    return Outcome(RIGHT)


def reader(form: Format, number: int, rng: random.Random) -> Outcome:
    """Reads one damaged data set of a format."""
    del number
    files = form.make(rng)
    first = next(iter(files))
    files[first] = form.damage(rng, files[first])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "data"
        folder.mkdir()
        for file, content in files.items():
            (folder / file).write_bytes(content)
        read: list[recsys.Ratings] = []
        where = folder if form.is_folder else folder / first
        outcome = outcome_of(lambda: read.append(recsys.read_ratings(where)) or "", where)  # type: ignore[func-returns-value]
        shutil.rmtree(folder, ignore_errors=True)
    if read and outcome.kind == RIGHT:
        outcome = _judged(form, files, read[0])
    if not outcome.is_good:
        return Outcome(outcome.kind, f"{outcome.detail}\n    {files[first][:400]!r}")
    return outcome


def _judged(form: Format, files: Files, ratings: recsys.Ratings) -> Outcome:
    try:
        wrong = form.wrong(next(iter(files.values())), ratings, files)
    except Unsure:
        return Outcome(RIGHT)
    return Outcome(SILENT, wrong) if wrong else Outcome(RIGHT)
