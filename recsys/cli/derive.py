"""Options of a command, derived from the declared settings of the request that it fills."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from functools import wraps
from types import MappingProxyType
from typing import Annotated, Any, get_args, get_origin

import typer

from recsys.errors import ArgumentError
from recsys.settings import Setting, Settings, settings_of

Given = dict[str, Any]
"""What the command line gave, by name of the setting."""

_METAVARS: Mapping[type, str] = {int: "N", float: "X", str: "TEXT", dict: "NAME=VALUE"}


def options_of(
    *requests: type[Settings],
    required: bool = True,
    without: Mapping[type[Settings], Collection[str]] = MappingProxyType({}),
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A decorator that gives a command one option for each declared setting.

    The command's first parameters, one for each request, receive what was given as `Given`; its
    other parameters stay as they are. A setting without a default becomes a positional argument,
    or, where it has flags, an option that must be given. A list or table becomes an option that can
    be repeated, and a list whose metavar has a comma one text with commas.

    Args:
        requests: the classes whose settings become options.
        required: whether settings without a default must be given; False where a recipe file may
            have them.
        without: names of settings that get no option, by their class.
    """
    wanted = [
        {one.name: one for one in own_first(request) if one.name not in without.get(request, ())}
        for request in requests
    ]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = list(inspect.signature(command, eval_str=True).parameters.values())
        derived = [_parameter(one, required) for group in wanted for one in group.values()]
        extra = [_keyword(one.name, one.annotation, one.default) for one in own[len(requests) :]]
        parameters = [*derived, *extra]

        @wraps(command)
        def parsed(**values: Any) -> None:
            given = [
                {name: _value(one, values[name]) for name, one in group.items() if values[name]
                 is not None}
                for group in wanted
            ]  # fmt: skip
            command(*given, **{one.name: values[one.name] for one in extra})

        # typer reads both; the parameters of the command itself would be found otherwise.
        parsed.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        parsed.__annotations__ = {one.name: one.annotation for one in parameters}
        return parsed

    return decorate


def kinds_of(command: Callable[..., None]) -> dict[str, Any]:
    """The type that each parameter of a command has where it is given: str, int, list[str], ..."""
    kinds = {}
    for one in inspect.signature(command, eval_str=True).parameters.values():
        kind = get_args(one.annotation)[0] if get_args(one.annotation) else one.annotation
        kinds[one.name] = next((part for part in get_args(kind) if part is not type(None)), kind)
        if get_origin(kind) is list:
            kinds[one.name] = kind
    return kinds


def own_first(request: type[Settings]) -> list[Setting]:
    """The settings of a request, those that it declares itself before those it inherits."""
    declared = {one.name: one for one in settings_of(request)}
    names = (name for kind in request.__mro__ for name in inspect.get_annotations(kind))
    return [declared[name] for name in dict.fromkeys(names) if name in declared]


def assignments(flag: str, texts: Collection[str], *, empty: bool = False) -> dict[str, str]:
    """The values of `NAME=VALUE` texts by name; `empty` says that VALUE may be empty.

    >>> assignments("--set", ["n_factors=8", "alpha = 1"])
    {'n_factors': '8', 'alpha': '1'}

    Raises:
        ArgumentError: a text is no assignment, or a name comes twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not name or not (value or empty):
            raise ArgumentError(f"{flag} must look like NAME=VALUE, not {text!r}")
        if name in found:
            raise ArgumentError(f"{flag} sets {name} twice, as {found[name]} and {value}")
        found[name] = value
    return found


def comma_separated(text: str) -> list[str]:
    """The parts of a text between commas, without blanks and without empty parts.

    >>> comma_separated("ease, item-knn,")
    ['ease', 'item-knn']
    """
    return [part.strip() for part in text.split(",") if part.strip()]


def _parameter(setting: Setting, required: bool) -> inspect.Parameter:
    # None stands for "not given", so that defaults stay where they are declared.
    kind: Any = list[str] if _repeats(setting) else setting.kind
    if setting.kind is list and not _repeats(setting):
        kind = str
    text, metavar = _help(setting), setting.metavar or _METAVARS.get(setting.kind)
    default: Any = None
    if setting.required and not setting.flags:
        metavar = setting.metavar or setting.name.upper()
        info: Any = typer.Argument(help=text, metavar=metavar, show_default=False)
    else:
        flag = "--" + setting.name.replace("_", "-")
        if setting.kind is bool and (setting.optional or setting.default is True):
            flag = f"{flag}/--no-{flag[2:]}"
        metavar = None if setting.kind is bool else metavar
        names = setting.flags or (flag,)
        info = typer.Option(*names, help=text, metavar=metavar, show_default=False)
    if setting.required and required:
        return _keyword(setting.name, Annotated[kind, info], inspect.Parameter.empty)
    return _keyword(setting.name, Annotated[kind | None, info], default)


def _keyword(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default
    )


def _repeats(setting: Setting) -> bool:
    return setting.kind is dict or (setting.kind is list and "," not in setting.metavar)


def _help(setting: Setting) -> str:
    # The meaning, what is allowed, and the default.
    notes = [f"one of: {', '.join(setting.allowed)}"] if setting.allowed else []
    default = setting.default_text
    shown = setting.kind in (int, float, str) and not setting.required
    if not default and shown and setting.default not in (None, ""):
        default = f"{setting.default:g}" if setting.kind is float else str(setting.default)
    notes += [f"default: {default}"] if default else []
    return setting.meaning + (f"  [{'; '.join(notes)}]" if notes else "")


def _value(setting: Setting, value: Any) -> Any:
    if setting.kind is dict:
        flag = setting.flags[0] if setting.flags else f"--{setting.name}"
        return assignments(flag, value, empty=setting.name == "columns")
    if setting.kind is list and not _repeats(setting):
        return comma_separated(value)
    return value
