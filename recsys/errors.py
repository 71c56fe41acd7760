"""The errors of the package, in one tree.

    RecsysError
    ├── ArgumentError        an argument out of range (also a ValueError)
    ├── DataError            a ratings file or table that cannot be read as one
    │   └── DownloadError    a data set that could not be downloaded completely
    ├── UnknownIdError       a user, item or title that is not in the data (also a LookupError)
    ├── ModelError
    │   ├── FitError         a factorization without a finite solution
    │   └── ModelFileError   a model file that is damaged, foreign or too new
    │       └── CheckpointError  a checkpoint that is damaged
    ├── GateError            a candidate that must not replace the model in service
    │   └── GateUndecidedError   too little evidence to let it
    ├── EngineError          an engine such as Spark that does not start, or fails in the middle
    ├── StoreError           a database that is not a ratings store, or not of this version
    │   ├── StoreUnavailable a database that does not answer now, or has no room; try again
    │   ├── StoreBusy        work that another process is doing at this moment
    │   └── StoreConflict    a key that was used for another request
    └── WorkerError          a process that ended before its part of the work was done

Every message is one line that names the thing, the value and the remedy. `outcome` maps an error to
its exit code and its HTTP status.
"""

from typing import NamedTuple


class RecsysError(Exception):
    """Base class of all errors about arguments, data, ids, fits and files."""

    @property
    def exit_code(self) -> int:
        """What the command line exits with."""
        return outcome(self).exit_code


class ArgumentError(RecsysError, ValueError):
    """An argument that is out of range or of the wrong kind: names it, its value and the range."""


class DataError(RecsysError):
    """Ratings that cannot be read: names the file, the row and the value."""


class DownloadError(DataError):
    """A data set that could not be downloaded completely and unaltered."""


class UnknownIdError(RecsysError, LookupError):
    """A user, item or title that is not in the data; suggests what is."""


class ModelError(RecsysError):
    """A model that cannot be fitted, read or used for the request."""


class FitError(ModelError):
    """A fit without a finite solution: says which side, and what to raise or lower."""


class ModelFileError(ModelError):
    """A model file that is missing, damaged, foreign, or from a newer version."""


class CheckpointError(ModelFileError):
    """A checkpoint that is damaged; an evaluation ends with it, as it is no fault of a model."""


class GateError(RecsysError):
    """A candidate that must not replace the model in service: says which question failed."""


class GateUndecidedError(GateError):
    """A candidate with too little evidence to replace the model in service."""


class EngineError(RecsysError):
    """An engine such as Spark that does not start, or a job of it that fails."""


class StoreError(RecsysError):
    """A database that is not a ratings store, is damaged, or is of another version."""


class StoreUnavailable(StoreError):
    """A database that cannot be reached or written to at this moment.

    The request has not been acknowledged. It may be sent again, with the same key if it has one.
    """


class StoreBusy(StoreError):
    """Work that another process is doing at this moment, which only one may do at a time."""


class StoreConflict(StoreError):
    """An idempotency key that was already used for another request."""


class WorkerError(RecsysError):
    """A process that ended before its part of the work was done, for example out of memory."""


class Terminated(KeyboardInterrupt):  # no error: the process is to end
    """The process was asked to end (SIGTERM); what is done is kept, as after Ctrl-C."""


class Outcome(NamedTuple):
    """How an error is reported outside Python."""

    exit_code: int
    http_status: int


OUTCOMES: dict[type[BaseException], Outcome] = {
    ArgumentError: Outcome(2, 400),
    DataError: Outcome(3, 422),
    DownloadError: Outcome(3, 502),
    UnknownIdError: Outcome(3, 404),
    ModelError: Outcome(4, 409),
    FitError: Outcome(4, 422),
    ModelFileError: Outcome(4, 503),
    GateError: Outcome(5, 409),
    GateUndecidedError: Outcome(6, 409),
    EngineError: Outcome(7, 503),
    StoreError: Outcome(3, 503),
    StoreUnavailable: Outcome(7, 503),
    StoreBusy: Outcome(7, 409),
    StoreConflict: Outcome(3, 422),
    WorkerError: Outcome(7, 503),
    MemoryError: Outcome(7, 503),
    OSError: Outcome(7, 503),
    KeyboardInterrupt: Outcome(130, 503),
    Terminated: Outcome(143, 503),
}
"""Error class → outcome; a class that is not listed has that of its nearest base class."""

BUG = Outcome(1, 500)
"""Of everything else."""


def outcome(error: BaseException) -> Outcome:
    """The exit code and HTTP status of an error.

    >>> outcome(FitError("user 3 has no finite solution"))
    Outcome(exit_code=4, http_status=422)
    """
    return next((OUTCOMES[kind] for kind in type(error).__mro__ if kind in OUTCOMES), BUG)
