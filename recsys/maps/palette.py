"""Colours of groups of items, for pages and figures."""

LIGHT = (
    "#1e58d3", "#ed264d", "#529c6c", "#cc7219", "#61088d", "#02c3ec", "#900258", "#525603",
    "#4c1f0e",
)  # fmt: skip
"""On light paper. Far apart for the colour-blind, too, and from the grey of the others."""

DARK = (
    "#2b87f3", "#b53e33", "#20c372", "#bc7900", "#9359ac", "#03fffb", "#bfadfe", "#9ddd5c",
    "#ffddba",
)  # fmt: skip
"""The same on dark paper."""

PALETTE = {"light": list(LIGHT), "dark": list(DARK)}
"""Both, ready for JSON."""
