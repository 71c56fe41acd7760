"""The benchmark runs and reports what it measured. No test depends on how long it takes."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def run_benchmark(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Runs scripts/benchmark.py with these arguments."""

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(root / "scripts" / "benchmark.py"), *arguments]
        folder = tmp_path_factory.mktemp("benchmark")
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)

    return call


@pytest.mark.slow
@pytest.mark.parametrize(
    "jobs",
    [
        ["query", "memory", "large"],
        pytest.param(["epoch", "query", "memory", "growth", "large"], marks=pytest.mark.long),
    ],
    ids="-".join,
)
def test_every_line_has_its_runs_and_ratios(
    jobs: list[str], run_benchmark: Run, tmp_path: Path
) -> None:
    file = tmp_path / "numbers.json"
    options = ["--size", "0.002", "--rounds", "1", "--runs", "2", "--json", str(file)]
    done = run_benchmark(*jobs, *options)
    assert done.returncode == 0, done.stderr
    numbers = json.loads(file.read_text())
    lines = {(line["title"], line["contender"]): line for line in numbers["lines"]}
    assert {line["job"] for line in lines.values()} == set(jobs)
    for line in lines.values():
        assert len(line["values"]) == len(line["ratios"]) == 2
        assert min(line["values"]) > 0
    ours = [line for (_, who), line in lines.items() if who == "recsys"]
    assert ours
    assert all(line["ratios"] == [1, 1] for line in ours)
    title = {"epoch": "implicit ALS epoch, CG, f = 64"}.get(jobs[0], "peak memory of training")
    assert any(title in line and who == "implicit" for line, who in lines)
    assert numbers["machine"]["commit"] or numbers["machine"]["versions"]
    table = [line for line in done.stdout.splitlines() if line.startswith(f"| {title}")]
    assert " / " in table[-1]


def test_bad_arguments_are_named(run_benchmark: Run) -> None:
    for wrong in (["slowly"], ["epoch", "--rounds", "0"], ["--size", "0"]):
        done = run_benchmark(*wrong)
        assert done.returncode == 2
        assert "jobs are limits, epoch" in done.stderr


@pytest.mark.long
def test_a_job_can_be_repeated_and_the_others_kept(run_benchmark: Run, tmp_path: Path) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    assert (
        run_benchmark("memory", "threads", "--size", "0.002", "--json", str(first)).returncode == 0
    )
    again = ["threads", "--size", "0.002", "--add-to", str(first), "--json", str(second)]
    assert run_benchmark(*again).returncode == 0
    before, after = (json.loads(file.read_text())["lines"] for file in (first, second))
    assert [line["job"] for line in after] == [line["job"] for line in before]
    kept = [line for line in after if line["job"] == "memory"]
    assert kept == [line for line in before if line["job"] == "memory"]
    (tmp_path / "cut.json").write_text(first.read_text()[:100])
    for name in ("nothing.json", "cut.json"):
        refused = run_benchmark("threads", "--add-to", str(tmp_path / name))
        assert refused.returncode == 2  # before anything is measured
        assert not refused.stdout
        assert f"{name} is not a file that --json wrote" in refused.stderr


@pytest.fixture
def tables(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module that writes the tables, with pages in a temporary folder."""
    monkeypatch.syspath_prepend(str(root / "scripts"))
    import benchmark_tables

    (tmp_path / "docs").mkdir()
    for page in (benchmark_tables.PAGE, benchmark_tables.README):
        (tmp_path / page).write_text(
            "before\n<!-- benchmark -->\nold\n<!-- /benchmark -->\nafter\n"
        )
    monkeypatch.setattr(benchmark_tables, "ROOT", tmp_path)
    return benchmark_tables


def test_tables_go_between_the_marks(tables: ModuleType, tmp_path: Path) -> None:
    lines = [
        tables.Line(
            "epoch", title, contender, "3×", "seconds", [0.5, 0.6], [2.5, 11.26],
            [{"GF/s": 7}, {"GF/s": 8}],
        )
        for title, contender in tables.HIGHLIGHTS
    ]  # fmt: skip
    made_with = {"processor": "X", "cores": "2", "instruction set": "avx2", "threads": 2}
    made_with |= {"python": "3.11", "versions": {"implicit": "0.7.3"}, "commit": "abc"}
    tables.write(lines, made_with, 3)
    whole, readme = ((tmp_path / page).read_text() for page in (tables.PAGE, tables.README))
    assert whole.startswith("before\n<!-- benchmark -->\n| job")
    assert "| implicit | 0.5 / 0.6 | 2.50 / 11.26 | GF/s 7 / 8 | 3× |\n" in whole
    assert readme.startswith("before\n<!-- benchmark -->\n|  | compared with |")
    assert readme.count("| 2.5 to 11 |\n") == len(tables.HIGHLIGHTS) == 6
    for page in (whole, readme):
        assert page.endswith("<!-- /benchmark -->\nafter\n")
    # The README alone can be written again from the whole table.
    (tmp_path / tables.PAGE).write_text(whole.replace("2.50 / 11.26", "1.04"))
    tables.write_readme()
    assert "| 1.0 |\n" in (tmp_path / tables.README).read_text()


def test_a_ratio_that_is_not_in_the_table_is_named(tables: ModuleType) -> None:
    with pytest.raises(SystemExit, match="no line for implicit ALS epoch, CG, f = 64 by implicit"):
        tables.write_readme()


def test_the_readme_shows_the_ratios_of_the_table(tables: ModuleType, root: Path) -> None:
    for page in (tables.PAGE, tables.README):
        (tables.ROOT / page).write_text((root / page).read_text())
    tables.write_readme()
    assert (tables.ROOT / tables.README).read_text() == (root / tables.README).read_text()
