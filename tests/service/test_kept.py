"""What is kept is bounded, and made again where it is not kept."""

from __future__ import annotations

from recsys.service.kept import Kept, MadeList


def made(size: int) -> MadeList:
    return MadeList([], {}, size)


def test_a_value_is_made_once() -> None:
    kept: Kept[MadeList] = Kept()
    first = kept.get("a", lambda: made(10))
    assert kept.get("a", lambda: made(20)) is first
    assert kept.get("b", lambda: made(20)) is not first


def test_the_oldest_go_when_there_is_no_room() -> None:
    kept: Kept[MadeList] = Kept(100)
    values = {name: kept.get(name, lambda: made(40)) for name in "abc"}
    assert kept.get("c", lambda: made(40)) is values["c"]
    assert kept.get("b", lambda: made(40)) is values["b"]
    assert kept.get("a", lambda: made(40)) is not values["a"]


def test_without_room_and_of_large_values_nothing_is_kept() -> None:
    nothing: Kept[MadeList] = Kept(0)
    assert nothing.get("a", lambda: made(1)) is not nothing.get("a", lambda: made(1))
    kept: Kept[MadeList] = Kept()
    large = [kept.get("a", lambda: made(1_000_000)) for _ in range(2)]
    assert large[0] is not large[1]
