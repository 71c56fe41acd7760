"""The simulated data set."""

from pathlib import Path


def test_the_sample_is_what_its_script_writes(root: Path, tmp_path: Path) -> None:
    import importlib.util

    spec = importlib.util.spec_from_file_location(
        "simulate_script", root / "scripts" / "simulate.py"
    )
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.write(tmp_path)
    for name in ("ratings.csv", "movies.csv"):
        assert (tmp_path / name).read_text() == (root / "data" / "sample" / name).read_text()
