"""Pictures of the embeddings, and the health of the numbers."""

from recsys.maps.health import Health, health
from recsys.maps.movie_map import movie_map
from recsys.maps.projection import Projection, embed, project

__all__ = ["Health", "Projection", "embed", "health", "movie_map", "project"]
