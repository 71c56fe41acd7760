"""`recsys serve` as a process: workers, signals, and nothing acknowledged that is lost."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from serving import serving
from waiting import until

import recsys

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_signal_ends_it_in_one_line(
    model_file: Path, number: int, code: int, workers: int
) -> None:
    with serving(model_file, "--workers", workers) as server:
        assert server.client.get("/v1/ready").json()["status"] == "ready"
        ended, said = server.end(number)
    assert ended == code
    word = "terminated" if number == signal.SIGTERM else "interrupted"
    assert said.splitlines()[-1] == f"recsys: {word}; no incomplete file was left"
    assert "Traceback" not in said


def test_it_finishes_what_runs_and_loses_no_acknowledged_rating(
    model_file: Path, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    acknowledged: list[tuple[int, int]] = []
    broken: list[str] = []
    with serving(model_file, "--store", url) as server:
        items = [row["item"] for row in server.client.get("/v1/items?limit=50").json()["rows"]]

        def write(user: int) -> None:
            with httpx.Client(base_url=server.address, timeout=30) as client:
                for item in items * 10:
                    path = f"/v1/users/{user}/ratings/{item}"
                    try:
                        answer = client.put(path, json={"rating": 4})
                    except httpx.ConnectError:
                        return  # it listens no more
                    except httpx.TransportError as error:
                        # An idle connection that closes was not answered, nor acknowledged.
                        broken.append(type(error).__name__)
                        return
                    assert answer.status_code == 200
                    acknowledged.append((user, item))

        threads = [threading.Thread(target=write, args=(9000 + i,)) for i in range(4)]
        for one in threads:
            one.start()
        until(lambda: len(acknowledged) >= 40)
        code, _ = server.end(signal.SIGTERM)
        for one in threads:
            one.join()
    assert code == 143
    with recsys.RatingsStore.open(url) as store:
        for user in range(9000, 9004):
            given = store.given(user)
            assert given is not None
            mine = {item for who, item in acknowledged if who == user}
            assert mine <= set(given.items.tolist())
        assert len(store.counts()) > 0


def test_workers_share_the_port_the_store_and_the_model(
    model_file: Path, other_model: recsys.Recommender, tmp_path: Path
) -> None:
    recsys.save(other_model, model_file.with_name("other.safetensors"))
    store = f"sqlite:///{tmp_path}/store.db"
    with serving(model_file, "--workers", 2, "--store", store) as server:
        item = server.client.get("/v1/items?limit=1").json()["rows"][0]["item"]
        server.client.put(f"/v1/users/999/ratings/{item}", json={"rating": 5}).raise_for_status()
        for _ in range(20):  # each on a connection of its own, so on any worker
            found = httpx.get(f"{server.address}/v1/users/999/recommendations")
            assert found.status_code == 200
        server.client.post("/v1/model", json={"file": "other.safetensors"}).raise_for_status()
        until(lambda: {_model(server.address) for _ in range(10)} == {"other"})
        until(lambda: _lists(server.address) == 20)  # counted a moment after they are sent


def _model(address: str) -> str:
    name: str = httpx.get(f"{address}/v1/model").raise_for_status().json()["model"]["name"]
    return name


def _lists(address: str) -> float:
    # How many lists all workers have counted.
    counted = httpx.get(f"{address}/v1/metrics").raise_for_status().text
    asked = [line for line in counted.splitlines() if line.startswith("recsys_requests_total")
             and "recommendations" in line]  # fmt: skip
    return sum(float(line.rsplit(" ", 1)[1]) for line in asked)


def test_a_worker_that_dies_is_started_again(model_file: Path) -> None:
    with serving(model_file, "--workers", 2) as server:
        children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
        if not children.exists():
            pytest.skip("needs /proc/PID/task/PID/children")
        before = _workers(children)
        os.kill(before[0], signal.SIGKILL)
        until(lambda: before[0] not in _workers(children) and len(_workers(children)) == 2)
        now = _workers(children)
        answers = [httpx.get(f"{server.address}/v1/ready").status_code for _ in range(5)]
        assert answers == [200] * 5
        assert server.end(signal.SIGTERM)[0] == 143
    for pid in _alive([*before, *now]):
        raise AssertionError(f"worker {pid} is still there")


def _workers(children: Path) -> list[int]:
    # Without the process that looks after shared memory.
    return [
        int(pid)
        for pid in children.read_text().split()
        if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


def _alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}/cmdline").exists()]


def test_logs_are_json(model_file: Path) -> None:
    with serving(model_file, "--log-requests") as server:
        server.client.get("/v1/users/196196/recommendations?where=secret")
        _, said = server.end(signal.SIGTERM)
    lines: list[Any] = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    (request,) = [line for line in lines if line["event"] == "request"]
    assert request["route"] == "/v1/users/{user}/recommendations"
    assert request["level"] == "info"
    assert "196196" not in said
    assert "secret" not in said
