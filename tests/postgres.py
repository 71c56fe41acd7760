"""A PostgreSQL cluster of the tests' own, on a free port, which can be stopped and started."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

PASSWORD = "sesame-open"


class NoPostgres(Exception):
    """There is none on this machine, or it does not start; says why."""


def programs() -> Path:
    """The folder of `initdb` and `postgres`."""
    on_path = shutil.which("initdb")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_version)
    if on_path is None and not found:
        raise NoPostgres("no PostgreSQL is installed (Debian, Ubuntu: apt install postgresql)")
    return (found[-1] if found else Path(str(on_path))).parent


def _version(program: Path) -> float:
    name = program.parts[-3]
    return float(name) if name.replace(".", "").isdigit() else 0.0


class Cluster:
    """One server with a folder of its own. It does not run as root: root becomes `postgres`."""

    def __init__(self) -> None:
        self._programs = programs()
        self._user = "postgres" if os.geteuid() == 0 else None
        self._folder = Path(tempfile.mkdtemp(prefix="recsys-postgres-"))
        if self._user is not None:
            try:
                shutil.chown(self._folder, self._user)
            except LookupError:
                raise NoPostgres("root needs a user postgres to run PostgreSQL") from None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._server: subprocess.Popen[bytes] | None = None
        self._n_databases = 0
        self._free: list[str] = []
        secret = self._folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        self._run("initdb", "--no-sync", "-D", self._data, "-U", "recsys", "-A", "scram-sha-256",
                  f"--pwfile={secret}", "-E", "UTF8", "--locale=C.UTF-8")  # fmt: skip

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._programs / program), *arguments], user=self._user, cwd=self._folder,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise NoPostgres(f"{program} failed: {done.stderr.strip()[-300:]}")

    def start(self) -> None:
        """Starts the server and waits until it answers."""
        settings = {
            "port": self.port, "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self._folder, "shared_buffers": "64MB",
        }  # fmt: skip
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with open(self._folder / "log", "ab") as log:
            self._server = subprocess.Popen(
                [str(self._programs / "postgres"), "-D", self._data, *options],
                user=self._user, cwd=self._folder, stdout=log, stderr=log,
            )  # fmt: skip
        end = time.monotonic() + 180  # after a crash it recovers first
        while True:
            try:
                self._connection().close()
                return
            except psycopg.OperationalError as error:
                if self._server.poll() is not None or time.monotonic() > end:
                    raise NoPostgres(f"PostgreSQL does not start: {error}") from None
                time.sleep(0.05)

    def stop(self, mode: str = "fast") -> None:
        """Stops the server: "fast" ends connections, "immediate" is like a crash."""
        if self._server is not None:
            self._run("pg_ctl", "stop", "-D", self._data, "-m", mode, "-w")
            self._server.wait(timeout=60)
            self._server = None

    def remove(self) -> None:
        """Stops the server and deletes its folder."""
        self.stop("immediate")
        shutil.rmtree(self._folder)

    def url(self, database: str = "postgres") -> str:
        """The address of a database."""
        return f"postgresql://recsys:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """The address of an empty database."""
        if self._free:
            return self.url(self._free.pop())
        self._n_databases += 1
        name = f"test{self._n_databases}"
        with self._connection() as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)

    def give_back(self, url: str) -> None:
        """Empties a database for the next who wants one: to make one takes a second, and a server
        with a hundred of them minutes to recover from a crash.
        """
        name = url.rpartition("/")[2]
        with self._connection() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )
            connection.execute(f"ALTER DATABASE {name} RESET ALL".encode())
        with psycopg.connect(url, connect_timeout=5, autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
        self._free.append(name)

    def _connection(self) -> psycopg.Connection:
        return psycopg.connect(self.url(), connect_timeout=5, autocommit=True)
