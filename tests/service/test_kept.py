"""What is kept is bounded, and made again where it is not kept."""

from __future__ import annotations

from recsys.service.kept import Kept, MadeList


def made(size: int) -> MadeList:
    return MadeList([], {}, size)


def test_a_value_is_made_once() -> None:
    kept: Kept[MadeList] = Kept()
    first = kept.get("a", 0, lambda: made(10))
    assert kept.get("a", 0, lambda: made(20)) is first
    assert kept.get("b", 0, lambda: made(20)) is not first


def test_another_stamp_takes_the_place_of_what_was_kept() -> None:
    kept: Kept[MadeList] = Kept(100)
    other = kept.get("other", 0, lambda: made(40))
    for stamp in range(5):  # more than there is room for, were they all kept
        latest = kept.get("a", stamp, lambda: made(40))
    assert kept.get("a", 4, lambda: made(40)) is latest
    assert kept.get("other", 0, lambda: made(40)) is other
    assert kept.get("a", 0, lambda: made(40)) is not latest


def test_the_oldest_go_when_there_is_no_room() -> None:
    kept: Kept[MadeList] = Kept(100)
    values = {name: kept.get(name, 0, lambda: made(40)) for name in "abc"}
    assert kept.get("c", 0, lambda: made(40)) is values["c"]
    assert kept.get("b", 0, lambda: made(40)) is values["b"]
    assert kept.get("a", 0, lambda: made(40)) is not values["a"]


def test_without_room_and_of_large_values_nothing_is_kept() -> None:
    nothing: Kept[MadeList] = Kept(0)
    assert nothing.get("a", 0, lambda: made(1)) is not nothing.get("a", 0, lambda: made(1))
    kept: Kept[MadeList] = Kept()
    large = [kept.get("a", 0, lambda: made(1_000_000)) for _ in range(2)]
    assert large[0] is not large[1]
