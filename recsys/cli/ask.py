"""`recsys ask`: rates a few items with somebody, and recommends."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Any

from recsys.app.ask import AskRequest, Conversation, begin
from recsys.cli.derive import Given, options_of
from recsys.cli.output import print_answer, print_paragraph, say, show
from recsys.errors import ArgumentError, RecsysError
from recsys.visible import one_line

_HELP = (
    "Answer each question with {words}; a title rates another one (Tab completes it), and an empty "
    "line ends the questions."
)


@options_of(AskRequest)
def command(given: Given) -> None:
    """Runs `recsys ask`."""
    request = AskRequest(**given)
    if not sys.stdin.isatty():
        raise ArgumentError("ask needs a terminal; without one, use recsys recommend --rate")
    talk = begin(request)
    _complete_titles(talk)
    print_paragraph(_HELP.format(words=talk.words))
    with suppress(EOFError):
        _rate(talk, request.questions)
    show()
    if not talk.ratings:
        say("no ratings, so these are the most popular items")
    print_answer(talk.recommendations())
    if request.save is not None and talk.ratings:
        say(f"your ratings are saved in {talk.save(request.save)}")


def _rate(talk: Conversation, wanted: int) -> None:
    # Until there are enough ratings, or nothing is left to ask about.
    asked: tuple[Any, str] | None = None
    while len(talk.ratings) < wanted:
        asked = asked or talk.question()
        if asked is None:
            return
        item, title = asked
        text = input(f"{len(talk.ratings) + 1} of {wanted}  {one_line(title)}: ").strip()
        if not text:
            return
        try:
            talk.answer(item, text)
            asked = None
        except RecsysError as error:
            if text[0].isdigit() or len(text) < 3:
                say(str(error))
                continue
            try:
                asked = talk.found(text)
            except RecsysError as unknown:
                say(str(unknown))


def _complete_titles(talk: Conversation) -> None:
    # Where the system has readline.
    try:
        import readline
    except ImportError:
        return

    found: list[str] = []

    def complete(text: str, state: int) -> str | None:
        # readline asks for one after the other, and shows them as they are.
        if not state:
            found[:] = (title for title in talk.titles(text) if one_line(title) == title)
        return found[state] if state < len(found) else None

    readline.set_completer(complete)
    readline.set_completer_delims("\n")
    readline.parse_and_bind("tab: complete")
