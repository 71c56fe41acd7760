"""What the tests of the kernels share."""

import pytest

from recsys import kernels


@pytest.fixture(params=kernels.INSTRUCTION_SETS)
def isa(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECSYS_ISA", request.param)
