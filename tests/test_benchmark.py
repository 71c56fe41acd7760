"""That the benchmark runs and says what it measured; never how long it took."""

import json
import subprocess
import sys

import pytest


@pytest.fixture(scope="module")
def run_benchmark(root, tmp_path_factory):
    def call(*arguments):
        command = [sys.executable, str(root / "scripts" / "benchmark.py"), *arguments]
        folder = tmp_path_factory.mktemp("benchmark")
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)

    return call


@pytest.mark.slow
def test_every_line_has_its_runs_and_ratios(run_benchmark, tmp_path):
    file = tmp_path / "numbers.json"
    jobs = ["epoch", "query", "memory", "growth", "large"]
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
    assert ("implicit ALS epoch, CG, f = 64", "implicit") in lines
    assert numbers["machine"]["commit"] or numbers["machine"]["versions"]
    table = [
        line for line in done.stdout.splitlines() if line.startswith("| implicit ALS epoch, CG")
    ]
    assert " / " in table[-1]


def test_bad_arguments_are_named(run_benchmark):
    for wrong in (["slowly"], ["epoch", "--rounds", "0"], ["--size", "0"]):
        done = run_benchmark(*wrong)
        assert done.returncode == 2
        assert "jobs are limits, epoch" in done.stderr


@pytest.mark.slow
def test_one_job_anew_keeps_the_others(run_benchmark, tmp_path):
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
        assert f"{name} is no file that --json wrote" in refused.stderr


def test_tables_go_between_the_marks(root, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(root / "scripts"))
    import benchmark

    (tmp_path / "docs").mkdir()
    for page in benchmark.PAGES:
        (tmp_path / page).write_text(
            "before\n<!-- benchmark -->\nold\n<!-- /benchmark -->\nafter\n"
        )
    monkeypatch.setattr(benchmark, "ROOT", tmp_path)
    line = benchmark.Line(
        "epoch", "an epoch", "recsys", "3×", "seconds", [0.5], [1.0], [{"GF/s": 7}]
    )
    made_with = {"processor": "X", "cores": "2", "instruction set": "avx2", "threads": 2}
    made_with |= {"python": "3.11", "versions": {"implicit": "0.7.3"}, "commit": "abc"}
    benchmark.write([line], made_with, 3)
    page = (tmp_path / "README.md").read_text()
    assert page.startswith("before\n<!-- benchmark -->\n| job")
    assert page.endswith("<!-- /benchmark -->\nafter\n")
    assert "| an epoch | recsys | 0.5 | 1.00 | GF/s 7 |\n" in page
    assert "| GF/s 7 | 3× |\n" in (tmp_path / "docs/performance.md").read_text()
