"""What the tests of the kernels share."""

import pytest

from recsys import kernels


@pytest.fixture(params=kernels.INSTRUCTION_SETS)
def isa(request, monkeypatch):
    monkeypatch.setenv("RECSYS_ISA", request.param)
