"""How the versions of a model do in service: what people did with the lists they were served."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recsys.app.in_store import InStore, age_of
from recsys.errors import ArgumentError
from recsys.settings import option

if TYPE_CHECKING:
    import pandas as pd

    from recsys.evaluation.online.rates import Online


@dataclass(frozen=True, kw_only=True)
class OnlineRequest(InStore):
    """Which lists to look at."""

    since: str = option("30d", metavar="TIME", meaning="Lists served in the last 30d, 12h, ...")
    within: str = option(
        "7d",
        metavar="TIME",
        meaning="A list is a hit where the person clicks or rates one of its items in this time.",
    )
    against: str | None = option(
        None,
        metavar="VERSION",
        meaning="Version that the others are compared with.",
        default_text="the one with most lists",
    )


@dataclass(frozen=True)
class OnlineReport:
    """The rates of each version, and what was looked at."""

    online: Online
    since: float
    """Seconds since 1970."""
    within: float
    """Seconds."""

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
    with request.opened() as store:
        lists, feedback = store.lists(since)
        rated = store.rated_since(since)
    versions = sorted(lists["model"].unique())
    if request.against is not None and request.against not in versions:
        did = f"; {', '.join(versions)} did" if versions else ""
        raise ArgumentError(f"version {request.against} served no list since then{did}")
    done = outcomes(lists, feedback, rated, within)
    return OnlineReport(measured(done, request.against), since, within)


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
    shown = lists[["id", "time", "user", "items"]].explode("items").dropna(subset=["user", "items"])
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
