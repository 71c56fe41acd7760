"""A list of recommendations for every user, or for many, in one file."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

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
    from recsys.recommend import questions
    from recsys.store.list_files import ENDINGS, ListFile
    from recsys.store.model_file import load

    began = time.perf_counter()
    path = output_file(str(request.out), "out", ENDINGS)
    model = load(request.model) if model is None else model
    choice, users = request.choice(model), _users(request, model)
    items, unknown = model.items.only(show), cast("questions.Unknown", request.unknown)
    n_blocks, continued = -(-len(users) // BLOCK), 0
    with ListFile(path, _about(request, choice, users, show)) as file:
        for block in range(n_blocks):
            part = users[block * BLOCK : (block + 1) * BLOCK]
            if file.has(block):
                continued += len(part)
            else:
                lists = questions.recommend_many(model, part, choice, unknown)
                rows = model.fitted.items.find(lists.answer["item"]) if show else None
                file.write(block, replace(lists, items=items if show else None, rows=rows))
            if on_users is not None:
                on_users(min(len(users), (block + 1) * BLOCK), len(users))
        file.finish(n_blocks)
    return Written(path, len(users), time.perf_counter() - began, continued)


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
