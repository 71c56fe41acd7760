"""Maps of the factors: projections, pages, figures, and the health of the numbers."""

from recsys.maps.health import Health, health
from recsys.maps.likeness import Likeness, Nearest, compare_items, nearest
from recsys.maps.live_map import LiveMap, live_map
from recsys.maps.movie_map import movie_map
from recsys.maps.neighbourhoods import Neighbourhoods, neighbourhoods
from recsys.maps.projection import Projection, embed, project

__all__ = [
    "Health",
    "Likeness",
    "LiveMap",
    "Nearest",
    "Neighbourhoods",
    "Projection",
    "compare_items",
    "embed",
    "health",
    "live_map",
    "movie_map",
    "nearest",
    "neighbourhoods",
    "project",
]
