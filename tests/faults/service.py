"""Clients of `recsys serve` who write: what it acknowledged is in the store, whatever ends it."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
from faults.runs import TIMEOUT, Done
from faults.stores import opened, tables_of

N_REQUESTS = 40
"""Of each client in an undisturbed run."""
_ALONE, *_TOGETHER = 9001, 9002, 9003
_SERVING = "serving at http"


@dataclass
class _Written:
    # A rating that was sent.
    user: int
    item: int
    rating: float
    acknowledged: bool = False


class Clients:
    """One rates and rates again; another rates for two people at once, for both or for none."""

    def __init__(self) -> None:
        self._sent: dict[int, list[_Written]] = {}
        self._raw: list[str] = []

    def begin(self, sent: Sequence[_Written] = ()) -> None:
        """Starts from what was sent to the store that is there now."""
        self._sent, self._raw = {}, []
        for one in sent:
            self._sent.setdefault(one.user, []).append(one)

    @property
    def sent(self) -> list[_Written]:
        """All that was sent, that of each person in order."""
        return [one for of_one in self._sent.values() for one in of_one]

    @property
    def acknowledged(self) -> bool:
        """Whether anything was."""
        return any(one.acknowledged for one in self.sent)

    def use(self, process: subprocess.Popen[str], after: tuple[float, int] | None) -> Done:
        """Writes until the process ends, or for some time; then SIGTERM ends it.

        An end that was asked for has the code 0.
        """
        said: list[str] = []
        ready = threading.Event()
        reader = threading.Thread(target=_read, args=(process, said, ready), daemon=True)
        timer = threading.Timer(*(after[0], process.send_signal, [after[1]]) if after else (0, int))
        reader.start()
        timer.start()
        try:
            asked = ready.wait(TIMEOUT) and self._write(process, said)
            code = process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            return Done(process.wait(), "".join(said), timed_out=True)
        finally:
            timer.cancel()
        # It ends when all its processes have.
        reader.join(TIMEOUT)
        if reader.is_alive():
            return Done(code, "".join(said) + "a worker goes on", timed_out=True)
        if self._raw:
            return Done(1, "".join([*said, *self._raw]))
        ended = asked and code == 143 and said[-1].startswith("recsys: terminated")
        return Done(0 if ended else code, "".join(said))

    def _write(self, process: subprocess.Popen[str], said: list[str]) -> bool:
        # Whether the process was still there, and got SIGTERM.
        address = next((line.split()[2].rstrip(":") for line in said if _SERVING in line), None)
        if address is not None:
            threads = [
                threading.Thread(target=self._rate, args=(address, users))
                for users in ([_ALONE], _TOGETHER)
            ]
            for one in threads:
                one.start()
            for one in threads:
                one.join()
        if address is None or process.poll() is not None:
            return False
        process.send_signal(signal.SIGTERM)
        return True

    def _rate(self, address: str, users: Sequence[int]) -> None:
        try:
            with httpx.Client(base_url=address, timeout=TIMEOUT, trust_env=False) as client:
                items = [row["item"] for row in client.get("/v1/items?limit=12").json()["rows"]]
                for i in range(N_REQUESTS):
                    item, rating = items[i % len(items)], 1.0 + i % 5 / 2 + i // len(items) / 2
                    new = [_Written(user, item, rating) for user in users]
                    for one in new:
                        self._sent.setdefault(one.user, []).append(one)
                    answer = _sent(client, new)
                    if answer.status_code == 500:
                        self._raw.append(f"Traceback of an answer: {answer.text[:500]}\n")
                    for one in new:
                        one.acknowledged = answer.status_code == 200
                    if i % 8 == 0:  # a list, which is kept in the store
                        client.get(f"/v1/users/{users[0]}/recommendations")
        except (httpx.TransportError, ValueError, KeyError):
            time.sleep(0.05)  # the process ends, or has no items to show

    def lost(self, store: Path) -> str:
        """Which rating is not in the store as it should be, in words; "" if all are."""
        query, rows = "select user_id, item_id, rating from ratings", []
        with opened(store) as connection:
            if "ratings" in tables_of(connection):  # it may have been ended before that
                rows = connection.execute(query).fetchall()
        there = {(int(user), int(item)): rating for user, item, rating in rows}
        for user, sent in self._sent.items():
            for item in {one.item for one in sent}:
                mine = [one for one in sent if one.item == item]
                last = max((at for at, one in enumerate(mine) if one.acknowledged), default=None)
                right: set[float | None] = {one.rating for one in mine[last or 0 :]}
                right |= {None} if last is None else set()
                if there.get((user, item)) not in right:
                    return f"{user} rated {item} {mine}, and it is {there.get((user, item))}"
        one, other = ({i: r for (u, i), r in there.items() if u == who} for who in _TOGETHER)
        return "" if one == other else f"written for one of two people: {one} and {other}"


def _sent(client: httpx.Client, new: Sequence[_Written]) -> httpx.Response:
    if len(new) == 1:
        path = f"/v1/users/{new[0].user}/ratings/{new[0].item}"
        return client.put(path, json={"rating": new[0].rating})
    body = [{"user": one.user, "item": one.item, "rating": one.rating} for one in new]
    return client.post("/v1/ratings", json=body)


def _read(process: subprocess.Popen[str], said: list[str], ready: threading.Event) -> None:
    assert process.stderr is not None
    with process.stderr:
        for line in process.stderr:
            said.append(line)
            if _SERVING in line:
                ready.set()
    ready.set()
