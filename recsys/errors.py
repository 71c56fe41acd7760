"""Everything that can go wrong with data, ids, fits and files, in one tree.

    RecsysError
    ├── DataError            a ratings file or table that cannot be read as one
    │   └── DownloadError    a data set that could not be fetched whole
    ├── UnknownIdError       a user, item or title that is not there
    ├── ModelError
    │   ├── FitError         a factorization without a finite answer
    │   └── ModelFileError   a model file that is damaged, foreign or too new
    └── GateError            a candidate that is significantly worse than the model in service

Bad arguments are `ValueError`s that name argument, value and range. The command line maps each
class to the exit code below.
"""


class RecsysError(Exception):
    """The root. The message is one line that names the thing and the remedy."""

    exit_code = 3


class DataError(RecsysError):
    """Ratings that cannot be read: names the file, the row and the value."""


class DownloadError(DataError):
    """A data set that could not be fetched whole and unaltered."""


class UnknownIdError(RecsysError, LookupError):
    """A user, item or title that is not in the data; suggests what is."""


class ModelError(RecsysError):
    """A model that cannot be made, read or asked this."""

    exit_code = 4


class FitError(ModelError):
    """A fit without a finite solution: says which side, and what to raise or lower."""


class ModelFileError(ModelError):
    """A model file that is missing, damaged, foreign, or from a newer version."""


class GateError(RecsysError):
    """A candidate that must not replace the model in service: says by how much it is worse."""

    exit_code = 5
