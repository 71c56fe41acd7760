"""What tests of the command line share."""

import pytest

import recsys
from recsys.cli.main import run


@pytest.fixture(scope="module")
def model_path(root, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "sample.safetensors"
    model = recsys.train(recsys.ImplicitALS(8), recsys.read_ratings(root / "data" / "sample"))
    return recsys.save(model, path)


@pytest.fixture
def recsys_command(capsys, monkeypatch):
    """Runs the command in this process: (exit code, standard output, standard error)."""
    monkeypatch.setenv("COLUMNS", "80")

    def call(*arguments):
        with pytest.raises(SystemExit) as end:
            run([str(a) for a in arguments])
        return end.value.code, *capsys.readouterr()

    return call
