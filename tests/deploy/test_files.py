"""The files in deploy/ say what the docs promise. No image is built here: that needs Docker."""

import configparser
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from recsys.cli.main import app

UNITS = "recsys.service", "recsys-retrain.service", "recsys-retrain.timer"


@pytest.fixture(scope="module")
def deploy(root: Path) -> Path:
    return root / "deploy"


@pytest.fixture(scope="module")
def stages(deploy: Path) -> list[list[tuple[str, str]]]:
    """The instructions of each stage of the Dockerfile."""
    text = re.sub(r"(?m)^#.*\n", "", (deploy / "Dockerfile").read_text()).replace("\\\n", " ")
    found: list[list[tuple[str, str]]] = []
    for line in filter(None, (one.strip() for one in text.splitlines())):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            found.append([])
        found[-1].append((word, rest.strip()))
    return found


@pytest.fixture(scope="module")
def compose(deploy: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((deploy / "compose.yaml").read_text())
    return loaded


def unit(deploy: Path, name: str) -> configparser.ConfigParser:
    parsed = configparser.ConfigParser(strict=False, interpolation=None, delimiters=["="])
    parsed.optionxform = str  # type: ignore[assignment,method-assign]
    parsed.read_string((deploy / name).read_text())
    return parsed


def of(stage: list[tuple[str, str]], word: str) -> list[str]:
    return [rest for one, rest in stage if one == word]


def options(*names: str) -> set[str]:
    command: Any = typer.main.get_command(app)
    for name in names:
        command = command.get_command(None, name)
        assert command is not None, names
    parameters = command.params
    return {name for one in parameters for name in (*one.opts, *one.secondary_opts)}


def test_the_image_is_slim_and_runs_without_rights(stages: list[list[tuple[str, str]]]) -> None:
    build, final = stages
    assert of(build, "FROM")[0].endswith(" AS build")
    for stage in stages:
        image = of(stage, "FROM")[0].split(" ")[0]
        assert re.fullmatch(r"python:3\.\d+-slim-\w+", image)  # a version, not the latest
    assert of(final, "COPY") == ["--from=build /opt/recsys /opt/recsys"]
    installs = " ".join(of(final, "RUN"))
    assert "--no-install-recommends" in installs
    assert "g++" not in installs
    user = of(final, "USER")
    assert user == ["10001"]
    assert f"--uid {user[0]}" in installs
    assert of(final, "STOPSIGNAL") == ["SIGTERM"]
    assert of(final, "ENTRYPOINT") == ['["recsys"]']
    (check,) = of(final, "HEALTHCHECK")
    assert "127.0.0.1:8000/v1/health" in check
    assert of(final, "EXPOSE") == ["8000"]


def test_the_health_check_of_the_image_is_a_program(stages: list[list[tuple[str, str]]]) -> None:
    (check,) = of(stages[1], "HEALTHCHECK")
    words = yaml.safe_load(check.partition("CMD ")[2])
    assert words[:2] == ["python", "-c"]
    compile(words[2], "health", "exec")


def test_the_build_has_what_the_wheel_needs(
    stages: list[list[tuple[str, str]]], deploy: Path, root: Path
) -> None:
    copied = {name for one in of(stages[0], "COPY") for name in one.split()[:-1]}
    needed = {"pyproject.toml", "CMakeLists.txt", "recsys"}
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    needed |= {project["readme"], *project["license-files"]}
    assert copied == needed
    ignore = (deploy / "Dockerfile.dockerignore").read_text().splitlines()
    assert {line[1:] for line in ignore if line.startswith("!")} == needed
    assert "*" in ignore
    extra = re.findall(r"\.\[(\w+)\]", " ".join(of(stages[0], "RUN")))
    assert set(extra) <= set(project["optional-dependencies"])


def test_the_compose_file_starts_in_order_and_shows_one_port(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert set(services) == {"db", "api", "retrain", "tool"}
    assert "ports" not in services["db"]
    assert services["api"]["ports"] == ["127.0.0.1:8000:8000"]
    assert "pg_isready" in services["db"]["healthcheck"]["test"][1]
    for name in ("api", "retrain", "tool"):
        one = services[name]
        assert one["depends_on"] == {"db": {"condition": "service_healthy"}}
        assert one["read_only"] is True
        assert one["cap_drop"] == ["ALL"]
        assert one["security_opt"] == ["no-new-privileges:true"]
        assert (name == "api") == ("profiles" not in one)
        assert one["build"]["dockerfile"] == "deploy/Dockerfile"
    mounted = {v.partition(":")[0] for one in services.values() for v in one["volumes"]}
    assert mounted == set(compose["volumes"])


def test_no_password_is_in_a_file_or_on_a_command_line(
    compose: dict[str, Any], deploy: Path
) -> None:
    for one in compose["services"].values():
        words = " ".join([*one.get("command", []), *one.get("entrypoint", [])])
        assert not re.search(r"://[^/@]*:", words)
        for name, value in one["environment"].items():
            if "PASSWORD" in name:
                assert value.startswith("${POSTGRES_PASSWORD:?")
    environment = (deploy / "recsys.environment").read_text()
    assert re.search(r"(?m)^PGPASSWORD=$", environment)
    for name in UNITS:
        assert "PASSWORD" not in (deploy / name).read_text()


def test_commands_in_these_files_exist(compose: dict[str, Any], deploy: Path) -> None:
    services = compose["services"]
    lines = [services["api"]["command"], services["retrain"]["entrypoint"][1:]]
    for name in UNITS[:2]:
        command = unit(deploy, name)["Service"]["ExecStart"]
        program, *words = shlex.split(command)
        assert program == "/opt/recsys/bin/recsys"
        lines.append(words)
    for command, *words in lines:
        given = {word for word in words if word.startswith("--")}
        assert given <= options(command), command
    text = (deploy / "compose.yaml").read_text() + (deploy / "Dockerfile").read_text()
    shown = re.findall(r"run --rm .*?(retrain\b|tool (?:store \w+(?: add)?))(.*)$", text, re.M)
    assert len(shown) == 4
    for command, rest in shown:
        names = command.removeprefix("tool ").split()
        assert set(re.findall(r" (--[a-z-]+)", rest)) <= options(*names), command


@pytest.mark.parametrize("name", UNITS[:2])
def test_units_run_without_rights(deploy: Path, name: str) -> None:
    service = unit(deploy, name)["Service"]
    assert service["User"] == "recsys"
    for setting, value in {
        "NoNewPrivileges": "yes", "CapabilityBoundingSet": "", "ProtectSystem": "strict",
        "ProtectHome": "yes", "PrivateTmp": "yes", "PrivateDevices": "yes",
        "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX", "StateDirectory": "recsys",
    }.items():  # fmt: skip
        assert service[setting] == value
    assert set(service) - {"RestartSec"}  # parsed at all


def test_the_timer_starts_the_retraining(deploy: Path) -> None:
    timer = unit(deploy, "recsys-retrain.timer")
    assert timer["Timer"]["Persistent"] == "yes"
    assert unit(deploy, "recsys-retrain.service")["Service"]["SuccessExitStatus"] == "6"
    # Without Unit=, a timer starts the service of its own name.
    assert "Unit" not in timer["Timer"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize("name", UNITS)
def test_systemd_understands_the_units(deploy: Path, name: str, tmp_path: Path) -> None:
    for one in UNITS:
        text = (deploy / one).read_text()
        # The program need not be installed here.
        (tmp_path / one).write_text(text.replace("/opt/recsys/bin/recsys", "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / name)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "recsys" not in done.stderr
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize("name", UNITS[:2])
def test_systemd_finds_little_that_is_exposed(deploy: Path, name: str) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", str(deploy / name)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    (level,) = re.findall(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert float(level) <= 2.0, done.stdout
