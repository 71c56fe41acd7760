"""Models that do things in the process that fits them; other processes import them from here."""

from __future__ import annotations

import os
import signal
import time
import warnings
from typing import Any

import recsys
from recsys.errors import FitError
from recsys.models.baselines import Popularity


class Odd:
    """A model whose fit does something."""

    name, predicts_ratings = "odd", False

    def __init__(self, what: str, folder: str = "") -> None:
        self.what, self.folder = what, folder

    def to_dict(self) -> dict[str, Any]:
        return {"model": self.name, "what": self.what}

    def fit(self, ratings: recsys.Ratings, on_epoch: object = None) -> Any:
        if self.what == "is killed":
            os.kill(os.getpid(), signal.SIGKILL)
        elif self.what == "exits":
            os._exit(5)
        elif self.what == "fails":
            raise FitError("no finite solution")
        elif self.what == "is a bug":
            raise TypeError("a bug in this model")
        elif self.what == "warns":
            warnings.warn("slow data", RuntimeWarning, stacklevel=2)
        elif self.what == "sleeps":
            open(os.path.join(self.folder, f"{os.getpid()}.pid"), "w").close()
            time.sleep(600)
        return Popularity().fit(ratings)


def ended(*_: object) -> None:
    """Work that ends its process."""
    os._exit(3)
