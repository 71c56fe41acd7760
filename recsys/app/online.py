"""How the versions of a model do in service: what people did with the lists they were served."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys.app.in_store import InStore, age_of
from recsys.errors import ArgumentError
from recsys.files import output_file, write_text
from recsys.settings import option

if TYPE_CHECKING:
    import pandas as pd

    from recsys.evaluation.online.rates import Online

REPORTS = (".html", ".json")


@dataclass(frozen=True, kw_only=True)
class OnlineRequest(InStore):
    """Which lists to look at."""

    since: str = option(
        "30d", metavar="TIME", meaning="Only lists served within this time: 30d, 12h, ..."
    )
    within: str = option(
        "7d",
        metavar="TIME",
        meaning="A list is a hit if the user clicks or rates one of its items within this time.",
    )
    name: str | None = option(
        None, metavar="NAME", meaning="Only versions of this model.", default_text="all"
    )
    against: str | None = option(
        None,
        metavar="VERSION",
        meaning="Version to compare the others with.",
        default_text="the one with the most lists",
    )
    report: str | None = option(None, metavar="FILE", meaning="Report to write: .html or .json.")


@dataclass(frozen=True)
class OnlineReport:
    """The rates of each version, and what was looked at."""

    online: Online
    since: float
    """Seconds since 1970."""
    within: float
    """Seconds."""
    file: Path | None = None
    """The report that was written."""

    def to_html(self) -> str:
        """The report as one page."""
        from recsys.evaluation.online.page import page

        return page(self.online, self.since, self.within)

    def to_json(self) -> str:
        """The report as one JSON document."""
        return json.dumps(self.to_dict(), indent=2) + "\n"

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {"since": self.since, "within": self.within} | self.online.to_dict()


def online(request: OnlineRequest, now: float | None = None) -> OnlineReport:
    """The rates of each version that served, with intervals and differences.

    Raises:
        ArgumentError: a time is none, or the version to compare with served nothing.
        StoreError: the store cannot be used.
    """
    from recsys.evaluation.online.rates import measured

    since = (time.time() if now is None else now) - age_of(request.since, "since")
    within = age_of(request.within, "within")
    file = None if request.report is None else output_file(request.report, "report", REPORTS)
    with request.opened() as store:
        lists, feedback = store.lists(since)
        if request.name is not None:
            own = {str(one.version) for one in store.models.list(request.name)}
            lists = lists[lists["model"].isin(own)]
        rated = store.rated_since(since)
    versions = sorted(lists["model"].unique())
    if request.against is not None and request.against not in versions:
        did = f"; {', '.join(versions)} have" if versions else ""
        raise ArgumentError(f"version {request.against} has served no list in this time{did}")
    done = outcomes(lists, feedback, rated, within)
    found = OnlineReport(measured(done, request.against), since, within, file)
    if file is not None:
        write_text(file, found.to_html() if file.suffix == ".html" else found.to_json())
    return found


def outcomes(
    lists: pd.DataFrame, feedback: pd.DataFrame, rated: pd.DataFrame, within: float
) -> pd.DataFrame:
    """A row per list with 0 or 1 for each measure, as `rates.measured` takes them.

    An item counts as rated where the person rated it after the list was served and within the time,
    by feedback on the list or in any other way.

    Args:
        lists: columns id, time, user, model, arm, items.
        feedback: columns id (of the list), item, action, value, time.
        rated: columns user, item, time.
        within: seconds.
    """
    acts = feedback.merge(lists[["id", "time"]].rename(columns={"time": "served"}), on="id")
    soon = acts[(acts["time"] - acts["served"]).between(0, within)]
    # Only lists of people who rated something: the others would be many.
    active = lists.loc[lists["user"].isin(rated["user"]), ["id", "time", "user", "items"]]
    shown = active.explode("items").dropna(subset=["items"])
    later = shown.merge(
        rated, left_on=["user", "items"], right_on=["user", "item"], suffixes=("_served", "")
    )
    later = later[(later["time"] - later["time_served"]).between(0, within)]
    of_action = {action: set(soon.loc[soon["action"] == action, "id"])
                 for action in ("click", "rating", "dismiss")}  # fmt: skip
    hits = of_action["click"] | of_action["rating"] | set(later["id"])
    flags = {
        "click_through": of_action["click"],
        "hit_rate": hits,
        "dismissed": of_action["dismiss"],
    }
    return lists.rename(columns={"user": "person", "model": "version"})[
        ["person", "version", "arm", "time"]
    ].assign(**{name: lists["id"].isin(ids).astype(int) for name, ids in flags.items()})
