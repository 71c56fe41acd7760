"""The `recsys` command: its commands, and what errors look like."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from recsys import __version__
from recsys.cli.resources import ShortageError, check_resources, is_shortage
from recsys.cli.streams import Unbroken, drop
from recsys.cli.termination import Termination
from recsys.errors import ArgumentError, RecsysError, Terminated, outcome
from recsys.visible import one_line

COMMANDS = {
    "datasets": "List the data sets that fetch downloads, with their sizes and licence.",
    "fetch": "Download a MovieLens data set and verify it, resuming an interrupted download.",
    "doctor": "Show how a ratings file is read, and report anything unusual.",
    "train": "Train a model on a ratings file and save it.",
    "update": "Add new ratings, users and items to a model without retraining it.",
    "tune": "Search models and hyperparameters with Optuna, on held-out training ratings.",
    "evaluate": "Measure models on held-out ratings, with intervals, paired tests and checks.",
    "compare": "Compare two JSON reports of `recsys evaluate --report FILE.json`.",
    "recommend": "Recommend items to a user in the data (--user) or a new user (--rate).",
    "ask": "Ask for a few ratings, then recommend with reasons.",
    "explain": "Explain a user's score of an item, rating by rating.",
    "search": "List the items whose titles match some words.",
    "similar": "List the items most similar to an item, or the users most similar to a user.",
    "serve": "Serve a model over HTTP: recommendations, explanations, search, ratings, a web page.",
    "export": "Write the factors of a model as Parquet files or NumPy arrays.",
    "index": "Build an approximate index of a very large model, if faster than exact search.",
    "map": "Draw a map of the items of a model.",
    "retrain": "Retrain a model on the ratings in a store, and promote it if the gate opens.",
    "models": "List, add, promote, roll back, share and purge the versions of a model.",
    "online": "Report click-through and hit rates of the versions of a model, from a store.",
    "inspect": "Show the contents of a model file, or with --health its numerical health.",
    "store": "Keep ratings in a database: import, export, show, upgrade, forget, token.",
}
"""Name → help. Each is the function `command` of the module of that name in this package; or a
group, where the module has `COMMANDS`: name → function and help. A name of two words is a command
in a group inside."""

_INTERRUPTED = outcome(KeyboardInterrupt()).exit_code


def _convert_when_needed(parameter: Any, kind: Any = None) -> Any:
    # What was not given, texts and plain numbers need no conversion by typer, for which some
    # versions of it import pydantic: a quarter of the time that a question takes.
    converted = parameter.process_value

    def process_value(ctx: Any, value: Any) -> Any:
        if value is None and not parameter.required:
            value = () if parameter.multiple else None
        elif kind is int and isinstance(value, str) and value.isascii() and value.isdigit():
            value = int(value)
        elif kind == list[str] and isinstance(value, tuple | list):
            value = list(value)
        elif kind is not str or not isinstance(value, str):
            return converted(ctx, value)
        return parameter.callback(ctx, parameter, value) if parameter.callback else value

    parameter.process_value = process_value
    return parameter


class Command(TyperCommand):
    """A command that refuses an option that is given twice but has one value.

    What was typed is kept in the context as `meta["arguments"]`, for reports.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parses the arguments of the command, after a look at how often each option comes."""
        ctx.meta["arguments"] = [str(ctx.info_name), *args]
        _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        parameter: Any  # the class differs between versions of typer
        for parameter in order:
            once = parameter.param_type_name == "option" and not parameter.multiple
            switch = once and parameter.is_flag and not parameter.secondary_opts
            if once and not switch and order.count(parameter) > 1:
                raise ArgumentError(f"{parameter.opts[-1]} is given twice; give it once")
        return super().parse_args(ctx, args)

    def get_help_option(self, ctx: Any) -> Any:
        """The option --help."""
        return _convert_when_needed(super().get_help_option(ctx))


class Group(TyperGroup):
    """Commands inside a command; without any of them, it shows its help."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parses the name of the command and what follows it."""
        return super().parse_args(ctx, args or ["--help"])


def _command(name: str, function: Any, text: str) -> Any:
    from recsys.cli.derive import kinds_of  # which imports NumPy

    one = typer.Typer(add_completion=False, rich_markup_mode=None)
    one.command(name, cls=Command, help=text)(function)
    command = typer.main.get_command(one)
    kinds = kinds_of(function)
    for parameter in command.params:
        _convert_when_needed(parameter, kinds.get(str(parameter.name)))
    return command


