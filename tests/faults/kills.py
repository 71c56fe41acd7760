"""Kills: SIGKILL and SIGTERM at random moments of every command that writes."""

from __future__ import annotations

import random
import signal

from faults.runs import Done
from faults.stage import STAGES, Stage
from faults.tally import CLEAN, RIGHT, SILENT, Outcome

AT_AN_OPERATION = 0.75
"""Share of kills at an operation on a file; the others come at any time of the run."""


def attack(number: int, rng: random.Random) -> Outcome:
    """Kills one command once."""
    stage = STAGES.of(number)
    old = rng.random() < 0.6 and not stage.writer.once
    number_of_signal = rng.choice([signal.SIGKILL, signal.SIGTERM])
    took, n_operations = stage.undisturbed
    stage.reset(old)
    if rng.random() < AT_AN_OPERATION and not stage.writer.only_timed:
        do = "kill" if number_of_signal == signal.SIGKILL else "term"
        at = rng.randint(1, n_operations)
        when = f"operation {at} of {n_operations}"
        done = stage.run({"DO": do, "AT": at})
    else:
        delay = rng.uniform(0, took)
        when = f"after {delay:.2f} of {took:.2f} s"
        done = stage.run(after=(delay, number_of_signal))
    found = judged(stage, done, number_of_signal, old)
    about = f"{stage.writer.name}, {number_of_signal.name} at {when}"
    return Outcome(found.kind, f"{about}: {found.detail}")


def judged(stage: Stage, done: Done, sent: signal.Signals, old: bool) -> Outcome:
    """What became of a command that got a signal."""
    killed = done.code == -signal.SIGKILL
    wrong = stage.wrong_files(old, may_leave=killed)
    if wrong:
        return Outcome(SILENT, f"exit code {done.code}, {done.err[-400:]!r}: {wrong}")
    # Before Python runs the command, SIGTERM ends it by itself.
    ends = {signal.SIGKILL: (-9,), signal.SIGTERM: (143, -15)}[sent]
    if done.timed_out or done.code not in (0, *ends):
        found = done.outcome
        is_good = found.is_good
        return Outcome(SILENT, f"exit code {done.code}: {found.detail}") if is_good else found
    lines = [line for line in done.err.splitlines() if line.startswith("recsys: ")]
    if done.code == 143 and (len(lines) != 1 or "terminated" not in lines[0]):
        return Outcome(SILENT, f"says {done.err[-300:]!r}")
    if "Traceback" in done.err or "Exception ignored" in done.err:
        return Outcome("raw", done.err[-600:])
    if killed:
        mended = stage.mended()
        if mended.kind != RIGHT:
            return mended
    return Outcome(RIGHT if done.code == 0 else CLEAN)
