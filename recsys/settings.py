"""Settings as data: default, range, scale, symbol and meaning of each, written once.

    @dataclass(frozen=True)
    class ImplicitALS(Settings):
        n_factors: int = hyper(64, low=1, high=4096, typical=(16, 512), log=True, symbol="f",
                               meaning="Width of the factors.")

The checks, the command line, recipe files, the tables in the docs and the spaces that tuning
searches are all derived from these declarations.
"""

from __future__ import annotations

import difflib
import math
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from typing import Any, ClassVar

import numpy as np

from recsys.errors import ArgumentError
from recsys.visible import brief

Choices = Sequence[str] | Callable[[], Sequence[str]]

_KEY = "setting"
_LONGEST_NAME = 100
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def hyper(
    default: Any,
    *,
    meaning: str,
    low: float = -math.inf,
    high: float = math.inf,
    above: bool = False,
    typical: tuple[float, float] | None = None,
    log: bool = False,
    tuned: bool = True,
    symbol: str = "",
) -> Any:
    """A dataclass field for a hyperparameter, which is a number.

    Args:
        default: its value where none is given; None where "none" is a value.
        meaning: in one or two sentences.
        low: the least that is allowed.
        high: the most that is allowed.
        above: whether `low` itself is not allowed.
        typical: where good values usually lie; tuning searches there.
        log: whether it is searched on a logarithmic scale.
        tuned: whether tuning searches it; False for what trades time for precision only.
        symbol: what formulas call it.
    """
    about = {
        "meaning": meaning, "low": low, "high": high, "above": above, "typical": typical,
        "log": log, "tuned": tuned, "symbol": symbol,
    }  # fmt: skip
    return field(default=default, metadata={_KEY: about})


def option(
    default: Any = MISSING,
    *,
    meaning: str,
    low: float = -math.inf,
    high: float = math.inf,
    above: bool = False,
    choices: Choices = (),
    flags: Sequence[str] = (),
    metavar: str = "",
    default_text: str = "",
) -> Any:
    """A dataclass field for any other setting: of a source, a split, a choice, a request.

    Args:
        default: its value where none is given; a setting without one is required.
        meaning: in one or two sentences; the help text of the command line.
        low: the least that is allowed, of a number.
        high: the most that is allowed.
        above: whether `low` itself is not allowed.
        choices: the texts that are allowed, or a function that lists them; none for any. Of a
            list, each must be one of them.
        flags: what the command line calls it, where that is not `--name`: ("-n", "--count").
        metavar: how its help shows the value, such as "ROLE=NAME".
        default_text: the default in words, where the value alone does not say it.
    """
    about = {
        "meaning": meaning, "low": low, "high": high, "above": above, "choices": choices,
        "flags": tuple(flags), "metavar": metavar, "default_text": default_text,
    }  # fmt: skip
    if isinstance(default, dict | list):
        return field(default_factory=lambda: type(default)(default), metadata={_KEY: about})
    return field(default=default, metadata={_KEY: about})


@dataclass(frozen=True)
class Setting:
    """What is declared of one field; see `hyper` and `option`."""

    name: str
    kind: type
    """int, float, str, bool, or list and dict for several values."""
    optional: bool
    """Whether None is a value."""
    default: Any
    """MISSING where it is required."""
    meaning: str
    low: float = -math.inf
    high: float = math.inf
    above: bool = False
    typical: tuple[float, float] | None = None
    log: bool = False
    tuned: bool = True
    symbol: str = ""
    choices: Choices = ()
    flags: tuple[str, ...] = ()
    metavar: str = ""
    default_text: str = ""

    @property
    def required(self) -> bool:
        """Whether it has no default."""
        return self.default is MISSING

    @property
    def allowed(self) -> tuple[str, ...]:
        """The texts that are allowed; empty for any."""
        return tuple(self.choices() if callable(self.choices) else self.choices)

    @property
    def range(self) -> str:
        """The allowed numbers in words.

        >>> Setting("seed", int, False, 0, "", low=0).range
        'a whole number of at least 0'
        """
        kind = "a whole number" if self.kind is int else "a number"
        low = "" if self.low == -math.inf else f"of at least {self.low:g}"
        low = f"above {self.low:g}" if self.above else low
        high = "" if self.high == math.inf else f"at most {self.high:g}"
        limits = " and ".join(filter(None, (low, high)))
        return f"{kind} {limits}" if limits else kind

    def checked(self, value: Any) -> Any:
        """The value as this setting keeps it: NumPy scalars and whole floats become plain numbers.

        Raises:
            ArgumentError: it is of the wrong kind or out of range; says what is allowed.
        """
        if value is None and self.optional:
            return None
        if self.kind in (int, float):
            return self._number(value)
        allowed = self.allowed
        several = self.kind is list and isinstance(value, list | tuple)
        for one in (value if several else [value]) if allowed else ():
            if not isinstance(one, str) or one not in allowed:
                raise ArgumentError(
                    f"{self.name} must be one of {', '.join(allowed)}, not {brief(one)}"
                    f"{near(one, allowed)}"
                )
        kinds: dict[type, Any] = {list: (list, tuple), dict: Mapping}
        if not isinstance(value, kinds.get(self.kind, self.kind)):
            words = {str: "text", bool: "true or false", list: "a list", dict: "a table"}
            raise ArgumentError(f"{self.name} must be {words[self.kind]}, not {brief(value)}")
        return value

    def parsed(self, text: str) -> Any:
        """The value that a text from a command line stands for.

        >>> Setting("n_factors", int, False, 64, "").parsed("32")
        32

        Raises:
            ArgumentError: it is not a text for such a value.
        """
        if self.optional and text.lower() == "none":
            return None
        if self.kind is bool:
            if text.lower() not in ("true", "false"):
                raise ArgumentError(f"{self.name} must be true or false, not {brief(text)}")
            return text.lower() == "true"
        if self.kind not in (int, float):
            return text
        try:
            return int(text) if self.kind is int else float(text)
        except ValueError:
            kind = "a whole number" if self.kind is int else "a number"
            raise ArgumentError(f"{self.name} must be {kind}, not {brief(text)}") from None

    def _number(self, value: Any) -> int | float:
        try:
            number = float(value) if isinstance(value, int | float | np.number) else math.nan
        except OverflowError:
            number = math.inf
        fits = math.isfinite(number) and not isinstance(value, bool | np.bool_)
        fits = fits and (number > self.low if self.above else number >= self.low)
        if not fits or number > self.high or (self.kind is int and number != int(number)):
            raise ArgumentError(f"{self.name} must be {self.range}, not {brief(value)}")
        return int(value) if self.kind is int else number


