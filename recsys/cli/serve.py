"""`recsys serve`: a model behind an HTTP address."""

from __future__ import annotations

from recsys.app.serve import ServeRequest
from recsys.cli.derive import Given, options_of
from recsys.cli.output import say

_WITHOUT: Given = {"model": None}


@options_of(ServeRequest, required=False)
def command(given: Given) -> None:
    """Runs `recsys serve`."""
    from recsys.service import require_extra

    request = ServeRequest(**_WITHOUT | given)
    require_extra()
    from recsys.service.server import serve

    what = request.model or f"{request.name or 'main'} of the store"
    serve(request, lambda address: say(f"serving at {address}: {what}"))
