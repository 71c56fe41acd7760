"""`recsys map`: the items of a model as a page or a figure."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from recsys.cli.output import Json, print_json, print_paragraph, say


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(name="map")(draw)


def draw(
    model: Annotated[str, typer.Argument(help="Model file.", show_default=False)],
    out: Annotated[
        str, typer.Option("--out", "-o", help="File: .html to wander through; .png, .svg, .pdf.")
    ] = "map.html",
    variant: Annotated[
        str,
        typer.Option(
            help="cosine (likeness), pca, whitened, or predictions (what scores are made of)."
        ),
    ] = "cosine",
    components: Annotated[str, typer.Option(help="Of a figure: across and up, e.g. 1,3.")] = "1,2",
    user: Annotated[
        list[str] | None, typer.Option(help="Id of a user to show. Repeat.", show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """Draw the items of a model where their factors put them."""
    from recsys.app.draw import draw_map

    chosen: Any = variant
    file, words = draw_map(model, out, variant=chosen, components=components, users=user)
    if json:
        print_json({"path": str(file), "axes": words.splitlines()})
        return
    for line in words.splitlines():
        print_paragraph(line, indent=2)
    what = "Open it in a browser" if file.suffix == ".html" else "Figure"
    say(f"{what}: {file}")
