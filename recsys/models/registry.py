"""Models by name: what the command line, recipes and model files use.

A model is registered as "module:Class" and loaded when it is first asked for, so that listing the
names costs nothing. Other packages add models through entry points of the group `recsys.models`:

    [project.entry-points."recsys.models"]
    my-model = "my_package.my_module:MyModel"
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from recsys.errors import ArgumentError, ModelError
from recsys.visible import brief

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from recsys.models.spec import Spec

GROUP = "recsys.models"
"""Entry points of this group are models."""

BUILT_IN: Mapping[str, str] = {
    "implicit-als": "recsys.models.implicit_als:ImplicitALS",
    "explicit-als": "recsys.models.explicit_als:ExplicitALS",
    "bayesian-mf": "recsys.models.bayesian_mf:BayesianMF",
    "pure-svd": "recsys.models.svd:PureSVD",
    "normalized-svd": "recsys.models.svd:NormalizedSVD",
    "bpr": "recsys.models.pairwise:BPR",
    "logistic-mf": "recsys.models.pairwise:LogisticMF",
    "popularity": "recsys.models.baselines:Popularity",
    "biases": "recsys.models.baselines:Biases",
    "ease": "recsys.models.ease:EASE",
    "item-knn": "recsys.models.item_knn:ItemKNN",
    "blend": "recsys.models.blend:Blend",
}
"""Name → "module:Class" of the models of this package."""

UNTRAINED: Mapping[str, str] = {
    "external": "recsys.models.external:External",
    "spark-implicit-als": "recsys.models.spark_als:SparkImplicitALS",
    "spark-explicit-als": "recsys.models.spark_als:SparkExplicitALS",
}
"""The same for specs that are trained elsewhere: model files name them, but a run cannot."""

CLASSES: Mapping[str, str] = {
    home.partition(":")[2]: home for home in [*BUILT_IN.values(), *UNTRAINED.values()]
}
"""Class → "module:Class"; the public names of the package."""


class Registry(Mapping[str, "type[Spec]"]):
    """Name → spec class, loaded on first use."""

    def __init__(self) -> None:
        self._loaded: dict[str, type[Spec]] = {}

    @cached_property
    def _added(self) -> Mapping[str, EntryPoint]:
        # Looked up once: it reads the metadata of every installed package.
        from importlib.metadata import entry_points

        points = {point.name: point for point in entry_points(group=GROUP)}
        return {name: p for name, p in points.items() if name not in {**BUILT_IN, **UNTRAINED}}

    def __iter__(self) -> Iterator[str]:
        return iter([*BUILT_IN, *self._added])

    def __len__(self) -> int:
        return len(BUILT_IN) + len(self._added)

    def __contains__(self, name: object) -> bool:
        return name in BUILT_IN or name in self._added or name in UNTRAINED

    def __getitem__(self, name: str) -> type[Spec]:
        if name not in self:
            raise KeyError(name)
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def _load(self, name: str) -> type[Spec]:
        from recsys.models.spec import Spec  # which imports NumPy; the names do not need it

        home = BUILT_IN.get(name) or UNTRAINED.get(name)
        if home is not None:
            module, _, attribute = home.partition(":")
            loaded = getattr(importlib.import_module(module), attribute)
        else:
            loaded = self._added[name].load()
        if not isinstance(loaded, type) or not issubclass(loaded, Spec) or loaded.name != name:
            raise ModelError(
                f"the entry point {name!r} of the group {GROUP} must name a Spec whose `name` is "
                f"{name!r}, not {loaded!r}"
            )
        return loaded


SPECS = Registry()
"""Every model that is installed."""


def make_spec(model: str, settings: Mapping[str, Any] | None = None) -> Spec:
    """The spec called `model` with `settings`; text values become the type of the hyperparameter.

    >>> make_spec("pure-svd", {"n_factors": "20"})
    PureSVD(n_factors=20)

    Raises:
        ArgumentError: the model, a hyperparameter or a value is wrong; says what there is.
    """
    if model not in SPECS:
        from recsys.settings import near  # which imports NumPy, too

        raise ArgumentError(
            f"model must be one of {', '.join(SPECS)}, not {brief(model)}{near(model, SPECS)}"
        )
    return SPECS[model].parsed(settings or {}, model)


def spec_from_dict(saved: Mapping[str, Any]) -> Spec:
    """The spec that `Spec.to_dict` described."""
    settings = dict(saved)
    return make_spec(settings.pop("model"), settings)
