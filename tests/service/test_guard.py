"""Who may ask what, from where, how much and how often."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from http_client import Client, problem

import recsys
from recsys.app.serve import Limits
from recsys.errors import ArgumentError
from recsys.service import create_app
from recsys.service.application import ROUTES
from recsys.service.guard import LOCAL, Rate, read_tokens

OPEN = {"/v1/health", "/v1/ready"}


def line(text: str, name: str, scopes: str) -> str:
    return f"{hashlib.sha256(text.encode()).hexdigest()} {name} {scopes}\n"


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "tokens"
    file.write_text(
        "# whose they are\n"
        + line("r-secret", "page", "read")
        + line("w-secret", "shop", "read,write")
        + line("a-secret", "ann", "read,write,admin")
    )
    return file


@pytest.fixture
def app(model: recsys.Recommender, token_file: Path, tmp_path: Path) -> Iterator[Any]:
    with recsys.RatingsStore.open(f"sqlite:///{tmp_path}/store.db", create=True) as store:
        made = create_app(model, store=store, tokens=token_file)
        yield made
        made.state.service.stop()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def addresses() -> list[tuple[str, str, str | None]]:
    """Method, path and scope of every route, with something in the place of ids."""
    return [(one.method, re.sub(r"{\w+}", "1", one.path), one.scope) for one in ROUTES]


@pytest.mark.parametrize(("method", "path", "scope"), addresses())
def test_every_address_asks_for_a_token_with_its_scope(
    app: Any, method: str, path: str, scope: str | None
) -> None:
    answer = Client(app).request(method, path)
    if scope is None:
        assert path in OPEN
        assert answer.status_code == 200
        return
    assert "send it as Authorization: Bearer TOKEN" in problem(answer, 401)
    assert answer.headers["www-authenticate"] == "Bearer"
    assert problem(Client(app, bearer("wrong")).request(method, path), 401)
    weaker = {"write": "r-secret", "admin": "w-secret"}.get(scope)
    if weaker:
        assert f"needs {scope}" in problem(Client(app, bearer(weaker)).request(method, path), 403)
    allowed = Client(app, bearer("a-secret")).request(method, path).status_code
    assert allowed not in (401, 403)


def test_no_address_is_forgotten(app: Any) -> None:
    served = {(one.path, *one.methods) for one in app.routes if one.path.startswith("/v1")}
    assert served == {(one.path, one.method) for one in ROUTES}


def test_tokens_of_the_store_are_asked_again_after_a_moment(
    model: recsys.Recommender, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recsys.service.guard._FRESH_S", 0.0)
    with recsys.RatingsStore.open(f"sqlite:///{tmp_path}/store.db", create=True) as store:
        text = store.tokens.add("page", ["read"])
        late = store.tokens.add("late", ["read"], expires=time.time() - 1)
        app = create_app(model, store=store, tokens=True)
        client = Client(app, bearer(text))
        assert client.get("/v1/model").status_code == 200
        assert Client(app, bearer(late)).get("/v1/model").status_code == 401
        store.tokens.revoke("page")
        assert client.get("/v1/model").status_code == 401
        app.state.service.stop()


def test_a_token_file_is_read_again_when_it_changes(
    app: Any, token_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(app, bearer("new-secret"))
    assert client.get("/v1/model").status_code == 401
    token_file.write_text(line("new-secret", "new", "read"))
    assert client.get("/v1/model").status_code == 401  # what is known is fresh for two seconds
    now = time.monotonic
    monkeypatch.setattr("recsys.service.guard.time.monotonic", lambda: now() + 2.1)
    assert client.get("/v1/model").status_code == 200
    assert Client(app, bearer("a-secret")).get("/v1/model").status_code == 401


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file contains no token"),
        ("secret page read\n", "line 1: must be SHA-256, name and scopes"),
        (line("x", "page", "all"), "line 1: must be SHA-256"),
        (line("x", "two words", "read"), "line 1: must be SHA-256"),
    ],
)
def test_a_wrong_token_file(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "tokens").write_text(text)
    with pytest.raises(ArgumentError, match=said):
        read_tokens(tmp_path / "tokens")


def test_tokens_need_a_place(model: recsys.Recommender) -> None:
    with pytest.raises(ArgumentError, match="from a store or a file"):
        create_app(model, tokens=True)


def test_a_client_that_asks_too_often_waits(model: recsys.Recommender) -> None:
    app = create_app(model, limits=Limits(rate=2))
    client = Client(app, address=("10.0.0.1", 1))
    statuses = [client.get("/v1/model").status_code for _ in range(6)]
    assert statuses[:4] == [200] * 4  # twice as many at once
    answer = client.get("/v1/model")
    assert "more than 2 requests per second" in problem(answer, 429)
    assert int(answer.headers["retry-after"]) >= 1
    assert Client(app, address=("10.0.0.2", 1)).get("/v1/model").status_code == 200


def test_guessing_tokens_is_slowed_down(model: recsys.Recommender, token_file: Path) -> None:
    app = create_app(model, tokens=token_file, limits=Limits(rate=1))
    statuses = [Client(app, bearer(f"guess {i}")).get("/v1/model").status_code for i in range(4)]
    assert statuses[-1] == 429
    assert Client(app, bearer("r-secret")).get("/v1/model").status_code == 200


def test_a_rate_fills_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    rate = Rate(10)
    assert [rate.take("a") for _ in range(20)] == [0.0] * 20
    assert rate.take("a") == pytest.approx(0.1)
    clock[0] = 0.35
    assert [rate.take("a") > 0 for _ in range(5)] == [False, False, False, True, True]


def test_without_tokens_only_names_of_this_machine_are_answered(
    model: recsys.Recommender,
) -> None:
    app = create_app(model, hosts=LOCAL)
    for name in ("127.0.0.1:8000", "localhost", "[::1]:8000"):
        assert Client(app).get("/v1/health", headers={"Host": name}).status_code == 200
    rebound = Client(app).get("/v1/health", headers={"Host": "evil.example"})
    assert "names of this machine" in problem(rebound, 421)


def test_pages_of_other_sites_may_not_change_anything(
    model: recsys.Recommender, tmp_path: Path
) -> None:
    with recsys.RatingsStore.open(f"sqlite:///{tmp_path}/store.db", create=True) as store:
        app = create_app(model, store=store, limits=Limits(origins=["https://shop.example"]))
        client = Client(app)
        statuses = {
            origin: client.put(
                "/v1/users/1/ratings/1", {"rating": 4}, headers={"Origin": origin}
            ).status_code
            for origin in ("https://evil.example", "https://shop.example", "http://127.0.0.1:8000")
        }
        assert list(statuses.values()) == [403, 200, 200]
        app.state.service.stop()


def test_cors_is_off_unless_a_site_is_named(model: recsys.Recommender) -> None:
    asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "GET"}
    off = Client(create_app(model)).request("OPTIONS", "/v1/model", headers=asked)
    assert "access-control-allow-origin" not in off.headers
    app = create_app(model, limits=Limits(origins=["https://shop.example"]))
    on = Client(app).request("OPTIONS", "/v1/model", headers=asked)
    assert on.headers["access-control-allow-origin"] == "https://shop.example"
    other = Client(app).get("/v1/model", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers


@pytest.mark.parametrize("path", ["/v1/model", "/v1/nothing", "/openapi.json", "/v1/users/0/x"])
def test_every_answer_has_the_headers_that_protect_a_browser(client: Client, path: str) -> None:
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "server" not in headers
    assert headers.get("cache-control") == ("no-store" if "/v1/" in path else None)


def test_an_answer_that_takes_too_long_is_given_up(
    model: recsys.Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(model, limits=Limits(timeout=0.05))
    monkeypatch.setattr("recsys.recommend.questions.search_titles", lambda *_: time.sleep(0.5))
    answer = Client(app).get("/v1/search?q=x")
    assert "no answer within 0.05 s" in problem(answer, 503)
    assert answer.headers["retry-after"] == "5"


def test_large_answers_are_compressed(client: Client, model: recsys.Recommender) -> None:
    user = int(model.fitted.users.ids[0])
    path = f"/v1/users/{user}/recommendations?n=100"
    packed = client.get(path, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    plain = client.get(path, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert packed.json() == plain.json()


def test_logs_say_nothing_about_people(
    model: recsys.Recommender, caplog: pytest.LogCaptureFixture
) -> None:
    import logging

    app = create_app(model, limits=Limits(log_requests=True))
    with caplog.at_level(logging.INFO, "recsys.service"):
        Client(app, address=("10.1.2.3", 9)).get("/v1/users/196196/recommendations?where=secret")
    (record,) = [one for one in caplog.records if one.getMessage() == "request"]
    said = vars(record)
    assert said["route"] == "/v1/users/{user}/recommendations"
    assert (said["status"], said["method"]) == (404, "GET")
    for secret in ("196196", "10.1.2.3", "secret"):
        assert secret not in str(said)


def test_a_bug_is_logged_by_its_place_and_answered_without_it(
    model: recsys.Recommender, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("user 196196")

    monkeypatch.setattr("recsys.recommend.questions.search_titles", broken)
    answer = Client(create_app(model)).get("/v1/search?q=x")
    assert problem(answer, 500) == "internal error; the service's log has the details"
    (record,) = [one for one in caplog.records if one.getMessage() == "bug"]
    assert "196196" not in str(vars(record))
    assert any("test_guard.py" in one for one in vars(record)["where"])
