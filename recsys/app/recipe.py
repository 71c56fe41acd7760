"""Recipes: everything a training needs, from a TOML file or command-line options."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from recsys.app.engine import SPARK, check_engine, engine_field, master_field, name_on
from recsys.errors import ArgumentError, ModelFileError
from recsys.evaluation.search.limits import budget_field, time_limit_field
from recsys.files import expanded, output_file, read_whole
from recsys.models.kept import EVERY
from recsys.models.registry import SPECS, make_spec
from recsys.ratings.source import Source
from recsys.settings import Settings, near, option, seconds, settings_of
from recsys.visible import brief, one_line

if TYPE_CHECKING:
    from recsys.evaluation.search.auto import Auto
    from recsys.evaluation.search.blending import Blending
    from recsys.models.spec import Spec
    from recsys.ratings.feedback import Feedback
    from recsys.ratings.ratings import Ratings
    from recsys.ratings.splits import Split


SPLITS = "random", "by-time"
"""How a training may hold ratings out."""


class Part(NamedTuple):
    """Which ratings to measure on."""

    how: str
    """random, or by-time for the latest."""
    test: float
    """Share of the ratings."""
    seed: int = 0

    def split(self, ratings: Ratings) -> Split:
        """Training and test ratings."""
        from recsys.ratings import splits

        if self.how == "by-time":
            return splits.by_time(ratings, test=self.test)
        return splits.random(ratings, test=self.test, seed=self.seed)

    def __str__(self) -> str:
        if self.how == "by-time":
            return f"the latest {self.test:.0%} of the ratings"
        return f"{self.test:.0%} of the ratings held out at random, seed {self.seed}"


AUTO = "auto"
"""Name of the search for the hyperparameters of implicit-als, where a model is named."""

BLEND = "blend"
"""Name of the model whose weights are chosen where none are given."""


ALL = "all"
"""Name of every column that is of use as a feature."""


def features_field(more: str = "") -> Any:
    """The option `features`; `more` says what holds where it is not given."""
    return option(
        None,
        metavar="NAME,NAME,...",
        meaning="Columns of the item and user tables, such as genres,year,age, from which items "
        "and users without ratings get factors; all for every useful column.",
        default_text=more or "none",
    )


def checkpoint_field() -> Any:
    """The option `checkpoint`."""
    return option(
        None,
        metavar="DIR",
        meaning="Folder for checkpoints; running the same command again resumes from there. "
        "Removed when the command is done.",
        default_text="none",
    )


def every_field() -> Any:
    """The option `every`."""
    return option(
        f"{EVERY:g}s",
        metavar="TIME",
        meaning="Time between checkpoints: 90 or 90s, 10m, 2h; 0 saves after each step.",
    )


def processes_field(meaning: str) -> Any:
    """The option `processes`."""
    return option(1, low=1, high=1024, meaning=meaning)


def interval(checkpoint: str | None, every: str) -> float:
    """The seconds from one save to the next.

    Raises:
        ArgumentError: it is no time, or there is no checkpoint.
    """
    if checkpoint is None and every != f"{EVERY:g}s":
        raise ArgumentError("every needs a checkpoint; name its folder with checkpoint")
    return seconds(every, "every", zero=True)


def feature_names(given: Sequence[str] | None) -> Sequence[str] | bool | None:
    """What `recsys.train` takes for the option `features`."""
    return True if given is not None and list(given) == [ALL] else given


@dataclass(frozen=True)
class Recipe(Source):
    """A training. The fields are the keys of a recipe file."""

    model: str | None = option(
        None,
        choices=lambda: [AUTO, *SPECS],
        metavar="NAME",
        meaning="Model to train; auto is implicit-als with hyperparameters chosen for the data.",
        default_text="implicit-als, tuned by auto unless --set gives hyperparameters",
    )
    out: str = option(
        "model.safetensors",
        flags=("--out", "-o"),
        metavar="FILE",
        meaning="Model file to write; folders that do not exist are created.",
    )
    hyperparameters: Mapping[str, Any] = option(
        {},
        flags=("--set",),
        metavar="NAME=VALUE",
        meaning="Hyperparameter, such as n_factors=128. Repeatable.",
    )
    feedback: str | None = option(
        None,
        metavar="HOW",
        meaning="How ratings become confidence: values, ones, log (of counts), centered (low "
        "ratings count against an item), at-least=4 to count only ratings of 4 and above, or "
        "dislikes-below=3. Append ,half-life=180d to give older ratings less weight.",
        default_text="values, unless auto chooses",
    )
    features: Sequence[str] | None = features_field()
    budget: float = budget_field()
    time_limit: float | None = time_limit_field()
    test: float = option(
        0.0,
        metavar="SHARE",
        meaning="Share of the ratings, such as 0.1, to hold out first and measure the model on.",
        default_text="no measurement",
    )
    split: str = option(
        "random",
        choices=SPLITS,
        meaning="How the held-out ratings are chosen; by-time takes the latest. The gate of "
        "evaluate compares stored metrics only for the same kind of split.",
    )
    seed: int = option(0, low=0, meaning="Seed for the random start and the held-out ratings.")
    checkpoint: str | None = checkpoint_field()
    every: str = every_field()
    engine: str = engine_field()
    master: str | None = master_field()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.test < 1:
            raise ArgumentError(f"test must be at least 0 and below 1, not {self.test!r}")
        check_engine(self.engine, self.master, self.checkpoint)
        if self.model is None:
            searched = not self.hyperparameters and self.engine != SPARK
            object.__setattr__(self, "model", AUTO if searched else "implicit-als")

    def spec(self) -> Spec | Auto | Blending:
        """The model with its hyperparameters and the seed, or what chooses it.

        Raises:
            ArgumentError: a name or value is wrong.
        """
        limits = self.budget, self.time_limit
        name = name_on(self.engine, str(self.model))
        return spec_of(name, self.hyperparameters, self.seed, *limits)

    def parsed_feedback(self) -> Feedback | None:
        """What `feedback` stands for; None where it is not given.

        Raises:
            ArgumentError: it is none of what is allowed.
        """
        from recsys.ratings.feedback import Feedback

        return None if self.feedback is None else Feedback.parse(self.feedback)

    def part(self) -> Part | None:
        """Which ratings to measure on; None for no measurement.

        Raises:
            ArgumentError: there is a split and no share.
        """
        if self.test:
            return Part(self.split, self.test, self.seed)
        if self.split != SPLITS[0]:
            raise ArgumentError(
                f"split {self.split} needs test: the share of the ratings to measure on"
            )
        return None

    def out_file(self) -> Path:
        """The model file to write.

        Raises:
            ArgumentError: it cannot be written, or would replace what is no model file.
        """
        return model_file_to_write(self.out, "out")


def model_file_to_write(path: str, argument: str) -> Path:
    """The model file that will be written to `path`.

    Args:
        path: where to write.
        argument: what messages call the path.

    Raises:
        ArgumentError: it cannot be written, or would replace what is no model file.
    """
    from recsys.store.model_file import read_about

    out = output_file(path, argument)
    if out.exists() and out.stat().st_size:
        try:
            read_about(out)
        except ModelFileError:
            raise ArgumentError(
                f"{argument} would replace {out}, which is not a model file; choose another name"
            ) from None
    return out


def spec_of(
    name: str, hyperparameters: Mapping[str, Any], seed: int, *limits: Any
) -> Spec | Auto | Blending:
    """The model of a run by its name, or what chooses it.

    Args:
        name: of the model, or `auto`.
        hyperparameters: by name.
        seed: of the run.
        limits: `budget` and `time_limit` of a search.

    Raises:
        ArgumentError: a name or value is wrong.
    """
    if name == AUTO:
        return auto_of(hyperparameters, seed, *limits)
    if name == BLEND:
        return blend_of(hyperparameters, seed, *limits)
    return make_spec(name, seeded(SPECS[name], hyperparameters, seed))


def auto_of(given: Mapping[str, Any], seed: int, *limits: Any) -> Auto:
    """The search `auto` of a run.

    Args:
        given: its settings by name, which come before the others.
        seed: of the run.
        limits: `budget` and `time_limit`, where the run has them.

    Raises:
        ArgumentError: a name or value is wrong.
    """
    from recsys.evaluation.search.auto import Auto

    own = dict(zip(("budget", "time_limit"), limits, strict=False))
    return Auto.parsed({"seed": seed} | own | dict(given), AUTO)


def blend_of(given: Mapping[str, Any], seed: int, *limits: Any) -> Spec | Blending:
    """The blend of a run; without weights, one that chooses them. A member may be `auto`.

    Args:
        given: its settings by name.
        seed: of the run.
        limits: `budget` and `time_limit` of a member `auto`, where the run has them.

    Raises:
        ArgumentError: a name or value is wrong.
    """
    from recsys.evaluation.search.blending import Blending
    from recsys.models.blend import Blend, named_members

    given = {"seed": seed} | dict(given)
    if given.get("weights") is not None:
        return make_spec(BLEND, given)
    members: list[Any] = named_members(given)
    for i, one in enumerate(members):
        if one.get("model") == AUTO:
            settings = {name: value for name, value in one.items() if name != "model"}
            members[i] = auto_of(settings, seed, *limits)
    rest = {name: value for name, value in given.items() if name != "of" and "." not in name}
    return Blending(members, Blend.parsed(rest, BLEND).seed)


def seeded(kind: type, settings: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """The settings of a model, with the seed of the run unless they have their own.

    A run has one seed, for its split and for every model that draws at random; the settings of a
    model may name another.
    """
    draws = "seed" in {one.name for one in fields(kind)}
    return ({"seed": seed} if draws else {}) | dict(settings)


def read_recipe(path: Path, request: type[Settings]) -> dict[str, Any]:
    """The entries of a recipe file, whose keys are the settings of `request`.

    Raises:
        ArgumentError: the file is missing, no TOML, or has a key or value that is wrong.
    """
    try:
        entries = tomllib.loads(read_whole(expanded(path)).decode("utf-8"))
    except OSError as error:
        raise ArgumentError(f"config {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # TOML errors, bad UTF-8, numbers of 5,000 digits
        raise ArgumentError(f"config {path}: not TOML ({error})") from None
    known = {setting.name: setting for setting in settings_of(request)}
    check_keys(f"config {path}", entries, known)
    try:
        return {name: known[name].checked(value) for name, value in entries.items()}
    except ArgumentError as error:
        raise ArgumentError(f"config {path}: {error}") from None


def check_keys(where: str, keys: Iterable[str], known: Iterable[str]) -> None:
    """Raises ArgumentError for a key that is not known, and suggests one that is."""
    known = list(known)
    for key in keys:
        if key not in known:
            hint = near(key, known) or f"; there are {', '.join(known)}"
            raise ArgumentError(f"{one_line(where)}: no setting {brief(key)}{hint}")
