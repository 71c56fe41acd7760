"""The files of the page: where they are, and what they may do."""

import re
from importlib import resources
from pathlib import Path

import pytest
from http_client import Client
from starlette.applications import Starlette
from starlette.routing import Mount

import recsys
from recsys.service import create_app

FOLDER = Path(str(resources.files("recsys.service").joinpath("page")))
FILES = sorted(file.name for file in FOLDER.iterdir())


def test_the_page_is_at_the_root(client: Client) -> None:
    found = client.get("/")
    assert found.headers["content-type"] == "text/html; charset=utf-8"
    assert found.text == (FOLDER / "index.html").read_text("utf-8")


@pytest.mark.parametrize("name", [name for name in FILES if name != "index.html"])
def test_each_file_has_an_address(client: Client, name: str) -> None:
    found = client.get(f"/page/{name}")
    assert found.content == (FOLDER / name).read_bytes()
    again = client.get(f"/page/{name}", headers={"If-None-Match": found.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path", ["/page/", "/page/../known.py", "/page/%2e%2e/known.py", "/page/x.js"]
)
def test_there_is_nothing_else(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_nothing_inline_and_nothing_from_elsewhere_may_run(client: Client) -> None:
    policy = client.get("/").headers["content-security-policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert {rules[kind] for kind in ("script-src", "style-src", "connect-src")} == {"'self'"}
    assert rules["frame-ancestors"] == "'none'"


@pytest.mark.parametrize("name", FILES)
def test_the_files_name_no_other_address(name: str) -> None:
    text = (FOLDER / name).read_text("utf-8")
    others = set(re.findall(r"https?://[^\"' )]+", text))
    assert others <= {"http://www.w3.org/2000/svg"}  # a name, not an address
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text)


def test_it_works_where_the_service_is_mounted(model: recsys.Recommender) -> None:
    app = Starlette(routes=[Mount("/movies", create_app(model))])
    client = Client(app)
    html = client.get("/movies/").text
    for address in re.findall(r'(?:src|href)="([^"#]+)"', html):
        assert not address.startswith("/")  # relative to where the page is
        assert client.get(f"/movies/{address}").status_code == 200
