"""A file with the approximate index of a model, kept next to the model file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from recsys.arguments import require
from recsys.errors import ModelFileError
from recsys.files import expanded
from recsys.provenance import versions
from recsys.recommend.approximate import PURPOSES, About, checksum, items_of, restored
from recsys.recommend.recommender import Recommender
from recsys.store import container
from recsys.store.container import Array

__all__ = ["load_index", "save_index"]


def save_index(model: Recommender, path: str | os.PathLike[str]) -> Path:
    """Writes the index of a model that `Recommender.indexed` returned, and returns the path.

    The file holds the graphs, what was measured, and by which items it knows the model; not the
    model itself.

    Raises:
        ModelFileError: the file cannot be written.
    """
    require("model", model, Recommender, "a Recommender")
    require("path", path, (str, os.PathLike), "a path")
    file = expanded(path)
    arrays: dict[str, Array] = {name: found.to_bytes() for name, found in model.approximate.items()}
    items = {name: checksum(*items_of(model, name)) for name in model.approximate}
    about = {name: one.to_dict() for name, one in model.index_report.items()}
    container.write(file, arrays, {"index": about, "items": items, "versions": versions()})
    return file


def load_index(model: Recommender, path: str | os.PathLike[str]) -> Recommender:
    """The model with the index in the file at `path`.

    Raises:
        ModelFileError: the file is missing, damaged, no index, or that of another model.
        ModelError: usearch is not installed.
    """
    arrays, about = container.read(path, verify=True)
    kept = about.get("index")
    if not isinstance(kept, Mapping):
        raise ModelFileError(f"{os.fspath(path)}: not an index; write one with recsys index")
    try:
        report = {name: About(**kept[name]) for name in PURPOSES}
        found: dict[Any, Any] = {}
        for name in PURPOSES:
            if report[name].approximate:
                vectors, bias = items_of(model, name)
                if about["items"][name] != checksum(vectors, bias):
                    raise ModelFileError(
                        f"{os.fspath(path)}: the index of another model; write one for this model "
                        "with recsys index"
                    )
                found[name] = restored(vectors, bias, arrays[name], report[name])
    except (KeyError, TypeError, ValueError) as error:
        said = container.reason(error)
        raise ModelFileError(f"{os.fspath(path)}: damaged index ({said}); write it again") from None
    return model.with_index(found, report)
