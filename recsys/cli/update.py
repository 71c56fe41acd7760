"""`recsys update`: new ratings for a model file."""

from __future__ import annotations

from recsys.app.reading import no_account
from recsys.app.update import Updated, UpdateRequest, update
from recsys.cli.derive import Given, options_of
from recsys.cli.options import Json
from recsys.cli.output import print_json, print_pairs, say, say_account
from recsys.ratings.account import counted


@options_of(UpdateRequest, without={UpdateRequest: ("duplicates",)})
def command(given: Given, json: Json = False) -> None:
    """Runs `recsys update`."""
    done = update(UpdateRequest(**given), no_account if json else say_account)
    if json:
        print_json(done.to_dict())
        return
    print_pairs(_lines(done))
    for remark in done.remarks:
        say(remark)
    say(f"finished in {done.seconds:.1f} s")


def _lines(done: Updated) -> dict[str, str]:
    joined = done.joined
    lines = {
        "added": ", ".join(
            counted(n, noun)
            for n, noun in (
                (joined.added, "rating"), (joined.users, "user"), (joined.items, "item"),
            )
        )
    }  # fmt: skip
    if joined.changed:
        lines["rated again"] = counted(joined.changed, "rating")
    return lines | {"drift": str(done.model.drift), "saved": str(done.path)}
