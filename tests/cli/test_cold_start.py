"""What the commands that answer questions import: what is slow to import stays out.

No clock: the time of a cold start is the time of its imports, and docs/performance.md has it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import recsys
from recsys import Ratings

SLOW = {
    "pandas": 300,
    "scipy": 100,
    "pyarrow.compute": 25,
    "pydantic": 40,  # of some versions of typer
    "rich.console": 15,
    "importlib.metadata": 10,
    "numpy.ma": 15,
    "implicit": 400,
}
"""Module → milliseconds that it takes to import."""

ASKED = """
import json, sys
from recsys.cli.main import run
sys.argv = ["recsys", *json.loads(sys.argv[1])]
try:
    run()
except SystemExit as end:
    assert not end.code, end.code
print(json.dumps(sorted(sys.modules)))
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, sample: Ratings) -> Path:
    path = tmp_path_factory.mktemp("cold") / "model.safetensors"
    spec = recsys.ImplicitALS(n_factors=4)  # with the feedback of the default
    return recsys.save(recsys.train(spec, sample, feedback="centered"), path)


@pytest.mark.parametrize(
    "question",
    [
        ["recommend", "MODEL", "--user", "1"],
        ["recommend", "MODEL", "--user", "1", "--json"],
        ["recommend", "MODEL", "--user", "1", "--year", "1990-1999", "-n", "3", "--show", "genres"],
        ["similar", "MODEL", "--item", "TITLE"],
        ["search", "MODEL", "the"],
    ],
    ids=lambda question: " ".join(question[:1] + question[2:]),
)
def test_a_question_imports_nothing_slow(question: list[str], model: Path) -> None:
    titles = recsys.load(model).items.titles or []
    names = {"MODEL": str(model), "TITLE": str(titles[0])}
    words = json.dumps([names.get(word, word) for word in question])
    done = subprocess.run(
        [sys.executable, "-P", "-c", ASKED, words], capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert {"numpy", "recsys.recommend.questions"} <= loaded
    shown = "import numpy, sys; print(*sys.modules)"  # NumPy 1 imports numpy.ma itself
    of_numpy = subprocess.run([sys.executable, "-P", "-c", shown], capture_output=True, text=True)
    # SciPy comes in by `import scipy.sparse as sp`: write `from recsys.lazy import sp` instead.
    assert sorted((loaded - set(of_numpy.stdout.split())) & set(SLOW)) == []


def test_importing_the_package_loads_neither_numpy_nor_scipy() -> None:
    shown = "import recsys, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", shown], capture_output=True, text=True, check=True
    )
    assert not set(done.stdout.split()) & {"numpy", *SLOW}
