"""The movie map: a self-contained HTML page for exploring the items.

The page holds the neighbourhood view, coordinates along the leading components, the ten most
similar items of each item, and some users with their ratings and recommendations, as packed arrays.
Its script draws them. Nothing is loaded from elsewhere.
"""

from __future__ import annotations

import html
import json
import os
import string
from collections.abc import Sequence
from importlib import resources

from recsys.files import write_text
from recsys.maps.neighbourhoods import Neighbourhoods, neighbourhoods
from recsys.maps.payload import payload
from recsys.maps.projection import Projection, Variant, project
from recsys.ratings.words import words_of
from recsys.recommend.recommender import Recommender
from recsys.visible import one_line

_PAGE = resources.files("recsys.maps").joinpath("page")


def movie_map(
    model: Recommender,
    path: str | os.PathLike[str] | None = None,
    *,
    variant: Variant = "cosine",
    users: Sequence[object] = (),
    title: str = "Movie map",
    projection: Projection | None = None,
    arrangement: Neighbourhoods | None = None,
) -> str:
    """The page as HTML; also written to `path` if given.

    It opens on the first of `users`, or on the most rated item and its neighbourhood.

    Args:
        model: a trained model with factors. Sizes by number of ratings, and users, need its
            history.
        path: file to write; an existing file is replaced only by a complete page.
        variant: variant of the projection; see `project`. With `cosine`, closeness is the
            similarity that the lines to the most similar items show; otherwise popularity
            dominates the first component.
        users: ids of users to include; a sample of the others is added.
        title: heading of the page.
        projection: the projection to show, if it has been computed already; replaces `variant`.
        arrangement: the neighbourhoods, if they have been computed already.

    Raises:
        ModelError: the model has no factors to map.
        UnknownIdError: a user is not in the model.
    """
    if projection is None:
        projection = project(model, None, variant)
    wanted = [projection.user_ids.row(user) for user in users]
    if arrangement is None:
        arrangement = neighbourhoods(model, projection)
    content = json.dumps(payload(model, projection, arrangement, wanted), separators=(",", ":"))
    parts = {
        "style": _resource("page.css"),
        "script": page_script(),
        "title": html.escape(one_line(title)),
        "ratings": html.escape(words_of(model.account).many),
        "about": html.escape(_about(model, projection, arrangement)),
        # HTML ends or changes a script at "</script>" and "<!--", which a title may contain.
        "data": content.replace("<", "\\u003c"),
    }
    page = string.Template(_resource("page.html")).substitute(parts)
    if path is not None:
        write_text(path, page)
    return page


def page_script() -> str:
    """The script of the page: its files joined in order of their names, one JavaScript module."""
    names = sorted(file.name for file in _PAGE.iterdir() if file.name.endswith(".js"))
    return "\n".join(_resource(name) for name in names)


def _about(model: Recommender, projection: Projection, arrangement: Neighbourhoods) -> str:
    factors = model.factors
    explained = {
        "pca": "the principal components of the item factors",
        "whitened": "the principal components of the item factors, each scaled to variance 1",
        "cosine": "the principal components of the item factors scaled to length 1",
        "predictions": "the directions that carry most of the predictions' variance",
    }[projection.variant]
    predicted, kept = projection.predictions[:2].sum(), projection.explained[:2].sum()
    return (
        f"{factors.spec.name}, {factors.n_factors} factors, {len(factors.items):,} "
        f"items.\n{arrangement.describe()} In the neighbourhood view only closeness has a "
        "meaning; directions and large distances do not.\nThe axes of the components view are "
        f"{explained}. The first two keep {kept:.0%} of the variance of the factors and "
        f"{predicted:.0%} of that of the predictions."
    )


def _resource(name: str) -> str:
    return _PAGE.joinpath(name).read_text("utf-8")
