"""One Spark for all tests: a local cluster of two worker processes."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from recsys.errors import ArgumentError

MASTER = "local-cluster[2,1,1024]"


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    pytest.importorskip("pyspark", reason="pyspark is not installed (scripts/test --spark)")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java 17, which is not installed")
    from recsys.spark.session import session

    try:
        with session(MASTER, "tests", databases=True) as running:
            yield running
    except ArgumentError as error:
        pytest.skip(str(error))
