"""One model, one file: `save` and `load`.

docs/model-file.md describes the format for readers without this package.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from recsys import kernels
from recsys.arguments import require_flag
from recsys.errors import ArgumentError, ModelFileError, RecsysError
from recsys.files import expanded
from recsys.ids import IdIndex
from recsys.lazy import sp
from recsys.models.common import Side
from recsys.models.factors import Factorization, Factors
from recsys.models.item_weights import ItemModel, ItemWeights
from recsys.provenance import blas, versions
from recsys.recommend.items import ItemTable
from recsys.recommend.ranking import Counts
from recsys.recommend.recommender import Recommender
from recsys.store import about as header
from recsys.store import checks, container, tables
from recsys.store.container import SCHEMA_VERSION, Array
from recsys.visible import brief

if TYPE_CHECKING:
    from recsys.models.from_features import FeatureWeights

__all__ = ["SCHEMA_VERSION", "load", "read_about", "save"]

_STATE = "state."
_STATE_1 = "user_scale", "item_scale"  # what schema 1 called its only arrays of state
_FACTORS = "user_bias", "item_bias", "user_factors", "item_factors"
_WEIGHTS = "weights.indptr", "weights.indices", "weights.data"
_COUNTS = "user_counts", "item_counts"
_FEATURES = "features."
_LATE = "late_items"
_HISTORY = "history_indptr", "history_items", "history_ratings"


def save(
    model: Recommender,
    path: str | os.PathLike[str],
    *,
    history: bool = True,
    account: Mapping[str, Any] | None = None,
    measured: Mapping[str, Any] | None = None,
) -> Path:
    """Writes the model to `path` and returns it; the file appears whole or not at all.

    A file that is replaced keeps its mode and, where permitted, its owner. A symbolic link stays a
    link. Folders that do not exist are created.

    Args:
        model: what to save.
        path: where to; `~` is the home folder.
        history: whether to include the ratings, which `recommend` needs to exclude what a user has
            seen, and `liked` to list what they liked. How many ratings each user and each item
            has is saved in any case.
        account: what was understood of the training data; that of the model by default.
        measured: how good the model is, such as `{"metric": "ndcg@10", "mean": 0.31}`, for
            readers of the header.

    Raises:
        ArgumentError: the model or the path is none, or `account` or `measured` is not JSON.
        ModelFileError: the file cannot be written there.
        OSError: the disk is full or fails.
    """
    if not isinstance(model, Recommender) or not isinstance(path, str | os.PathLike):
        given = type(model).__name__, type(path).__name__
        raise ArgumentError(f"save takes a Recommender and a path, not {given[0]} and {given[1]}")
    require_flag("history", history)
    file = expanded(path)
    account = model.account if account is None else account
    about = _about(model) | _checked("account", account) | _checked("measured", measured)
    about |= _checked("search", model.search)
    if model.updated is not None:
        about["drift"] = header.of_drift(model.updated)
    about |= {"features": {side: header.of_features(one) for side, one in model.features.items()}}
    container.write(file, _arrays(model, history), about)
    return file


def load(
    path: str | os.PathLike[str],
    *,
    verify: bool = True,
    mmap: bool | None = None,
    sha256: str | None = None,
) -> Recommender:
    """The model in the file at `path`; its arrays are read-only.

    The structure is always checked: header, types and shapes, order of the ids, history sorted and
    in range, no NaN. This reads every array once. `verify` reads them once more to compare them
    with their SHA-256. A model of the size of MovieLens 20M (138,000 users, 26,000 items, 64
    factors, 11 million ratings, 135 MB) takes about 0.06 s without `verify` and 0.16 s with it on a
    server core with SHA instructions, once the file is in the page cache.

    A mapped model uses its file as long as it exists. Replacing the file, as `save` and `mv` do,
    does not change the model; overwriting the file, as `cp` does, changes its answers or crashes
    the process. `mmap=False` reads everything into memory.

    Args:
        path: the file; `~` is the home folder.
        verify: whether to compare checksums, which detects every altered byte. Without it, an
            altered factor or title goes unnoticed. The header's own checksum is always compared.
        mmap: whether to map the arrays into memory, which processes share; None to map files of
            more than 64 MiB, and to read smaller ones.
        sha256: digest of the whole file, from a trusted source, as `sha256sum` prints it; any other
            file is rejected. Checksums within the file detect damage, not tampering.

    Raises:
        ArgumentError: `sha256` is not a digest.
        ModelFileError: the file is missing, damaged, not a model file, from a newer version, or has
            another digest.
    """
    arrays, about = container.read(path, verify=verify, mmap=mmap, sha256=sha256)
    try:
        return _model(arrays, about)
    except (KeyError, TypeError, ValueError, OverflowError, RecsysError) as error:
        said = f"no {error}" if isinstance(error, KeyError) else container.reason(error)
        raise ModelFileError(
            f"{os.fspath(path)}: damaged model file ({said}); save it again"
        ) from None


def read_about(path: str | os.PathLike[str]) -> Mapping[str, Any]:
    """The JSON header of a model file: spec, fingerprint, versions, time, without the arrays.

    Raises:
        ModelFileError: the file is missing, foreign or from a newer version, or its header is
            damaged.
    """
    return container.read_header(path).about


def _arrays(model: Recommender, history: bool) -> dict[str, Array]:
    users, items = model.fitted.users.ids, model.fitted.items.ids
    arrays = {
        "users": tables.to_bytes(tables.with_ids(users, model.people.arrow)),
        "items": tables.to_bytes(tables.with_ids(items, model.items.arrow)),
    }
    if isinstance(model.factors, ItemWeights):
        arrays |= _csr_arrays(_WEIGHTS, model.factors.weights)
    else:
        arrays |= {name: getattr(model.factors, name) for name in _FACTORS}
        arrays |= {f"{_STATE}{name}": array for name, array in model.factors.state.items()}
    arrays |= {f"{_FEATURES}{side}": found.weights for side, found in model.features.items()}
    if model.counts is not None:
        arrays |= dict(zip(_COUNTS, model.counts, strict=True))
    if len(model.late_items):
        arrays[_LATE] = model.late_items
    if history and model.history is not None:
        arrays |= _csr_arrays(_HISTORY, model.history)
    return arrays


def _csr_arrays(names: tuple[str, str, str], matrix: sp.csr_matrix) -> dict[str, Array]:
    parts = matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data
    return dict(zip(names, parts, strict=True))


def _about(model: Recommender) -> dict[str, Any]:
    mean = {} if isinstance(model.factors, ItemWeights) else {"mean": model.factors.mean}
    return mean | {
        "spec": model.fitted.spec.to_dict(),
        "feedback": asdict(model.feedback),
        "data_fingerprint": model.fingerprint,
        "log": [header.log_entry(progress) for progress in model.fitted.log],
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "machine": {
            "instruction_set": os.environ.get("RECSYS_ISA", kernels.INSTRUCTION_SETS[0]),
            "blas": blas(),
        },
    }


def _checked(key: str, value: Mapping[str, Any] | None) -> dict[str, Any]:
    if value is None:
        return {}
    try:
        json.dumps(value, allow_nan=False)
        return {key: dict(value)}
    except (TypeError, ValueError):
        raise ArgumentError(
            f"{key} must be a mapping that JSON can hold, not {brief(value)}"
        ) from None


def _model(arrays: dict[str, Array], about: Mapping[str, Any]) -> Recommender:
    said = header.parsed(about)
    user_table, item_table = tables.from_bytes(arrays["users"]), tables.from_bytes(arrays["items"])
    users, items = tables.index(user_table, "user"), tables.index(item_table, "item")
    if not (len(users) and len(items)):
        raise ValueError("there are no users or no items")
    if isinstance(said.spec, ItemModel):
        fitted: Factors | ItemWeights = _weights(arrays, said, users, items)
    else:
        fitted = _factors(arrays, said, users, items)
    return Recommender(
        fitted,
        ItemTable(len(items), arrow=tables.convertible(item_table.remove_column(0))),
        # Its arrays are as good: most questions need no more of it.
        cast("Any", checks.csr(arrays, _HISTORY, (len(users), len(items)))),
        said.feedback,
        said.fingerprint,
        about.get("account"),
        _counts(arrays, len(users), len(items)),
        about.get("search"),
        ItemTable(len(users), arrow=tables.convertible(user_table.remove_column(0))),
        _features(arrays, said, fitted),
        _late_items(arrays, len(items)),
        said.drift,
    )


def _features(
    arrays: Mapping[str, Array], said: header.About, fitted: Factors | ItemWeights
) -> dict[Side, FeatureWeights]:
    found = {}
    if said.features:
        from recsys.models.from_features import FeatureWeights
    for side, one in said.features.items():
        found[side] = FeatureWeights(one.coding, arrays[f"{_FEATURES}{side}"], one.ridge, one.n)
        found[side].check(fitted, side)
    return found


def _late_items(arrays: Mapping[str, Array], n_items: int) -> Array:
    # Files of models without updates have none.
    late = arrays.get(_LATE, np.zeros(0, np.int64))
    checks.expect(_LATE, late, np.int64, (late.size,))
    if late.size and (late[0] < 0 or late[-1] >= n_items or np.any(late[1:] <= late[:-1])):
        raise ValueError(f"{_LATE} must increase within 0 .. {n_items - 1}")
    return late


def _counts(arrays: Mapping[str, Array], n_users: int, n_items: int) -> Counts | None:
    # Files of version 0.1.0 have none.
    if not any(name in arrays for name in _COUNTS):
        return None
    for name, n in zip(_COUNTS, (n_users, n_items), strict=True):
        checks.expect(name, arrays[name], np.int64, (n,))
        if arrays[name].min() < 0:
            raise ValueError(f"{name} must not be negative")
    return Counts(*(arrays[name] for name in _COUNTS))


def _factors(
    arrays: Mapping[str, Array], said: header.About, users: IdIndex, items: IdIndex
) -> Factors:
    if said.mean is None or not isinstance(said.spec, Factorization):
        raise ValueError("a factorization needs its mean and a spec that returns factors")
    for name in _FACTORS:
        if arrays[name].ndim != (2 if name.endswith("factors") else 1):
            raise ValueError(f"{name} must not be of shape {arrays[name].shape}")
    state = {
        name.removeprefix(_STATE): array
        for name, array in arrays.items()
        if name.startswith(_STATE) or name in _STATE_1
    }
    return Factors(
        users=users,
        items=items,
        mean=said.mean,
        **{name: arrays[name] for name in _FACTORS},
        spec=said.spec,
        log=said.log,
        state=state,
    )


def _weights(
    arrays: Mapping[str, Array], said: header.About, users: IdIndex, items: IdIndex
) -> ItemWeights:
    weights = checks.csr(arrays, _WEIGHTS, (len(items), len(items)))
    if weights is None or not isinstance(said.spec, ItemModel):
        raise ValueError("an item-item model needs its weights and a spec that returns them")
    return ItemWeights(users, items, weights.matrix(), said.spec, said.log)
