"""What cannot be answered is a problem in JSON, with a status, a line, and no traceback."""

from __future__ import annotations

import json
from typing import Any

import pytest
from http_client import Client, problem

from recsys.errors import OUTCOMES, RecsysError
from recsys.service.problems import kind_of


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/v1/users/99999/recommendations", 404, "user 99999 is not in the data"),
        ("/v1/users/x/recommendations", 404, "user 'x' is not in the data"),
        ("/v1/users/1/explanations/99999", 404, "item 99999 is not in the data"),
        ("/v1/items/no%20such%20title/similar", 404, "no such title"),
        ("/v1/users/1/recommendations?n=0", 400, "n must be a whole number of at least 1, not 0"),
        ("/v1/users/1/recommendations?n=1e3", 400, "n must be a whole number"),
        ("/v1/users/1/recommendations?n=NaN", 400, "n must be a whole number"),
        ("/v1/users/1/recommendations?n=1001", 400, "n must be at most 1000"),
        ("/v1/users/1/recommendations?n=" + "9" * 400, 400, "n must be at most 1000"),
        ("/v1/users/1/recommendations?n=5&n=6", 400, "n is given twice"),
        ("/v1/users/1/recommendations?N=5", 400, "no parameter 'N'"),
        ("/v1/users/1/recommendations?exclude_seem=true", 400, "did you mean 'exclude_seen'?"),
        ("/v1/users/1/recommendations?exclude_seen=yes", 400, "must be true or false"),
        ("/v1/users/1/recommendations?where=year>>2", 400, "(character 6, at >2)"),
        ("/v1/users/1/recommendations?where=" + "(" * 900, 400, "where"),
        ("/v1/users/1/recommendations?where=" + "x" * 1001, 400, "at most 1000 characters"),
        ("/v1/users/1/recommendations?rerank=best", 400, "rerank"),
        ("/v1/users/1/recommendations?risk=lower", 400, "no standard deviations"),
        ("/v1/users/1/recommendations?exclude=%FF", 400, "UTF-8"),
        ("/v1/users/1/recommendations?" + "exclude=1&" * 1001, 400, "at most 1000 parameters"),
        ("/v1/users/1/similar?metric=nearest", 400, "metric must be one of"),
        ("/v1/items?cursor=x", 400, "cursor must be the `next` of another page"),
        ("/v1/items?limit=5000", 400, "limit must be at most 1000"),
        ("/v1/search", 400, "q is missing"),
        ("/v1/search?q=%20", 400, "at least one letter or digit"),
        ("/v1/%FF/x", 404, "no such path"),
        ("/v2/model", 404, "no such path"),
    ],
)
def test_a_wrong_question(client: Client, path: str, status: int, said: str) -> None:
    assert said in problem(client.get(path), status)


DEEP = b'{"ratings": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "must be JSON"),
        (b"{", "must be JSON"),
        (b'{"ratings": {"1": NaN}}', "must be JSON"),
        (b'{"ratings": {"1": 1e999}}', "must be JSON"),
        (b'{"ratings": {"\xff": 1}}', "must be JSON in UTF-8"),
        (b'{"ratings": {"\\ud800": 1}}', "must be JSON"),
        (DEEP, "must be JSON"),
        (b"[]", "the body must be a JSON object"),
        (b"{}", "the body has no 'ratings'"),
        (b'{"ratings": []}', "ratings must map items to numbers, not be []"),
        (b'{"ratings": {"1": "5"}}', "'1' must be a number, not \"5\""),
        (b'{"ratings": {"1": true}}', "must be a number, not true"),
        (b'{"ratings": {"1": null}}', "must be a number, not null"),
        (b'{"ratings": {"1": 99}}', "must be on the scale of the training ratings, 0.5 to 5"),
        (b'{"ratings": {"1": 1e300}}', "must be between -1,000,000 and 1,000,000"),
        (b'{"ratings": {"1": 5}, "n": "5"}', "n must be a whole number"),
        (b'{"ratings": {"1": 5}, "n": 2.5}', "n must be a whole number"),
        (b'{"ratings": {"1": 5}, "n": 5000}', "n must be at most 1000"),
        (b'{"ratings": {"1": 5}, "exclude": "1"}', "exclude must be a list"),
        (b'{"ratings": {"1": 5}, "exclude": [{}]}', "exclude must be text or a whole number"),
        (b'{"ratings": {"1": 5}, "exclude": [1.5]}', "exclude must be text or a whole number"),
        (b'{"ratings": {"1": 5}, "genre": [[1]]}', "genre must be text or a whole number"),
        (b'{"ratings": {"1": 5}, "where": 5}', "where must be text"),
        (b'{"ratings": {"1": 5}, "why": 1}', "why must be true or false"),
        (b'{"ratings": {"1": 5}, "colour": 1}', "no parameter 'colour'"),
    ],
)
def test_a_wrong_body(client: Client, body: bytes, said: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = client.post("/v1/recommendations", content=body, headers=headers)
    assert said in problem(answer, 400)


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/v1/groups/recommendations", {"people": []}, "with at least one"),
        ("/v1/groups/recommendations", {"people": [1] * 1001}, "at most 1000 entries"),
        ("/v1/groups/recommendations", {"people": [None]}, "user must be text or a whole number"),
        ("/v1/groups/recommendations", {"people": [1], "together": "x"}, "together must be one of"),
        ("/v1/groups/recommendations", {"people": [1], "why": True}, "one user at a time"),
        ("/v1/batch/recommendations", {"users": "1"}, "users must be a list"),
        ("/v1/batch/recommendations", {"users": []}, "users must be a list of 1 to 1000"),
        ("/v1/explanations", {"ratings": {"1": 5}}, "the body has no 'item'"),
        ("/v1/onboarding", {}, "give {} before the first answer"),
    ],
)
def test_a_wrong_request(client: Client, path: str, body: Any, said: str) -> None:
    assert said in problem(client.post(path, body), 400)


def test_a_body_is_json_of_a_bounded_size(client: Client) -> None:
    body = json.dumps({"ratings": {}})
    said = client.post("/v1/recommendations", content=body, headers={"Content-Type": "text/plain"})
    assert "send JSON" in problem(said, 415)
    large = client.post("/v1/recommendations", {"ratings": {"x" * 1_000_001: 1}})
    assert "at most 1,000,000 bytes" in problem(large, 413)


def test_a_method_that_an_address_does_not_take(client: Client) -> None:
    assert "method" in problem(client.put("/v1/search", {}), 405)


def test_a_person_about_whom_nothing_counts_is_an_error_in_a_group(client: Client) -> None:
    answer = client.post("/v1/groups/recommendations", {"people": [{}]})
    assert "no rating of a new user counts" in problem(answer, 422)


@pytest.mark.parametrize("kind", [one for one in OUTCOMES if issubclass(one, RecsysError)])
def test_statuses_are_those_of_the_table(kind: type[RecsysError]) -> None:
    status, name, detail = kind_of(kind("what is wrong"))
    assert (status, detail) == (OUTCOMES[kind].http_status, "what is wrong")
    assert name == name.lower()


def test_a_bug_says_nothing_about_itself() -> None:
    assert kind_of(ValueError("secret")) == (
        500, "bug", "internal error; the service's log has the details",
    )  # fmt: skip
