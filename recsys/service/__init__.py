"""A model behind HTTP: `create_app` for those who host it, `recsys serve` for everybody else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recsys.errors import ModelError

if TYPE_CHECKING:
    from recsys.service.application import create_app

__all__ = ["create_app", "require_extra"]


def __getattr__(name: str) -> Any:
    # The application imports FastAPI, which is an extra.
    if name != "create_app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    require_extra()
    from recsys.service.application import create_app

    return create_app


def require_extra() -> None:
    """Raises ModelError, which says what to install, where a library of the extra is missing."""
    try:
        import fastapi
        import orjson
        import prometheus_client
        import uvicorn
    except ImportError as error:
        raise ModelError(
            f'serving needs {error.name}; install it with pip install "recsys-mf[service]"'
        ) from None
    del fastapi, orjson, prometheus_client, uvicorn
