"""The shelf: versions of models, which of them serve, and where their files are.

A name has at most one version `current`, and at most one `candidate` with a share of the people.
Files lie in one folder, the setting `models` of the store; by default it is next to the file of an
SQLite database.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, Select, case, func, select, text

from recsys.errors import ArgumentError, ModelFileError, StoreError, UnknownIdError
from recsys.files import expanded, remove_leftovers, replacing
from recsys.ratings.databases import shown
from recsys.recommend.recommender import Recommender
from recsys.store.database.engine import reading, writing
from recsys.store.database.schema import meta, models
from recsys.store.database.versions import Arm, State, Version, check_name
from recsys.store.model_file import read_about, save

FOLDER = "models"
"""Key of the folder of the files in the table `meta`."""
ENDING = ".safetensors"
_ANY = -1  # version that none has
_ORPHAN_S = 24 * 60 * 60  # age after which a file that no version has was left by a killed process


class Shelf:
    """The versions of all models of a store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def folder(self) -> Path:
        """Where the files are.

        Raises:
            ArgumentError: it was never said, and the database is no file.
        """
        with reading(self._engine) as connection:
            chosen = connection.execute(select(meta.c.value).where(meta.c.key == FOLDER)).scalar()
        if chosen:
            return Path(chosen)
        if self._engine.url.get_backend_name() != "sqlite":
            raise ArgumentError(
                f"{shown(self._engine.url)} does not record where model files are; name a folder "
                "once with --models DIR"
            )
        file = Path(str(self._engine.url.database)).absolute()
        return file.with_name(f"{file.stem}-models")

    def keep_in(self, folder: str | Path) -> Path:
        """Sets the folder of the files, which must already be there if there are versions.

        Raises:
            ArgumentError: files of versions are not in the folder.
        """
        path = expanded(folder).absolute()
        missing = [
            one.file.name
            for one in self.list()
            if one.state != "purged" and not (path / one.file.name).is_file()
        ]
        if missing:
            raise ArgumentError(
                f"models {str(path)!r} lacks {len(missing)} model files, first {missing[0]}; move "
                "them there first"
            )
        with writing(self._engine) as connection:
            connection.execute(meta.delete().where(meta.c.key == FOLDER))
            connection.execute(meta.insert().values(key=FOLDER, value=str(path)))
        return path

    def add(
        self,
        name: str,
        model: Recommender | Path,
        *,
        state: State = "candidate",
        measured: Mapping[str, Any] | None = None,
        **about: Any,
    ) -> Version:
        """Writes the file of a new version, and then puts it on the shelf.

        Args:
            name: of the model in service, also a part of file names.
            model: the model, or a model file, which is copied.
            state: `candidate` or `refused`.
            measured: for the header of the file, see `save`.
            about: `recipe`, `gate`, `mark`, `parent`.

        Raises:
            ArgumentError: the name cannot be one.
            ModelFileError: the file is no model file, or cannot be written.
        """
        check_name(name)
        now = time.time()
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now))
        folder = self.folder()
        path = folder / f"{name}-{stamp}-{secrets.token_hex(4)}{ENDING}"
        remove_leftovers(folder, f"{name}-")
        spec = self._write(model, path, measured)
        row = {"name": name, "file": path.name, "sha256": _digest(path), "made": now,
               "state": state, "spec": spec, **about}  # fmt: skip
        # The file first: a version that is on the shelf can always be loaded. What is left by a
        # process that was killed here is removed by `purge`.
        with writing(self._engine) as connection:
            _alone(connection)
            last = connection.execute(select(func.max(models.c.version))).scalar() or 0
            connection.execute(models.insert().values(version=last + 1, **row))
        return self.get(last + 1)

    def get(self, version: int) -> Version:
        """One version.

        Raises:
            UnknownIdError: there is none of that number.
        """
        found = self._found(select(models).where(models.c.version == version))
        if not found:
            raise UnknownIdError(f"there is no model version {version}; see recsys models list")
        return found[0]

    def list(self, name: str | None = None) -> tuple[Version, ...]:
        """All versions, or those of a name, the oldest first."""
        query = select(models).order_by(models.c.version)
        return self._found(query if name is None else query.where(models.c.name == name))

    def current(self, name: str) -> Version | None:
        """The version in service; None where none is."""
        found = self._found(
            select(models).where(models.c.name == name, models.c.state == "current")
        )
        return found[0] if found else None

    def arms(self, name: str) -> tuple[Arm, ...]:
        """The versions that serve: the current one, then a candidate with a share; or none."""
        serving = models.c.state.in_(("current", "candidate"))
        found = self._found(select(models).where(models.c.name == name, serving))
        current = [one for one in found if one.state == "current"]
        if not current:
            return ()
        tried = [one for one in found if one.state == "candidate" and one.share][:1]
        others = [Arm("candidate", one, float(one.share or 0)) for one in tried]
        return (Arm("current", current[0], 1 - sum(arm.share for arm in others)), *others)

    def promote(self, version: int, *, over: int | None = _ANY) -> Version:
        """Puts a version into service; what served before is retired, and becomes its parent.

        Args:
            version: its number.
            over: the version that it may replace, None for none; by default whatever serves.

        Raises:
            UnknownIdError: there is none of that number.
            ModelFileError: its file is gone, or is not the one that was put on the shelf.
            StoreError: another version serves than `over`.
        """
        one = self._whole(version)
        with writing(self._engine) as connection:
            _alone(connection)
            before = self._current_number(connection, one.name)
            if over != _ANY and before != over:
                raise StoreError(
                    f"{one.name}: version {before} was promoted meanwhile and stays in service; "
                    f"version {version} is on the shelf"
                )
            if before != version:
                self._serve(connection, one.name, version, models.c.parent, before)
        return self.get(version)

    def rollback(self, name: str) -> Version:
        """Puts the parent of the version in service back into service.

        Raises:
            StoreError: nothing serves, or nothing served before it.
            ModelFileError: the file of the parent is gone.
        """
        one = self.current(name)
        if one is None or one.parent is None:
            served = (
                "no version is in service"
                if one is None
                else f"no version served before {one.version}"
            )
            raise StoreError(f"{name}: {served}, so there is nothing to go back to")
        parent = self._whole(one.parent)
        with writing(self._engine) as connection:
            _alone(connection)
            if self._current_number(connection, name) != one.version:
                raise StoreError(f"{name}: another version was just promoted; try again")
            self._serve(connection, name, parent.version, None, None)
        return self.get(parent.version)

    def share(self, version: int, share: float) -> Version:
        """Lets a version serve a share of the people, in place of any other candidate.

        A share of 0 ends the trial: the version is retired.

        Raises:
            ArgumentError: the share is not from 0 to below 1, the version is in service, or no
                version of its name is.
            ModelFileError: its file is gone.
        """
        if not 0 <= share < 1:
            raise ArgumentError(f"share must be at least 0 % and below 100 %, not {share:.6g}")
        one = self._whole(version)
        if one.state == "current" or self.current(one.name) is None:
            why = "is in service" if one.state == "current" else "has no version to share with"
            raise ArgumentError(f"version {version} of {one.name} {why}; promote another one first")
        with writing(self._engine) as connection:
            _alone(connection)
            mine, tried = models.c.version == version, models.c.share > 0
            connection.execute(
                models.update()
                .where(models.c.name == one.name, models.c.state == "candidate", tried, ~mine)
                .values(state="retired", share=None)
            )
            values: dict[str, Any] = {"state": "candidate", "share": share}
            if not share:
                values = {"state": "retired", "share": None}
            connection.execute(models.update().where(mine).values(**values))
        return self.get(version)

    def purge(self, name: str, older_than: float, now: float | None = None) -> tuple[Version, ...]:
        """Deletes the files of versions that do not serve and are older than so many seconds.

        Returns the versions. Files in the folder that no version has, a day after they were
        written, go too.
        """
        now = time.time() if now is None else now
        serving = {arm.version.version for arm in self.arms(name)}
        old = [
            one
            for one in self.list(name)
            if one.version not in serving
            and one.state not in ("purged", "current")
            and one.made < now - older_than
        ]
        if old:
            # The shelf first: nothing is promoted of which the file is about to go.
            with writing(self._engine) as connection:
                _alone(connection)
                connection.execute(
                    models.update()
                    .where(models.c.version.in_([one.version for one in old]))
                    .where(models.c.state.in_(("candidate", "retired", "refused")))
                    .values(state="purged", share=None)
                )
        gone = [one for one in (self.get(each.version) for each in old) if one.state == "purged"]
        for one in self.list(name):
            if one.state == "purged":  # now, or by a process that was killed before it came to this
                one.file.unlink(missing_ok=True)
        self._remove_orphans(name, now)
        return tuple(gone)

    def _found(self, query: Select[Any]) -> tuple[Version, ...]:
        with reading(self._engine) as connection:
            rows = connection.execute(query).mappings().all()
        folder = self.folder() if rows else Path()
        return tuple(_version(row, folder) for row in rows)

    def _whole(self, version: int) -> Version:
        # A version whose file is there, as it was.
        one = self.get(version)
        if one.state == "purged":
            raise ModelFileError(
                f"version {version} of {one.name} was purged: its file is gone; promote another"
            )
        if not one.file.is_file() or _digest(one.file) != one.sha256:
            why = "has changed since it was added to the shelf" if one.file.is_file() else "is gone"
            raise ModelFileError(f"{one.file}: the file of version {version} {why}")
        return one

    def _write(
        self, model: Recommender | Path, path: Path, measured: Mapping[str, Any] | None
    ) -> str:
        # The file of a version; returns the name of its spec.
        if isinstance(model, Recommender):
            save(model, path, measured=measured)
        else:
            read_about(model)
            with open(model, "rb") as source, replacing(path) as stream:
                shutil.copyfileobj(source, stream)
        return str(read_about(path)["spec"]["model"])

    def _current_number(self, connection: Connection, name: str) -> int | None:
        query = select(models.c.version).where(models.c.name == name, models.c.state == "current")
        return connection.execute(query).scalar()

    def _serve(
        self, connection: Connection, name: str, version: int, parent: Any, before: int | None
    ) -> None:
        # In one statement, so that there is never none or two in service.
        mine = models.c.version == version
        values: dict[Any, Any] = {
            "state": case((mine, "current"), else_="retired"),
            "share": None,
        }
        if parent is not None:
            values["parent"] = case((mine, before), else_=parent)
        connection.execute(
            models.update()
            .where(models.c.name == name, mine | (models.c.state == "current"))
            .values(**values)
        )

    def _remove_orphans(self, name: str, now: float) -> None:
        folder = self.folder()
        known = {one.file.name for one in self.list()}
        pattern = re.compile(rf"{re.escape(name)}-\d{{8}}-\d{{6}}-[0-9a-f]{{8}}{ENDING}")
        for path in folder.glob(f"{name}-*{ENDING}"):
            left = pattern.fullmatch(path.name) and path.name not in known
            if left and path.stat().st_mtime < now - _ORPHAN_S:
                path.unlink(missing_ok=True)


def _version(row: RowMapping, folder: Path) -> Version:
    return Version(**{**row, "file": folder / row["file"]})


def _digest(path: Path) -> str:
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _alone(connection: Connection) -> None:
    # A transaction of SQLite that writes is alone anyway.
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE models IN SHARE ROW EXCLUSIVE MODE"))
