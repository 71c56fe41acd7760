"""A conversation with somebody new: questions, answers, and a list with reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys.app.allowed import ShortForms
from recsys.app.answer import Answer
from recsys.app.names import item_id, item_name
from recsys.errors import ArgumentError
from recsys.settings import option

if TYPE_CHECKING:
    from recsys.recommend.choice import Choice
    from recsys.recommend.recommender import Recommender


@dataclass(frozen=True, kw_only=True)
class AskRequest(ShortForms):
    """Which model asks, how many ratings it wants, and where they go."""

    model: str = option(meaning="Model file.")
    questions: int = option(10, low=1, meaning="Number of items to ask about.")
    n: int = option(10, low=1, flags=("-n", "--count"), meaning="Number of items to recommend.")
    save: str | None = option(
        None,
        metavar="FILE.csv",
        meaning="File to save the ratings to, with the columns item and rating.",
    )

    def choice(self, model: Recommender) -> Choice:
        """What may be asked about and recommended."""
        from recsys.recommend.choice import Choice

        return Choice(n=self.n, **self.of_model(model))


@dataclass
class Conversation:
    """The answers of one person so far."""

    model: Recommender
    choice: Choice
    answered: dict[Any, float | None] = field(default_factory=dict)
    """Item id → rating; None for "not seen"."""

    @property
    def ratings(self) -> dict[Any, float]:
        """The ratings among the answers."""
        return {item: value for item, value in self.answered.items() if value is not None}

    @property
    def scale(self) -> tuple[float, float] | None:
        """Least and largest rating; None where any number counts, such as 1 for "liked"."""
        return self.model.scale

    def question(self) -> tuple[Any, str] | None:
        """Id and title of the item to ask about next; None where there is none left."""
        from recsys.recommend.onboarding import onboard

        table = onboard(self.model, 1, self.answered, self.choice)
        if not len(table):
            return None
        item = table.column("item")[0]
        return item, item_name(self.model, item)

    def answer(self, item: Any, text: str) -> None:
        """Takes an answer: a rating, or "s" for "not seen".

        Raises:
            ArgumentError: it is neither, or not on the scale of the ratings.
        """
        from recsys.recommend.person import ratings_row

        if text.strip().lower() == "s":
            self.answered[item] = None
            return
        try:
            value = float(text)
        except ValueError:
            raise ArgumentError(f"answer with {self.words}, not {text!r}") from None
        ratings_row(self.model, {item: value})  # checks the scale
        self.answered[item] = value

    @property
    def words(self) -> str:
        """What may be answered."""
        if self.scale is None:
            return "a number (1 for liked), or s for not seen"
        return f"a rating from {self.scale[0]:g} to {self.scale[1]:g}, or s for not seen"

    def found(self, words: str) -> tuple[Any, str]:
        """Id and title of an item that the person names.

        Raises:
            UnknownIdError: there is none; names the closest titles.
        """
        item = item_id(self.model, words)
        row = self.model.item_row(item)
        one = self.model.fitted.items.ids[row]
        return (one.item() if hasattr(one, "item") else one), item_name(self.model, item)

    def titles(self, words: str) -> Sequence[str]:
        """Titles that begin with some letters, for completion."""
        plain = words.casefold()
        known = self.model.items.titles or []
        return sorted(title for title in known if title and title.casefold().startswith(plain))

    def recommendations(self) -> Answer:
        """The list for these ratings, with reasons."""
        from recsys.recommend import explain, questions
        from recsys.recommend.person import ratings_row

        row = ratings_row(self.model, self.ratings)
        table = questions.recommend_row(self.model, row, self.choice)
        reasons: Sequence[Any] = ()
        if "remark" not in table.answer and table.rows is not None:
            person = explain.somebody(self.model, row)
            reasons = explain.explanations(self.model, person, table.rows)
        n = len(self.ratings)
        title = f"For you, from {n} rating{'s' if n != 1 else ''}"
        return Answer(title, {"ratings": self.ratings}, table, reasons=reasons)

    def save(self, path: str) -> Path:
        """Writes the ratings to a CSV file.

        Raises:
            ArgumentError: the file cannot be written.
        """
        from recsys.files import csv_text, output_file, write_text

        file = output_file(path, "save", (".csv",))
        rows = [
            (item, item_name(self.model, item), f"{value:g}")
            for item, value in self.ratings.items()
        ]
        write_text(file, csv_text([("item", "title", "rating"), *rows]))
        return file


def begin(request: AskRequest, model: Recommender | None = None) -> Conversation:
    """A conversation in which nothing has been said yet.

    Raises:
        ArgumentError: the file for the ratings cannot be written, or a condition cannot be read.
        ModelError: the model has no factors or no history.
        ModelFileError: the model file cannot be read.
    """
    from recsys.files import output_file
    from recsys.store.model_file import load

    if request.save is not None:
        output_file(request.save, "save", (".csv",))
    model = load(request.model) if model is None else model
    return Conversation(model, request.choice(model))
