from __future__ import annotations

import copy
import json
from typing import Any

import pytest

import recsys
from recsys.models.common import Progress
from recsys.store import about

GOOD: dict[str, Any] = {
    "spec": {"model": "pure-svd", "n_factors": 8},
    "mean": 3.5,
    "feedback": {"ones": True, "threshold": 4.0},
    "data_fingerprint": "ab12",
    "log": [[1, 2, 0.5, 0.1, {}], [2, 2, 0.25, 0.2, {"fit": 0.2}]],
    "created": "2026-01-01T00:00:00+00:00",
    "versions": {"numpy": "2.0.0"},
}


def test_reads_what_it_knows_and_ignores_the_rest() -> None:
    said = about.parsed(GOOD | {"schema_version": 2, "from_the_future": [1, 2]})
    assert said.spec == recsys.PureSVD(8)
    assert said.mean == 3.5
    assert said.feedback == recsys.Feedback(True, 4.0)
    assert said.fingerprint == "ab12"
    assert said.log == (Progress(1, 2, 0.5, 0.1), Progress(2, 2, 0.25, 0.2, {"fit": 0.2}))


def test_optional_keys_may_be_there() -> None:
    known = {"account": {"rows": 7}, "machine": {"blas": []}, "measured": {"mean": 0.3}}
    assert about.parsed(GOOD | known) == about.parsed(GOOD)


def test_log_entries_come_back() -> None:
    progress = Progress(3, 9, 1.5, 0.25, {"fit": 1.0, "regularization": 0.5})
    saved = json.loads(json.dumps(about.log_entry(progress)))
    assert about.parsed(GOOD | {"log": [saved]}).log == (progress,)


def test_an_item_model_has_no_mean() -> None:
    assert about.parsed({key: value for key, value in GOOD.items() if key != "mean"}).mean is None


@pytest.mark.parametrize("key", sorted(GOOD.keys() - {"mean"}))
def test_every_other_key_is_needed(key: str) -> None:
    with pytest.raises(ValueError, match=key):
        about.parsed({k: value for k, value in GOOD.items() if k != key})


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("mean",), 10**400),
        (("mean",), float("inf")),
        (("mean",), float("nan")),
        (("mean",), "3.5"),
        (("mean",), True),
        (("spec",), "pure-svd"),
        (("spec", "model"), "no such model"),
        (("spec", "model"), ["pure-svd"]),
        (("spec", "n_factors"), -1),
        (("spec", "rank"), 8),
        (("feedback",), [True, 4.0]),
        (("feedback",), {"ones": True}),
        (("feedback", "ones"), 1),
        (("feedback", "threshold"), "4"),
        (("feedback", "dislikes_below"), 3),
        (("feedback", "half_life"), -1),
        (("feedback", "centered"), 1),
        (("feedback",), {"ones": False, "threshold": None, "centered": True}),
        (("feedback",), {"ones": False, "threshold": None, "centered": True, "scale": {"low": 1}}),
        (("feedback", "scale"), {"mean": 3, "low": 1, "high": 5}),
        (("feedback", "half_life"), "10"),
        (("feedback", "threshold"), float("nan")),
        (("data_fingerprint",), 12),
        (("log",), {}),
        (("log", 0), [1, 2, 0.5, 0.1]),
        (("log", 0, 0), "1"),
        (("log", 0, 2), "0.5"),
        (("log", 1, 4), []),
        (("log", 1, 4, "fit"), None),
        (("created",), 2026),
        (("versions",), []),
        (("versions", "numpy"), 2),
        (("account",), [1]),
        (("machine",), "avx2"),
        (("measured",), 0.3),
    ],
)
def test_values_of_the_wrong_kind_are_value_errors(place: tuple[Any, ...], value: object) -> None:
    bad = copy.deepcopy(GOOD)
    inner: Any = bad
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        about.parsed(bad)
    assert len(str(caught.value)) < 300
