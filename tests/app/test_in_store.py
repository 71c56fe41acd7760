"""What the commands on a store share."""

from pathlib import Path

import pytest

from recsys.app.retrain import retrain
from recsys.app.retrain_request import RetrainRequest
from recsys.errors import ArgumentError, StoreError


def test_the_store_may_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("RECSYS_STORE", raising=False)
    with pytest.raises(ArgumentError, match="--store URL or the environment variable RECSYS_STORE"):
        RetrainRequest()
    monkeypatch.setenv("RECSYS_STORE", f"sqlite:///{tmp_path}/none.db")
    with pytest.raises(StoreError, match="no such store"):
        retrain(RetrainRequest())
    with pytest.raises(ArgumentError, match="name must be 1 to 64 letters"):
        retrain(RetrainRequest(name="../up"))