@dataclass(frozen=True)
class Settings:
    """A frozen dataclass of declared fields: checked, comparable, ready for JSON."""

    noun: ClassVar[str] = "setting"
    """What messages call a field."""

    def __post_init__(self) -> None:
        for setting in settings_of(type(self)):
            value = setting.checked(getattr(self, setting.name))
            object.__setattr__(self, setting.name, value)

    def values(self) -> dict[str, Any]:
        """Value by name, in the order of declaration."""
        return {setting.name: getattr(self, setting.name) for setting in settings_of(type(self))}

    @classmethod
    def parsed(cls, given: Mapping[str, Any], what: str = "") -> typing.Self:
        """The settings with these values by name; texts become what they stand for.

        Args:
            given: values by name; the others keep their defaults.
            what: whose settings these are, for messages.

        Raises:
            ArgumentError: a name or a value is wrong.
        """
        known = {setting.name: setting for setting in settings_of(cls)}
        values = {}
        for name, value in given.items():
            if name not in known:
                have = f"it has {', '.join(known)}" if known else "it has none"
                raise ArgumentError(
                    f"{what or cls.__name__} has no {cls.noun} {brief(name)}{near(name, known)}; "
                    f"{have}"
                )
            values[name] = known[name].parsed(value) if isinstance(value, str) else value
        return cls(**values)


@dataclass(frozen=True)
class NamedSettings(Settings):
    """Settings of something that is chosen by name: a model, a re-ranker."""

    noun: ClassVar[str] = "hyperparameter"
    name: ClassVar[str]
    """What the command line, the registry and model files call it."""

    def to_dict(self) -> dict[str, Any]:
        """Name (under `model`) and settings, ready for JSON."""
        return {"model": self.name} | self.values()

    def changed(self) -> dict[str, Any]:
        """The settings that differ from their defaults, as `--set` takes them."""
        own = {one.name: one.default for one in settings_of(type(self))}
        return {name: value for name, value in self.values().items() if value != own[name]}


def settings_of(cls: type) -> tuple[Setting, ...]:
    """The declared fields of a dataclass, in order."""
    return _settings_of(cls)


@cache
def _settings_of(cls: type) -> tuple[Setting, ...]:
    hints = typing.get_type_hints(cls)
    found = []
    for one in fields(cls):
        if _KEY not in one.metadata:
            continue
        kind, optional = _kind(hints[one.name])
        default = one.default
        if one.default_factory is not MISSING:
            default = one.default_factory()
        found.append(Setting(one.name, kind, optional, default, **one.metadata[_KEY]))
    return tuple(found)


def seconds(
    time: str | float, name: str, examples: str = "90s, 10m or 2h", zero: bool = False
) -> float:
    """The seconds of a time, given in seconds, minutes, hours or days.

    >>> [seconds(time, "budget") for time in ("90", "1.5m", "2h", "1d")]
    [90.0, 90.0, 7200.0, 86400.0]

    Args:
        time: what was given.
        name: of the setting, for the message.
        examples: what the message shows.
        zero: whether 0 is one.

    Raises:
        ArgumentError: it is no time.
    """
    text = str(time).strip().lower()
    unit = _UNITS.get(text[-1:])
    try:
        found = float(text) if unit is None else float(text[:-1]) * unit
    except ValueError:
        found = math.nan
    if not 0 <= found < math.inf or not (found or zero):
        raise ArgumentError(f"{name} must be a time such as {examples}, not {time!r}")
    return found


def near(word: object, known: Iterable[str]) -> str:
    """A hint at the known name that is closest to `word`; "" where none is close.

    >>> near("implicit-asl", ["implicit-als", "pure-svd"])
    " (did you mean 'implicit-als'?)"
    """
    # Comparing takes time quadratic in the length, and names are short.
    names = [name for name in known if len(name) <= _LONGEST_NAME]
    close = difflib.get_close_matches(str(word)[:_LONGEST_NAME], names, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _kind(hint: Any) -> tuple[type, bool]:
    # The type of a value, and whether None is one, too.
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    kinds = [kind for kind in options if kind is not type(None)]
    if float in kinds and int in kinds:
        kinds = [float]
    origin = typing.get_origin(kinds[0]) or kinds[0]
    for plain, abstract in ((dict, Mapping), (list, Sequence)):
        if isinstance(origin, type) and issubclass(origin, abstract) and origin is not str:
            return plain, len(options) > len(kinds)
    return origin, type(None) in options
