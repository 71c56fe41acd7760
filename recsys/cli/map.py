"""`recsys map`: the items of a model as a page or a figure."""

from __future__ import annotations

from recsys.app.map import MapRequest, draw_map
from recsys.cli.derive import Given, options_of
from recsys.cli.options import Json
from recsys.cli.output import print_json, print_paragraph, say


@options_of(MapRequest)
def command(given: Given, json: Json = False) -> None:
    """Runs `recsys map`."""
    drawn = draw_map(MapRequest(**given))
    if json:
        print_json(drawn.to_dict())
        return
    for line in (drawn.likeness, *drawn.axes) if drawn.likeness else drawn.axes:
        print_paragraph(line, indent=2)
    say(f"{'Open it in a browser' if drawn.is_page else 'Figure'}: {drawn.path}")
