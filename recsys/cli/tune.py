"""`recsys tune`: the best of several models and their hyperparameters."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from recsys.app.reading import no_account
from recsys.app.tune import TuneRequest
from recsys.cli.derive import Given, options_of
from recsys.cli.options import Json
from recsys.cli.output import print_json, print_pairs, print_table, say, say_account, show
from recsys.cli.progress import training_progress

if TYPE_CHECKING:
    from recsys.app.tune import Tuned
    from recsys.evaluation.tuning.family import Trial
    from recsys.recommend.chosen import OnSearch, Searching

_SHOWN = 5  # of the best trials


@options_of(TuneRequest)
def command(given: Given, json: Json = False) -> None:
    """Runs `recsys tune`."""
    request = TuneRequest(**given)
    with training_progress(quiet=json) as (_, on_stage, on_search):
        from recsys.app.tune import run  # under the bar, because it takes a while

        on_trial = None if on_search is None else _saying_the_best(on_search)
        done = run(request, on_trial, on_stage, no_account if json else say_account)
    if json:
        print_json(done.to_dict())
    else:
        _print(done)
    if done.interrupted:
        say(f"the trials are in {done.folder}; run the same command again to resume")
        raise KeyboardInterrupt


def _saying_the_best(on_search: OnSearch) -> OnSearch:
    # The bar, and a line for each trial that is better than all before it.
    from recsys.evaluation.metrics import label_of

    said: list[float] = []

    def on_trial(searching: Searching) -> None:
        on_search(searching)
        if said[-1:] != [searching.best]:
            said.append(searching.best)
            what = f"{label_of(searching.metric)} {searching.best:.4f}"
            show(f"best after trial {searching.n_trials}: {what}, {searching.model}", sys.stderr)

    return on_trial


def _print(done: Tuned) -> None:
    from recsys.evaluation.metrics import label_of
    from recsys.evaluation.tuning.tuning import BEST, REPORT

    found = done.found
    label, (baseline, level) = label_of(found.metric), found.baseline
    rows = [(name, one.value, _settings(one)) for name, one in found.best_of_models.items()]
    if baseline not in found.best_of_models:
        rows.append((baseline, level, "for comparison"))
    n_trials = {name: sum(one.model == name for one in found.trials) for name, *_ in rows}
    columns: dict[str, list[Any]] = {
        "model": [name for name, *_ in rows],
        label: [value for _, value, _ in rows],
        "trials": [n_trials[name] or None for name, *_ in rows],
        "settings": [settings for *_, settings in rows],
    }
    print_table(columns, "Best of each model", {label: 4})
    shown = found.ranked[:_SHOWN]
    columns = {
        "trial": [trial.number + 1 for trial in shown],
        "model": [trial.model for trial in shown],
        label: [trial.value for trial in shown],
        "settings": [_settings(trial) for trial in shown],
    }
    print_table(columns, "Best trials", {label: 4})
    lines = {"report": str(done.folder / REPORT), "recipe": str(done.folder / BEST)}
    if done.saved is not None:
        lines["saved"] = str(done.saved)
    print_pairs(lines)
    for remark in found.record["remarks"]:
        say(remark)
    say(
        f"{label}: mean over {found.n_users:,} users of {found.n_parts} validation "
        f"part{'' if found.n_parts == 1 else 's'}. The score of the best of many trials is biased "
        "upwards; measure it on other ratings with recsys evaluate."
    )


def _settings(trial: Trial) -> str:
    from recsys.evaluation.tuning.page import in_words

    return in_words(trial)
