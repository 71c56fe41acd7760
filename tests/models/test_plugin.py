"""A model that another package registers by entry point, as a person would install it."""

import subprocess
import sys
from pathlib import Path

import pytest

MODULE = '''
"""A model of another package: every item's mean rating."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from recsys import Factors, Ratings
from recsys.models.factors import Embeddings, Factorization
from recsys.models.spec import PeakMemory
from recsys.settings import hyper


@dataclass(frozen=True)
class MeanRating(Factorization):
    """The same list for everybody, by shrunk mean rating."""

    name: ClassVar[str] = "mean-rating"
    peak_memory: ClassVar[PeakMemory] = PeakMemory(20, 3)

    prior: float = hyper(5.0, low=0, above=True, typical=(1, 50), meaning="Ratings of the mean.")

    def _fit(self, ratings: Ratings, *_: Any) -> Factors:
        bias = self._means(ratings.matrix.T.tocsr(), float(ratings.matrix.data.mean()))
        mean = float(ratings.matrix.data.mean())
        users, items = (np.zeros((n, 0), np.float32) for n in (ratings.n_users, ratings.n_items))
        return Factors.of(self, ratings, users, items, mean=mean, item_bias=bias)

    def _means(self, rows: Any, mean: float) -> Any:
        counts = np.diff(rows.indptr)
        sums = np.asarray(rows.sum(axis=1)).ravel() - mean * counts
        return (sums / (counts + self.prior)).astype(np.float32)

    def fold_in_users(self, factors: Factors, matrix: Any) -> Embeddings:
        n = matrix.shape[0]
        return Embeddings(np.zeros(n, np.float32), np.zeros((n, 0), np.float32))

    def fold_in_items(self, factors: Factors, matrix: Any) -> Embeddings:
        bias = self._means(matrix, factors.mean)
        return Embeddings(bias, np.zeros((len(bias), 0), np.float32))
'''

CONTRACT = """
import contract
import recsys
from recsys.models.registry import SPECS, make_spec

ratings = recsys.read_ratings({data!r})
assert list(SPECS)[-1] == "mean-rating"
spec = make_spec("mean-rating", {{"prior": "2"}})
assert spec.prior == 2.0
for promise in (
    contract.fit_returns_immutable_finite_factors,
    contract.a_score_is_mean_plus_biases_plus_dot_product,
    contract.folding_in_training_users_returns_their_factors,
    contract.folding_in_part_of_the_users_gives_the_same_as_all,
    contract.a_row_without_ratings_gets_zeros,
    contract.excluded_items_never_come_back,
    contract.scores_of_recommendations_are_predictions,
    contract.every_hyperparameter_changes_the_result,
    contract.a_batch_answers_like_one_by_one,
):
    promise(spec, ratings)
contract.every_bad_value_is_named(spec)
contract.survives_a_round_trip_through_json(spec)
model = recsys.load(recsys.save(recsys.train(spec, ratings), {path!r}))
assert model.factors.spec == spec
result = recsys.evaluate({{"mine": spec}}, recsys.splits.random(ratings, 0.1), k=5)
assert "mine" in result.models
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A folder that looks like site-packages with the other package installed."""
    (tmp_path / "mean_rating.py").write_text(MODULE)
    info = tmp_path / "mean_rating-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mean-rating\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[recsys.models]\nmean-rating = mean_rating:MeanRating\n"
    )
    return tmp_path


def run(folder: Path, root: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Runs Python where the package of `folder` is installed."""
    path = [str(folder), str(root / "tests"), *sys.path]
    code = f"import sys; sys.path[:] = {path!r}"
    return subprocess.run(
        [sys.executable, "-P", "-c", f"{code}\n{command[0]}", *command[1:]],
        capture_output=True, text=True, check=False, cwd=folder,
    )  # fmt: skip


def test_a_model_of_another_package_passes_the_contract(plugin: Path, root: Path) -> None:
    data, path = str(root / "data" / "sample"), str(plugin / "model")
    done = run(plugin, root, CONTRACT.format(data=data, path=path))
    assert done.returncode == 0, done.stderr


def test_the_command_line_trains_it(plugin: Path, root: Path) -> None:
    code = "from recsys.cli.main import run; run(sys.argv[1:])"
    options = ["--model", "mean-rating", "--set", "prior=3", "--out", "m.safetensors"]
    done = run(plugin, root, code, "train", str(root / "data" / "sample"), *options)
    assert done.returncode == 0, done.stderr
    assert "mean-rating (prior=3)" in done.stdout
