"""The people of a model and those whom only the store knows, in one order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from recsys.errors import UnknownIdError
from recsys.ids import IdIndex

if TYPE_CHECKING:
    from recsys.service.snapshot import Snapshot
    from recsys.store.database.ratings_store import RatingsStore

_KEPT = "everybody"
_AT_ONCE = 10_000  # ids of a read


def everybody(store: RatingsStore | None, snapshot: Snapshot) -> IdIndex:
    """All who can be asked for by id. The store is read again once somebody came or went."""
    known = snapshot.model.fitted.users
    if store is None:
        return known
    mark = store.people_mark
    kept: tuple[object, IdIndex] | None = snapshot.model.derived.get(_KEPT)
    if kept is None or kept[0] != mark:
        late = list(_late(store, known))
        both = IdIndex(np.concatenate([known.ids, np.array(late, known.ids.dtype)]), "user")
        kept = mark, both if late else known
        snapshot.model.derived[_KEPT] = kept
    return kept[1]


def _late(store: RatingsStore, known: IdIndex) -> Iterator[int | str]:
    # Ids of those whom the model does not know, in its type; nobody can ask for any other.
    after = None
    while ids := store.user_ids(after, _AT_ONCE):
        after = ids[-1]
        for one, row in zip(ids, known.find(ids).tolist(), strict=True):
            if row < 0:
                try:
                    yield known.parse(str(one))
                except UnknownIdError:
                    continue
