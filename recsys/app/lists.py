"""A list of recommendations for every user, or for many, in one file."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from recsys.app.engine import LOCAL, MASTER
from recsys.app.names import user_id
from recsys.errors import ArgumentError, UnknownIdError
from recsys.files import expanded, output_file, read_whole

if TYPE_CHECKING:
    from recsys.app.recommend import RecommendRequest
    from recsys.recommend.choice import Choice
    from recsys.recommend.recommender import Recommender

OnUsers = Callable[[int, int], None]
"""Called with the users that are done and all users after each block."""

BLOCK = 8192
"""Users in a block: what a run that is killed loses at most."""


@dataclass(frozen=True)
class Written:
    """What was written."""

    path: Path
    n_users: int
    seconds: float
    n_continued: int
    """Users whose lists an earlier run had written."""

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "out": str(self.path),
            "users": self.n_users,
            "seconds": round(self.seconds, 3),
            "continued": self.n_continued,
        }


def write_lists(
    request: RecommendRequest,
    show: Sequence[str] = (),
    model: Recommender | None = None,
    on_users: OnUsers | None = None,
) -> Written:
    """Writes the lists that `request.everybody` or its `users_file` asks for to its `out`.

    The same request, run again after it was stopped, keeps the lists that are there.

    Args:
        request: who, what and where to.
        show: columns of the item table to write, too.
        model: the model, where it is loaded already.
        on_users: called after each block.

    Raises:
        ArgumentError: the file cannot be written, or there is no column of a name in `show`.
        UnknownIdError: a user is not in the data, and `unknown` is "raise".
        ModelFileError: the model file cannot be read.
    """
    from recsys.store.list_files import ENDINGS, ListFile
    from recsys.store.model_file import load

    began = time.perf_counter()
    path = output_file(str(request.out), "out", ENDINGS)
    model = load(request.model) if model is None else model
    choice, users = request.choice(model), _users(request, model)
    model.items.only(show)  # before anything is written
    blocks = [users[first : first + BLOCK] for first in range(0, len(users), BLOCK)]
    lists = _Lists(choice, request.unknown, tuple(show), path.suffix)
    with ListFile(path, _about(request, choice, users, show)) as file:
        missing = [block for block in range(len(blocks)) if not file.has(block)]
        done = continued = len(users) - sum(len(blocks[block]) for block in missing)
        wanted = ((block, blocks[block]) for block in missing)
        for block, content in _made(request, lists, model, wanted):
            file.put(block, content)
            done += len(blocks[block])
            if on_users is not None:
                on_users(done, len(users))
        file.finish(len(blocks))
    return Written(path, len(users), time.perf_counter() - began, continued)


@dataclass(frozen=True)
class _Lists:
    # What the lists of a block are; it travels to the machines of an engine.
    choice: Choice
    unknown: str
    show: tuple[str, ...]
    ending: str

    def content(self, model: Recommender, block: int, users: npt.NDArray[Any]) -> bytes:
        from recsys.recommend import questions
        from recsys.store.list_files import encoded

        unknown = cast("questions.Unknown", self.unknown)
        lists = questions.recommend_many(model, users, self.choice, unknown)
        if self.show:
            rows = model.fitted.items.find(lists.answer["item"])
            lists = replace(lists, items=model.items.only(self.show), rows=rows)
        else:
            lists = replace(lists, items=None, rows=None)
        return encoded(self.ending, block, lists)


Blocks = Iterator[tuple[int, "npt.NDArray[Any]"]]


def _made(
    request: RecommendRequest, lists: _Lists, model: Recommender, wanted: Blocks
) -> Iterator[tuple[int, bytes]]:
    if request.engine == LOCAL:
        for block, users in wanted:
            yield block, lists.content(model, block, users)
        return
    from recsys.spark.ranking import ranked
    from recsys.spark.session import session

    with session(request.master or MASTER) as found:
        yield from ranked(found, str(expanded(request.model)), lists.content, wanted)


def _users(request: RecommendRequest, model: Recommender) -> npt.NDArray[Any]:
    if request.users_file is None:
        return model.fitted.users.ids
    path = expanded(request.users_file)
    try:
        lines = [line.strip() for line in read_whole(path).decode("utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise ArgumentError(f"users-file {str(path)!r} cannot be read: {error}") from None
    index, found = model.fitted.users, []
    for number, text in enumerate(lines, 1):
        if not text:
            continue
        try:
            one = user_id(model, text)
            found.append(one if request.unknown == "popular" else index.ids[index.row(one)])
        except UnknownIdError as error:
            raise UnknownIdError(f"{path}, line {number}: {error}") from None
    if not found:
        raise ArgumentError(f"users-file {str(path)!r} has no users; it needs an id in each line")
    return np.array(found, index.ids.dtype)


def _about(
    request: RecommendRequest, choice: Choice, users: npt.NDArray[Any], show: Sequence[str]
) -> dict[str, Any]:
    # Blocks of an earlier run are only used where all of this is the same.
    from recsys import __version__

    model = expanded(request.model).stat()
    return {
        "model": [model.st_size, model.st_mtime_ns],
        "choice": choice.values(),
        "users": hashlib.sha256("\n".join(map(str, users)).encode()).hexdigest(),
        "unknown": request.unknown,
        "show": list(show),
        "block": BLOCK,
        "version": __version__,
    }
