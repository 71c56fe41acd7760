"""One corpus of hostile text, for every place where text from others is read, compared or shown.

A page that executes one of `MARKUP` sets the variable `pwned`, or opens a dialog.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

import recsys

_SET = "window.pwned=1"

MARKUP = (
    f"</script><script>{_SET}</script>",
    f"<!--<script>{_SET}",
    f"--><script>{_SET}</script>",
    f"]]><script>{_SET}</script>",
    f"</title></style></textarea></svg><script>{_SET}</script>",
    f"<img src=x onerror={_SET}>",
    f"<svg onload={_SET}><a xlink:href='javascript:{_SET}'>x</a></svg>",
    f"javascript:{_SET}//",
    f'" autofocus onfocus={_SET} x="',
    f"' onmouseover={_SET} x='",
    f"` onmouseover={_SET} `",
    f"${{{_SET}}}{{{{{_SET}}}}}{{% raw %}}$title",
    f"\\u003cscript\\u003e{_SET}",
    "&lt;b&gt;&amp;&#0;&nbsp",
)
"""Text that a careless page takes for its own."""

CONTROLS = (
    "\x1b[2J\x1b[Hcleared",
    "\x1b[31mred\x1b[8mhidden",
    "\x1b]8;;http://evil.example/\x1b\\link\x1b]8;;\x1b\\",
    "\x1b]52;c;ZXZpbA==\x07clipboard",
    "\x1b]0;title of the window\x07",
    "\x9b31m and \x9d52;c;ZXZpbA==\x9c",
    "\x1bP+q544e\x1b\\\x1b_G\x1b\\",
    "bell\x07 back\x08\x08\x08 del\x7f shift\x0e\x0f",
    "over\rwritten",
    "a row\n 2  99  a row that is not there  0.9999",
    "tab\tand\x0bfeed\x0c next\x85line",
    "line\u2028paragraph\u2029end",
    "\u202egnp.exe\u2066\u2067\u2068",
    "nul\x00in the middle",
)
"""Text that a terminal obeys, or that hides or moves what stands around it."""

OTHER = (
    "[red]rich[/red] [link=http://evil.example]link[/link] [/] [bold",
    "=1+1|cmd",
    "+1",
    "-1",
    "@SUM(1)",
    "%s %n {0} {title!r} $x",
    "",
    "   ",
    "\u200b\u200d",
    "W" * 400,
    "e" + "\u0301" * 300,
    "\u0628\u0631\u062f \U0001f469\u200d\U0001f680 \u4e2d\u6587",
)
"""Text that is only odd, and text without blanks that is wider than a window."""

LONG = "long " + "x" * 100_000
"""A title of 100 kB."""

TEXTS = (*MARKUP, *CONTROLS, *OTHER, LONG)

SURROGATE = "half of a letter \ud83d"
"""Text that no file in UTF-8 can hold."""

OBEYED = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""What must not reach a terminal; a line break is that of the program itself."""


def ratings(texts: tuple[str, ...] = TEXTS) -> recsys.Ratings:
    """Ratings of items of which each has one of the texts as its title, genre, id and more.

    Users have them as ids, and so has a column of the items as its name.
    """
    rng = np.random.default_rng(3)
    ids = {text: text if text.strip() else f"{text}id" for text in texts}
    users, items = np.nonzero(rng.random((len(texts), len(texts))) < 0.4)
    names = list(ids.values())
    frame = pd.DataFrame(
        {
            "user_id": [names[user] for user in users],
            "item_id": [names[item] for item in items],
            "rating": rng.integers(1, 6, len(users)).astype(float),
        }
    )
    table = pd.DataFrame(
        {
            "item_id": names,
            "title": list(texts),
            "genres": [f"{text}|common" for text in texts],
            "url": [f"javascript:{_SET}//{i}" for i in range(len(texts))],
            MARKUP[0]: list(texts[::-1]),
            CONTROLS[0]: range(len(texts)),
        }
    )
    return recsys.Ratings.from_frame(frame, items=table)