def _group(name: str, text: str, members: Mapping[str, tuple[Any, str]]) -> Any:
    # Commands of a group, and of groups inside, whose names are the first of two words.
    made = Group(name=name, help=text, rich_markup_mode=None)
    for word in dict.fromkeys(member.split()[0] for member in members):
        if word in members:
            made.add_command(_command(word, *members[word]))
            continue
        inner = {m.split()[1]: both for m, both in members.items() if m.split()[0] == word}
        made.add_command(_group(word, f"{', '.join(inner)}.", inner))
    return made


class Commands(TyperGroup):
    """The commands, each imported when it is used, so that none waits for another's imports."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name; None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        check_resources()  # before it imports anything that does not come back without them
        module = importlib.import_module(f"recsys.cli.{cmd_name}")
        if hasattr(module, "COMMANDS"):
            return _group(cmd_name, COMMANDS[cmd_name], module.COMMANDS)
        return _command(cmd_name, module.command, COMMANDS[cmd_name])

    def get_help_option(self, ctx: Any) -> Any:
        """The option --help."""
        return _convert_when_needed(super().get_help_option(ctx))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Writes names and help, without importing the commands."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


app = typer.Typer(
    name="recsys",
    cls=Commands,
    help="Recommendations from a ratings file, by matrix factorization.",
    epilog="First steps: recsys fetch ml-100k, then recsys train data/ml-100k, then "
    "recsys recommend model.safetensors --user 196.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"recsys-mf {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Options of `recsys` itself."""


def run(arguments: list[str] | None = None) -> None:
    """Runs the command line and exits with the code that `recsys.errors.OUTCOMES` gives.

    Where the reader of standard output has gone, as in `recsys ... | head`, that is no error. A bug
    is not caught: it ends in a traceback and exit code 1.
    """
    _prepare_output()
    arguments = sys.argv[1:] if arguments is None else arguments
    termination = Termination()
    try:
        termination.begin()
        command = typer.main.get_command(app)
        code = command(arguments or ["--help"], prog_name="recsys", standalone_mode=False)
        sys.stdout.flush()
        if code == _INTERRUPTED:  # some versions of typer answer Ctrl-C with this code
            raise KeyboardInterrupt
        termination.over()
    except (Exception, KeyboardInterrupt) as error:
        termination.over()
        # typer turns every KeyboardInterrupt into an error of its own.
        code = _report(Terminated() if termination.received else error)
        # CPython remembers an interrupt that came while it executed a text, as the import of a
        # dataclass does, and would end by the signal, not with the code. This makes it forget.
        exec("")
    termination.end()
    sys.exit(code if isinstance(code, int) else 0)


def _report(error: BaseException) -> int:
    # One line on standard error and the exit code; a bug is raised again.
    if isinstance(error, RecsysError):
        return _fail(str(error), error.exit_code)
    code = outcome(error).exit_code
    if isinstance(error, Terminated):
        return _fail("terminated; no incomplete file was left", code)
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return _fail("interrupted; no incomplete file was left", _INTERRUPTED)
    if isinstance(error, ShortageError):
        return _fail(str(error), code)
    if is_shortage(error):
        detail = f": {error}" if str(error) else ""
        code = outcome(MemoryError()).exit_code
        return _fail(f"not enough memory{detail}; see recsys train --estimate", code)
    if isinstance(error, OSError):
        drop(sys.stdout)
        where = f"{error.filename}: " if error.filename else ""
        return _fail(f"cannot read or write: {where}{error.strerror or error}", code)
    # Usage errors are click's ClickException, of the click that typer depends on or contains.
    message = getattr(error, "format_message", None)
    if message is None:
        raise error
    context = getattr(error, "ctx", None)
    where = context.command_path if context else "recsys"
    return _fail(f"{message()} Try '{where} --help'.", outcome(ArgumentError()).exit_code)


def _prepare_output() -> None:
    # A terminal that cannot show a character shows its code, rather than half an answer. Where
    # standard output or error is closed, there is nowhere to print to.
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    if sys.stderr is None:  # print would take standard output instead
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    # The work goes on where the reader of the output has gone, as in `| head`, and remarks must not
    # end it at all.
    if sys.stdout is sys.__stdout__:
        sys.stdout = Unbroken(sys.stdout, BrokenPipeError)
    if sys.stderr is sys.__stderr__:
        sys.stderr = Unbroken(sys.stderr, OSError)


def _fail(message: str, code: int) -> int:
    print(f"recsys: {one_line(message)}", file=sys.stderr)
    return code


if __name__ == "__main__":
    run()
