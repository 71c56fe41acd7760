"""Every way to re-rank, by name."""

from __future__ import annotations

from collections.abc import Mapping

from recsys.errors import ArgumentError
from recsys.recommend.rerank.calibrated import Calibrated
from recsys.recommend.rerank.dpp import DPP
from recsys.recommend.rerank.less_popular import LessPopular
from recsys.recommend.rerank.mmr import MMR
from recsys.recommend.rerank.reranker import Reranker
from recsys.settings import near
from recsys.visible import brief

WAYS: Mapping[str, type[Reranker]] = {way.name: way for way in (MMR, DPP, Calibrated, LessPopular)}


def parse(text: str) -> Reranker:
    """The way that a text names.

    >>> parse("mmr=0.5")
    MMR(strength=0.5, pool=100)

    Raises:
        ArgumentError: there is no such way, or the strength is no number between 0 and 1.
    """
    name, equals, strength = text.partition("=")
    if name not in WAYS:
        have = ", ".join(WAYS)
        raise ArgumentError(f"rerank must be one of {have}, not {brief(name)}{near(name, WAYS)}")
    return WAYS[name].parsed({"strength": strength} if equals else {}, name)
