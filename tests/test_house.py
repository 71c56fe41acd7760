"""The house: sizes of functions and files, and the public names."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import recsys

LONGEST_FUNCTION, LONGEST_FILE = 60, 400
SHORT, SHARE_OF_SHORT = 27, 0.9

PUBLIC_IN_0_1_0 = (
    "BPR", "Biases", "EASE", "Evaluation", "ExplicitALS", "Factors", "Feedback", "Grid",
    "ImplicitALS", "ItemKNN", "LogisticMF", "NormalizedSVD", "Popularity", "Progress", "PureSVD",
    "Ratings", "Recommender", "__version__", "errors", "evaluate", "feedback", "fetch", "load",
    "maps", "read_ratings", "save", "splits", "train",
)  # fmt: skip


def sources(root: Path) -> list[Path]:
    return [*(root / "recsys").rglob("*.py"), *(root / "scripts").rglob("*.py")]


def functions(file: Path) -> list[tuple[str, int]]:
    """Name and number of lines of every function of a file."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return [
        (f"{file.name}: {node.name}", (node.end_lineno or 0) - node.lineno + 1)
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, kinds)
    ]


def test_no_function_is_too_long_and_most_are_short(root: Path) -> None:
    found = [one for file in sources(root) for one in functions(file)]
    assert [name for name, lines in found if lines > LONGEST_FUNCTION] == []
    short = sum(lines < SHORT for _, lines in found) / len(found)
    assert short >= SHARE_OF_SHORT


def test_no_file_is_too_long(root: Path) -> None:
    files = [*sources(root), *(root / "tests").rglob("*.py")]
    files += [f for end in ("cpp", "hpp", "js") for f in (root / "recsys").rglob(f"*.{end}")]
    lengths = {str(f.relative_to(root)): len(f.read_text().splitlines()) for f in files}
    assert {name: n for name, n in lengths.items() if n > LONGEST_FILE} == {}


def test_python_started_by_tests_does_not_import_the_checkout(root: Path) -> None:
    # Without -P, Python finds the folder it is started in first, and there is a recsys in this one
    # that nobody installed: its kernels are missing, or older than its code.
    started = re.compile(r"""executable,\s*["']-[cm]["']|executable[}] -m""")
    files = (root / "tests").rglob("*.py")
    assert [str(file) for file in files if started.search(file.read_text())] == []


@pytest.mark.parametrize("name", PUBLIC_IN_0_1_0)
def test_public_names_of_0_1_0_are_still_public(name: str) -> None:
    assert name in recsys.__all__
    assert getattr(recsys, name) is not None


def test_every_public_name_loads_and_is_listed_once() -> None:
    assert len(set(recsys.__all__)) == len(recsys.__all__)
    for name in recsys.__all__:
        getattr(recsys, name)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = recsys.nothing


def test_importing_the_package_loads_next_to_nothing() -> None:
    code = (
        "import sys, json, recsys; dir(recsys); "
        "heavy = ('numpy', 'scipy', 'pandas', 'pyarrow'); "
        "print(json.dumps([name for name in heavy if name in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == []


def test_the_package_is_marked_as_typed() -> None:
    assert (Path(recsys.__file__).parent / "py.typed").is_file()


TOP = {
    ".ci", ".clang-format", ".gitignore", "CMakeLists.txt", "CONTRIBUTING.md", "LICENSE",
    "README.md", "SECURITY.md", "biome.json", "data", "deploy", "docs", "pyproject.toml", "recsys",
    "scripts", "tests",
}  # fmt: skip


def test_no_output_of_a_command_is_committed(root: Path) -> None:
    """At the top, where commands write what has no folder, and in data, of which little is ours."""
    if not (root / ".git").exists():
        pytest.skip("not a checkout")
    done = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True)
    files = [Path(line) for line in done.stdout.splitlines()]
    assert {file.parts[0] for file in files} <= TOP
    assert {file.parts[1] for file in files if file.parts[0] == "data"} == {
        "README.md", "sample", "worked-example.csv"
    }  # fmt: skip
