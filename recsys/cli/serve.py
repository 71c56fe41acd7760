"""`recsys serve`: a model behind an HTTP address."""

from __future__ import annotations

from recsys.app.serve import ServeRequest
from recsys.cli.derive import Given, options_of
from recsys.cli.output import say


@options_of(ServeRequest)
def command(given: Given) -> None:
    """Runs `recsys serve`."""
    from recsys.service import require_extra

    request = ServeRequest(**given)
    require_extra()
    from recsys.service.server import serve

    serve(request, lambda address: say(f"serving {request.model} at {address}"))
