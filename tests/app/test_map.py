"""Drawing a map as a use case."""

from __future__ import annotations

from pathlib import Path

import pytest

from recsys.app.map import MapRequest, draw_map
from recsys.errors import ArgumentError, UnknownIdError


@pytest.mark.parametrize("ending", ["html", "svg"])
def test_a_page_or_a_figure_is_written(ending: str, model_path: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / f"map.{ending}"
    request = MapRequest(
        model=str(model_path), out=str(out), variant="pca", components="1,3", users=["5"]
    )
    drawn = draw_map(request)
    assert drawn.is_page == (ending == "html")
    assert out.stat().st_size > 10_000
    found = drawn.to_dict()
    assert (found["path"], found["axes"]) == (str(out), list(drawn.axes))
    if drawn.is_page:
        kept = found["kept"]
        assert 0 < kept["components"] < kept["neighbourhoods"] < 1
        assert f"{kept['neighbourhoods']:.0%}" in drawn.likeness
    else:
        assert found["kept"] is None
    assert len(drawn.axes) >= 2


def test_bad_requests_are_refused(model_path: Path, tmp_path: Path) -> None:
    def draw(**settings: object) -> None:
        asked = {"model": str(model_path), "out": str(tmp_path / "m.png")} | settings
        draw_map(MapRequest(**asked))  # type: ignore[arg-type]

    for settings, said in (
        ({"out": "m.doc"}, "out must end in .html, .png, .svg, .pdf"),
        ({"variant": "x"}, "variant must be one of"),
        ({"components": "1"}, "components must be two numbers"),
        ({"components": "1,99"}, "between 1 and 8"),
    ):
        with pytest.raises(ArgumentError, match=said):
            draw(**settings)
    with pytest.raises(UnknownIdError, match="9999"):
        draw(users=["9999"])
