"""Studies: everything an evaluation needs, from a TOML file or command-line options."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recsys.app.engine import LOCAL, check_engine, engine_field, master_field
from recsys.app.recipe import (
    AUTO,
    BLEND,
    auto_of,
    blend_of,
    check_keys,
    checkpoint_field,
    every_field,
    features_field,
    processes_field,
    seeded,
)
from recsys.errors import ArgumentError
from recsys.files import output_file
from recsys.models.registry import SPECS, make_spec
from recsys.ratings.source import Source
from recsys.ratings.split_choice import SplitChoice
from recsys.settings import Settings, option, settings_of
from recsys.visible import brief, one_line

if TYPE_CHECKING:
    from recsys.evaluation.gate.gate import Terms
    from recsys.evaluation.protocol.contenders import Contender, Model
    from recsys.ratings.feedback import Feedback

REPORTS = (".html", ".md", ".json")
CURRENT = "current"
"""Name of the model in service in the tables."""
_MARGIN = "5%"


@dataclass(frozen=True)
class ModelChoice(Settings):
    """Models by name, in place of the tables of a recipe file."""

    models: Sequence[str] | None = option(
        None,
        choices=lambda: [AUTO, *SPECS],
        metavar="NAME,NAME,...",
        meaning="Models to evaluate; popularity and biases are always included. auto searches the "
        "hyperparameters of implicit-als on each training set.",
        default_text="implicit-als, tuned by auto unless --set gives hyperparameters",
    )
    hyperparameters: Mapping[str, Any] = option(
        {},
        flags=("--set",),
        metavar="MODEL.NAME=VALUE",
        meaning="Hyperparameter, such as implicit-als.n_factors=128. Repeatable.",
    )

    def tables(self, recipe: Mapping[str, Any]) -> dict[str, Any]:
        """The tables of a `Study`: those of the recipe unless models are named, overridden.

        Raises:
            ArgumentError: a hyperparameter is not called MODEL.NAME, or there is no such model.
        """
        found = dict(recipe or {"implicit-als" if self.hyperparameters else AUTO: {}})
        if self.models is not None:
            found = {name: {} for name in self.models}
        for where, value in self.hyperparameters.items():
            # A setting of a member of a blend is called BLEND.MEMBER.NAME.
            model = next((name for name in found if where.startswith(f"{name}.")), where)
            name = where.removeprefix(f"{model}.")
            if name == where or not isinstance(found.get(model), Mapping):
                raise ArgumentError(
                    f"--set must look like MODEL.NAME=VALUE with a model of {', '.join(found)}, "
                    f"not {brief(f'{where}={value}')}"
                )
            found[model] = {**found[model], name: value}
        return found


@dataclass(frozen=True)
class Study(Source):
    """An evaluation. The fields are the keys of a recipe file."""

    models: Mapping[str, Any] = option(
        {},
        meaning="Name in the tables: a table with `model` (the name itself by default), "
        "hyperparameters, and `grid`: hyperparameters with lists of values to choose from on "
        "held-out training ratings.",
    )
    split: Mapping[str, Any] = option({}, meaning="How to split; the keys of `SplitChoice`.")
    splits: Mapping[str, Any] = option(
        {}, meaning="Several splits by name, instead of one; each is evaluated separately."
    )
    seeds: Sequence[int] = option(
        [],
        metavar="N,N,...",
        meaning="Train each randomized model once per seed, such as 0,1,2.",
        default_text="the seed of the split",
    )
    k: int = option(
        10, low=1, high=100_000, flags=("-k",), meaning="Length of the recommended lists."
    )
    feedback: str = option(
        "values",
        metavar="HOW",
        meaning="What counts as liked: values, ones, log, centered, at-least=4 to count only "
        "ratings of 4 and above, or dislikes-below=3. Append ,half-life=180d to give older "
        "ratings less weight.",
    )
    features: Sequence[str] | None = features_field("all with held-out-items, otherwise none")
    per_user: int = option(0, low=0, meaning="Leave out users with fewer ratings.")
    per_item: int = option(0, low=0, meaning="Leave out items with fewer ratings.")
    rerank: Sequence[str] = option(
        [],
        metavar="WAY=STRENGTH,...",
        meaning="Also evaluate each model with lists re-ranked for variety, such as "
        "mmr=0.1,mmr=0.3,calibrated=0.1.",
    )
    sampled_negatives: int = option(
        0,
        low=0,
        high=1_000_000,
        meaning="Number of random items to rank each held-out item among, for sampled metrics.",
    )
    against: str | None = option(
        None,
        metavar="FILE",
        meaning="Model file of the model in service, to compare the model with.",
    )
    gate: str | None = option(
        None,
        metavar="METRIC",
        meaning="Exit with code 5 if the model is worse than --against in this metric, such as "
        "ndcg@10, or the data do not match those of --against, and with 6 if undecided.",
    )
    margin: str = option(
        _MARGIN,
        metavar="SHARE|NUMBER",
        meaning="How much worse than --against the model may be, as a share of the metric's mean "
        "or in its unit.",
    )
    allow_drift: bool = option(
        False,
        meaning="Let the gate open even if ratings that --against was trained on are missing, or "
        "it ranks significantly worse than its file says.",
    )
    report: str | None = option(
        None, metavar="FILE", meaning="Report to write: .html, .md or .json."
    )
    processes: int = processes_field(
        "Number of models to fit at a time, each in a process with its share of the threads. The "
        "processes share the ratings; the results are the same."
    )
    checkpoint: str | None = checkpoint_field()
    every: str = every_field()
    engine: str = engine_field()
    master: str | None = master_field()

    def __post_init__(self) -> None:
        super().__post_init__()
        check_engine(self.engine, self.master, self.checkpoint)
        if self.engine != LOCAL and self.processes != 1:
            raise ArgumentError(f"processes are for engine {LOCAL}")
        object.__setattr__(self, "seeds", [_seed(one) for one in self.seeds])

    def named_models(self) -> dict[str, Model | Contender]:
        """The models by name.

        Raises:
            ArgumentError: a name, hyperparameter or value is wrong.
        """
        if not self.models:
            raise ArgumentError(f"models must name at least one of {', '.join(SPECS)}")
        self.terms()
        self._check_gate()
        if CURRENT in self.models and self.against is not None:
            raise ArgumentError(
                f"models must not be called {CURRENT!r}: that is the model in service"
            )
        seed = self.split.get("seed", 0)
        models: dict[str, Model | Contender]
        models = {name: _model(name, given, seed) for name, given in self.models.items()}
        if not self.rerank:
            return models
        if self.gate is not None:
            raise ArgumentError("gate needs one model, without rerank")
        from recsys.evaluation.protocol.reranked import with_rerankings
        from recsys.recommend.rerank.ways import parse

        return with_rerankings(models, [parse(text) for text in self.rerank])

    def named_splits(self) -> dict[str, SplitChoice]:
        """The splits by name; one without a name is called by how it splits.

        Raises:
            ArgumentError: a key or value is wrong, or there are several splits and a gate.
        """
        if self.split and self.splits:
            raise ArgumentError(
                "split and splits cannot be used together: move the split into splits"
            )
        known = [setting.name for setting in settings_of(SplitChoice)]
        chosen = self.splits or {str(self.split.get("how", "random")): self.split}
        for name, given in chosen.items():
            if not isinstance(given, Mapping):
                where = one_line(f"splits: {name}", 200)
                raise ArgumentError(f"{where} must be a table with how, folds, ...")
            check_keys(f"split {name}", given, known)
        if len(chosen) > 1 and self.gate is not None:
            raise ArgumentError("gate needs one split, not several")
        return {name: SplitChoice(**given) for name, given in chosen.items()}

    def parsed_feedback(self) -> Feedback:
        """What `feedback` stands for.

        Raises:
            ArgumentError: it is none of what is allowed.
        """
        from recsys.ratings.feedback import Feedback

        return Feedback.parse(self.feedback)

    def terms(self) -> Terms | None:
        """What the gate goes by; None without a gate.

        Raises:
            ArgumentError: the margin is none, or there is a margin or drift without a gate.
        """
        from recsys.evaluation.gate.gate import Terms
        from recsys.evaluation.gate.margin import Margin

        margin = Margin.parse(self.margin)
        if self.gate is not None:
            return Terms(self.gate, margin, self.allow_drift)
        if self.allow_drift or margin != Margin.parse(_MARGIN):
            raise ArgumentError("margin and allow_drift are for a gate; name its metric with gate")
        return None

    def report_files(self, names: Iterable[str]) -> dict[str, Path]:
        """The file for the report of each split; empty without a report.

        Raises:
            ArgumentError: the ending is not one of `REPORTS`, or the file cannot be written.
        """
        if self.report is None:
            return {}
        file, names = output_file(self.report, "report", REPORTS), list(names)
        if len(names) == 1:
            return {names[0]: file}
        return {name: file.with_stem(f"{file.stem}-{name}") for name in names}

    def _check_gate(self) -> None:
        # Before the work; whether the models have the metric shows only afterwards.
        if self.gate is None:
            return
        if self.against is None or len(self.models) != 1:
            raise ArgumentError("gate needs one model and, with against, the model file of another")
        check_gate_metric(self.gate, self.k)


def check_gate_metric(gate: str, k: int) -> None:
    """Raises ArgumentError for a metric that no gate can go by, with lists of length k."""
    from recsys.evaluation.gate.comparison import unfit
    from recsys.evaluation.metrics import METRICS

    name, _, length = gate.partition("@")
    known = METRICS.get(name)
    if known is None or length != (str(k) if known.at_k else ""):
        example = f"ndcg@{k}, recall@{k}, map@{k} or, where both models predict ratings, rmse"
        raise ArgumentError(f"gate must be a metric such as {example}, not {brief(gate)}")
    if why := unfit(known):
        raise ArgumentError(f"gate must not be {gate}: {why}")


def _seed(value: Any) -> int:
    # Texts come from the command line.
    try:
        if isinstance(value, str) or value == int(value):
            return int(value)
    except (TypeError, ValueError):
        pass
    raise ArgumentError(f"seeds must be whole numbers, not {brief(value)}")


def _model(name: str, given: Any, seed: int) -> Model:
    from recsys.evaluation.protocol.grid import Grid

    if not isinstance(given, Mapping):
        raise ArgumentError(f"models: {one_line(name, 120)} must be a table, not {brief(given)}")
    settings = dict(given)
    kind, grid = str(settings.pop("model", name)), settings.pop("grid", {})
    if kind == AUTO and not grid:
        return auto_of(settings, seed)
    if kind == BLEND and not grid:
        return blend_of(settings, seed)
    if kind in SPECS:
        settings = seeded(SPECS[kind], settings, seed)
    one: Any = make_spec(kind, settings)
    if not grid:
        return one  # type: ignore[no-any-return]
    for hyperparameter, values in grid.items():
        if not isinstance(values, list) or not values:
            where = one_line(f"grid of {name}: {hyperparameter}", 200)
            raise ArgumentError(f"{where} must be a list of values")
    return Grid.over(lambda **each: make_spec(kind, settings | each), grid, seed=seed)
