"""Items whose titles fit some words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from recsys.app.answer import Answer
from recsys.settings import Settings, option

if TYPE_CHECKING:
    from recsys.recommend.recommender import Recommender


@dataclass(frozen=True, kw_only=True)
class SearchRequest(Settings):
    """Which words, in which model."""

    model: str = option(meaning="Model file.")
    words: str = option(meaning="Words from the title.")
    n: int = option(10, low=1, flags=("-n", "--count"), meaning="How many.")


def search(request: SearchRequest, model: Recommender | None = None) -> Answer:
    """The items whose titles fit the words best.

    Raises:
        ModelFileError: the model file cannot be read.
    """
    from recsys.recommend import questions
    from recsys.store.model_file import load

    model = load(request.model) if model is None else model
    table = questions.search_titles(model, request.words, request.n)
    return Answer(f"Titles like {request.words!r}", {"words": request.words}, table)
