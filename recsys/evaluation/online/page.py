"""The rates of what was served as one HTML page."""

from __future__ import annotations

from recsys.evaluation.online.rates import LABELS, MEASURES, Online, Rate
from recsys.evaluation.report import charts
from recsys.evaluation.report.charts import Axis, Series
from recsys.evaluation.report.page import render
from recsys.evaluation.report.pictures import Figure, Section, figure, section
from recsys.evaluation.report.tables import Cell, Head, Row, Table
from recsys.ratings.account import counted
from recsys.ratings.times import iso

_STYLES = 10


def page(online: Online, since: float, within: float) -> str:
    """The page: what differs, a picture for each measure, the rates.

    Args:
        online: the rates.
        since: time of the first list that counts, in seconds since 1970.
        within: seconds in which a rating makes a list a hit.
    """
    return render(
        "online.html",
        headline=_headline(online),
        since=_minute(since),
        sentences=[one.sentence for one in online.differences],
        hours=f"{within / 3600:g}",
        measures=[(LABELS[name], meaning) for name, meaning in MEASURES.items()],
        rates=_pictures(online) if online.versions else None,
        versions=_table(online),
    )


def _headline(online: Online) -> str:
    if not online.versions:
        return "No lists were served"
    surely = [one for one in online.differences if one.answer != "undecided"]
    if surely:
        one = surely[0]
        return (
            f"Version {one.version} has {one.answer} {LABELS[one.measure]} than version "
            f"{one.against}"
        )
    if len(online.versions) == 1:
        (alone,) = online.versions
        return f"Version {alone.version} served {counted(alone.n_lists, 'list')}"
    return "No version is known to do better"


def _pictures(online: Online) -> Section:
    return section("How users reacted", [], [_picture(online, name) for name in LABELS])


def _picture(online: Online, measure: str) -> Figure:
    rows = []
    for i, one in enumerate(online.versions):
        rate = one.rates[measure]
        mean, low, high = (100 * value for value in (rate.mean, rate.low, rate.high))
        rows.append(
            Series(f"{one.version} ({one.arm})", i % _STYLES, [mean], [mean], [low], [high])
        )
    ends = [value for one in rows for value in (*one.low, *one.high)]
    axis = Axis.over("% of lists, with 95 % interval", ends, zero=True)
    title = LABELS[measure].capitalize()
    return figure(title, MEASURES[measure], charts.intervals(rows, axis, title))


def _table(online: Online) -> Table:
    heads = ["version", "arm", "lists", "people", *LABELS.values(), "first list", "last list"]
    rows = [
        Row(
            one.version,
            [
                Cell(one.arm),
                Cell(f"{one.n_lists:,}"),
                Cell(f"{one.n_people:,}"),
                *(_cell(one.rates[name]) for name in LABELS),
                *(Cell(_minute(when)) for when in (one.first, one.last)),
            ],
        )
        for one in online.versions
    ]
    return Table([Head(text) for text in heads], rows)


def _cell(rate: Rate) -> Cell:
    return Cell(f"{100 * rate.mean:.2f} %", small=f"{100 * rate.low:.2f} to {100 * rate.high:.2f}")


def _minute(when: float) -> str:
    return iso(float(int(when)))[:16].replace("T", " ")
