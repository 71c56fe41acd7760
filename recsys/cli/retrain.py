"""`recsys retrain`: the model in service, trained again on the ratings in a store."""

from __future__ import annotations

from recsys.app.reading import no_account
from recsys.app.retrain import Retrained, Watching, retrain
from recsys.app.retrain_request import RetrainRequest
from recsys.cli.derive import Given, options_of
from recsys.cli.options import Json
from recsys.cli.output import described_spec, number, print_json, print_pairs, say_account
from recsys.cli.progress import training_progress
from recsys.errors import GateError, GateUndecidedError


@options_of(RetrainRequest)
def command(given: Given, json: Json = False) -> None:
    """Runs `recsys retrain`."""
    request = RetrainRequest(**given)
    with training_progress(quiet=json) as (on_epoch, on_stage, on_search):
        on_account = no_account if json else say_account
        done = retrain(request, Watching(on_epoch, on_stage, on_account, on_search))
    if json:
        print_json(done.to_dict())
    else:
        print_pairs(_lines(done))
    if done.outcome == "refused" and done.gate is not None:
        kind = GateError if done.gate.decision == "closed" else GateUndecidedError
        raise kind(done.gate.sentence)


def _lines(done: Retrained) -> dict[str, str]:
    lines = {}
    if done.version is not None:
        recipe = done.version.recipe or {}
        model, settings = described_spec(recipe["spec"], "{:g}".format)
        lines["data"] = (
            f"{number(done.account['users'])} users, {number(done.account['items'])} items, "
            f"{number(done.account['ratings'])} ratings"
        )
        lines["model"] = f"{model} ({settings})" if settings else model
    if done.gate is not None and done.outcome != "refused":
        lines["gate"] = done.gate.sentence.removeprefix("gate ")
        for remark in done.gate.remarks:
            lines["remark"] = remark
    lines["result"] = done.sentence
    if done.version is not None:
        lines["saved"] = str(done.version.file)
    if done.purged:
        lines["deleted"] = "versions " + ", ".join(str(one.version) for one in done.purged)
    return lines
