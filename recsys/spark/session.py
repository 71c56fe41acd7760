"""A Spark session for one command, and Spark's errors in one line."""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from recsys.errors import ArgumentError, DataError, EngineError, RecsysError
from recsys.files import temporary_folder

if TYPE_CHECKING:
    from pyspark import SparkConf
    from pyspark.sql import SparkSession

JAVA = 17
"""The least version of Java that Spark 4 runs on."""
_DRIVERS = ("/usr/share/java/postgresql.jar",)  # where Debian installs libpostgresql-jdbc-java
_LONGEST = 300
_STACK = "16m"
_MALFORMED = "MALFORMED_CSV_RECORD"


_FOLDERS: WeakKeyDictionary[SparkSession, Path] = WeakKeyDictionary()


def folder_of(running: SparkSession) -> Path:
    """A folder for files that machines of the cluster get; it lasts as long as the session.

    A machine that joins later, as where one was lost, gets all files that any job has sent.
    """
    if running not in _FOLDERS:  # a session of the caller, as in a notebook
        folder = Path(tempfile.mkdtemp(prefix="recsys-"))
        weakref.finalize(running, shutil.rmtree, folder, ignore_errors=True)
        _FOLDERS[running] = folder
    return _FOLDERS[running]


@contextmanager
def session(master: str, name: str = "recsys", databases: bool = False) -> Iterator[SparkSession]:
    """A session that ends with the block, whatever happens in it.

    Args:
        master: where Spark runs, such as `local[*]`, `spark://host:7077`, `yarn` or `k8s://...`.
        name: what Spark's pages call the application.
        databases: whether to load the driver of PostgreSQL, where Debian installs it.

    Raises:
        ArgumentError: pyspark or Java 17 is not installed.
        EngineError: Spark cannot be started, or a job of the block has failed.
    """
    if find_spec("pyspark") is None:
        raise ArgumentError(
            'the engine spark needs pyspark; install it with pip install "recsys-mf[spark]"'
        )
    require_java()
    # The workers need the packages of this Python.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)
    with temporary_folder() as folder, _quiet(), translated():
        running = _started(master, name, databases)
        try:
            _FOLDERS[running] = folder
            if master.startswith("local"):  # elsewhere spark.checkpoint.dir must be on all machines
                running.sparkContext.setCheckpointDir(str(folder))
            running.sparkContext.setLogLevel("OFF")
            yield running
        finally:
            with suppress(Exception):  # Java may be gone, and the first error is what counts
                running.sparkContext.cancelAllJobs()
                running.stop()


def _started(master: str, name: str, databases: bool) -> SparkSession:
    from pyspark import SparkConf
    from pyspark.sql import SparkSession

    conf = SparkConf().setMaster(master).setAppName(name)
    conf.setAll(list(_settings(databases).items()))
    with tempfile.TemporaryFile() as said:
        # Java keeps the standard error that it is started with, and writes what no setting stops.
        own = os.dup(2)
        os.dup2(said.fileno(), 2)
        try:
            _launch(conf)
            return SparkSession.builder.config(conf=conf).getOrCreate()
        except Exception as error:
            said.seek(0)
            lines = said.read().decode("utf-8", "replace").splitlines()
            causes = [line for line in lines if "Exception" in line or "Error" in line]
            if "JAVA_GATEWAY_EXITED" in str(error) and causes:
                raise EngineError(
                    f"Spark does not start: {in_one_line(Exception(causes[0]))}"
                ) from None
            raise
        finally:
            os.dup2(own, 2)
            os.close(own)


def _launch(conf: SparkConf) -> None:
    # Java ends when this process does, once the two are connected. Before, it would be left behind
    # for ever; so what interrupts this thread does not interrupt the launch, which is waited for.
    from pyspark import SparkContext
    from pyspark.java_gateway import launch_gateway

    if SparkContext._gateway is None:
        with ThreadPoolExecutor(1) as pool:
            gateway = pool.submit(launch_gateway, conf).result()
        SparkContext._ensure_initialized(gateway=gateway, conf=conf)


