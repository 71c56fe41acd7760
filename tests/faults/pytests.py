"""Runs of pytest whose tests are counted as outcomes."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence

from faults.runs import ROOT
from faults.tally import CRASH, RAW, RIGHT, Outcome

_REPORTED = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:")


def outcomes(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[Outcome]:
    """An outcome for each test, and one more where the run ended badly or a sanitizer reports."""
    done = subprocess.run(
        [*command, "-q", "-c", "pyproject.toml", "--rootdir", ".", "-p", "no:cacheprovider"],
        cwd=ROOT, env=environment, capture_output=True, text=True, errors="replace", check=False,
    )  # fmt: skip
    counts = {kind: int(n) for n, kind in re.findall(r"(\d+) (passed|failed|error)", done.stdout)}
    for _ in range(counts.get("passed", 0)):
        yield Outcome(RIGHT)
    said = f"exit status {done.returncode}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    for _ in range(counts.get("failed", 0) + counts.get("error", 0)):
        yield Outcome(RAW, said)
    reported = _REPORTED.search(done.stdout + done.stderr)
    if reported or not counts.get("passed") or done.returncode not in (0, 1):
        yield Outcome(CRASH, said)
