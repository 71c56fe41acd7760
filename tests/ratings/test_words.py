"""What feedback is called depends on its kind, as the account of its source says."""

from recsys.ratings.account import Account, Kind, Taken
from recsys.ratings.words import RATED, SEEN, words_of

TEXT = "a rating of the most rated items; 3 ratings, 1 rating, gratings"


def account(kind: Kind) -> dict[str, object]:
    return Account("plays.csv", "", {"rating": Taken("Hours", "2.5")}, kind=kind).to_dict()


def test_ratings_are_ratings_and_so_is_what_nobody_knows() -> None:
    assert words_of(account("ratings")) == words_of(None) == words_of({}) == RATED
    assert RATED.said(TEXT) == TEXT


def test_what_nobody_rated_is_an_interaction_and_values_have_their_own_name() -> None:
    assert words_of(account("seen")) == SEEN
    hours = words_of(account("counts"))
    assert (hours.value, hours.before, hours.one) == ("hours", "hours", "interaction")
    expected = "an interaction of the most seen items; 3 interactions, 1 interaction, gratings"
    assert hours.said(TEXT) == SEEN.said(TEXT) == expected