def _settings(databases: bool) -> dict[str, str]:
    # Those of spark-defaults.conf and of spark-submit come before the ones that are not set here.
    found = {
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.sql.ansi.enabled": "false",
        # Each epoch of ALS makes what Spark has to write down of its past deeper.
        "spark.driver.defaultJavaOptions": f"-Xss{_STACK}",
        "spark.executor.defaultJavaOptions": f"-Xss{_STACK}",
    }
    jars = [jar for jar in _DRIVERS if databases and Path(jar).is_file()]
    if jars and "--jars" not in os.environ.get("PYSPARK_SUBMIT_ARGS", ""):
        found["spark.jars"] = ",".join(jars)
    return found


def require_java() -> None:
    """Checks that there is a Java that Spark runs on.

    Raises:
        ArgumentError: there is none, or an older one.
    """
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home, "bin", "java")) if home else shutil.which("java")
    package = f"openjdk-{JAVA}-jre-headless"
    needs = f"the engine spark needs Java {JAVA} (Debian, Ubuntu: apt install {package})"
    if java is None:
        raise ArgumentError(f"{needs}, but Java is not installed")
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, check=True).stderr
    except (OSError, subprocess.CalledProcessError) as error:
        raise ArgumentError(f"{needs}; {java} does not run ({error})") from None
    version = re.search(r'version "(?:1\.)?(\d+)', said)
    if version is not None and int(version[1]) < JAVA:
        raise ArgumentError(f"{needs}, not Java {version[1]}")


@contextmanager
def _quiet() -> Iterator[None]:
    # Spark's start-up messages would stand between those of the command.
    logging.getLogger("py4j").setLevel(logging.CRITICAL)
    logging.getLogger("pyspark").setLevel(logging.CRITICAL)
    root = logging.getLogger()
    root.addFilter(_is_no_interruption)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", UserWarning)
            yield
    finally:
        root.removeFilter(_is_no_interruption)


def _is_no_interruption(record: logging.LogRecord) -> bool:
    # It is raised as well, and ends the command with one line.
    return "while sending command" not in record.getMessage()


@contextmanager
def translated() -> Iterator[None]:
    """Turns Spark's errors into errors of this package, in one line.

    Raises:
        DataError: the data cannot be read.
        EngineError: anything else has failed.
    """
    try:
        yield
    except RecsysError:
        raise
    except Exception as error:
        kind = f"{type(error).__module__}.{type(error).__name__}"
        if not kind.startswith(("pyspark.", "py4j.")) and not isinstance(error, ConnectionError):
            raise
        if "AnalysisException" in kind or "ParseException" in kind or _MALFORMED in str(error):
            raise DataError(f"Spark: {in_one_line(error)}") from None
        raise EngineError(f"Spark: {in_one_line(error)}") from None


def in_one_line(error: BaseException) -> str:
    """What an error of Spark says, without its traces of Java and Python.

    >>> in_one_line(ValueError("[PATH_NOT_FOUND] Path does not exist: file:/x. SQLSTATE: 42K03;"))
    'Path does not exist: file:/x'
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if any("Python worker: Traceback" in line for line in lines):
        last = [line for line in lines if re.match(r"[\w.]*(Error|Exception|Interrupt)\b", line)]
        lines = last[-1:] or lines
    said = next((line for line in lines if line.startswith("[")), lines[0] if lines else "")
    caused = [line for line in lines if line.startswith("Caused by:")]
    if said.startswith("An error occurred while calling") or not said:
        java = [line for line in lines if re.match(r": ?[\w.]+(Exception|Error)", line)]
        said = (caused or java or [said])[-1]
    said = re.sub(r"^(: ?|Caused by: )\s*", "", said)
    said = re.sub(r"^([\w$]+\.)+\w+(Exception|Error): ", "", said)
    said = re.sub(r"^\[[A-Z_.]+\]\s*", "", said)
    said = re.sub(r"\.? SQLSTATE: \w+;?", "", said).rstrip(".; ")
    return said if len(said) <= _LONGEST else f"{said[: _LONGEST - 1]}…"
