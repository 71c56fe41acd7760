"""The `recsys` command: its commands, and what errors look like."""

from __future__ import annotations

import gc
import os
import sys
from typing import Annotated

import typer

from recsys import __version__
from recsys.errors import RecsysError

app = typer.Typer(
    name="recsys",
    help="From a ratings file to recommendations you can trust, by matrix factorization.",
    epilog="First steps: recsys fetch ml-100k, then recsys train data/ml-100k, then "
    "recsys recommend model.safetensors --user 196.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_INTERRUPTED = 130


def _register() -> None:
    # Once, however often `run` is called; and not when this module is imported.
    if app.registered_commands:
        return
    from recsys.cli import compare, evaluate, fetch, inspect, map, recommend, similar, train

    for command in (fetch, train, evaluate, compare, recommend, similar, map, inspect):
        command.register(app)


def _version(asked: bool) -> None:
    if asked:
        print(f"recsys-mf {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options of `recsys` itself."""


def run(arguments: list[str] | None = None) -> None:
    """Runs the command line and exits: 0 done, 2 arguments, 3 data, 4 model, 5 the gate, 130
    interrupted.

    A bug is not caught: it ends in a traceback and exit code 1.
    """
    # A collector that scans every few hundred new objects costs a tenth of a cold start.
    gc.set_threshold(100_000, 50, 50)
    _register()
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        code = typer.main.get_command(app)(arguments or ["--help"], standalone_mode=False)
        sys.stdout.flush()
        if code == _INTERRUPTED:  # some versions of typer answer Ctrl-C with this code
            raise KeyboardInterrupt
    except RecsysError as error:
        code = _fail(str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        code = _fail("interrupted; nothing half-written was left", _INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has gone; there is nobody to tell.
        _drop_output()
        code = 0
    except OSError as error:
        _drop_output()
        code = _fail(f"cannot write or read: {error.strerror}", 1)
    except Exception as error:
        # Usage errors are click's ClickException, of the click that typer brings or contains.
        message = getattr(error, "format_message", None)
        if message is None:
            raise
        context = getattr(error, "ctx", None)
        where = context.command_path if context else "recsys"
        code = _fail(f"{message()} Try '{where} --help'.", 2)
    sys.exit(code if isinstance(code, int) else 0)


def _drop_output() -> None:
    # What is left in the buffer would fail again when Python ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str, code: int) -> int:
    print(f"recsys: {' '.join(message.split())}", file=sys.stderr)
    return code


if __name__ == "__main__":
    run()
