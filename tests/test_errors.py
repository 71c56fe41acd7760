"""One table maps every error to its exit code and HTTP status."""

import pytest

from recsys import errors


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (errors.ArgumentError, 2, 400), (errors.DataError, 3, 422), (errors.DownloadError, 3, 502),
        (errors.UnknownIdError, 3, 404), (errors.FitError, 4, 422), (errors.ModelFileError, 4, 503),
        (errors.GateError, 5, 409), (errors.GateUndecidedError, 6, 409),
        (errors.StoreError, 3, 503), (errors.StoreUnavailable, 7, 503),
        (errors.StoreBusy, 7, 409), (errors.StoreConflict, 3, 422),
        (errors.WorkerError, 7, 503),
        (MemoryError, 7, 503), (FileNotFoundError, 7, 503),
        (KeyboardInterrupt, 130, 503), (ZeroDivisionError, 1, 500), (ValueError, 1, 500),
    ],
)  # fmt: skip
def test_outcome(error: type[BaseException], code: int, status: int) -> None:
    assert errors.outcome(error("words")) == (code, status)


def test_bad_arguments_are_value_errors_and_ours() -> None:
    assert issubclass(errors.ArgumentError, ValueError)
    assert issubclass(errors.ArgumentError, errors.RecsysError)
    assert errors.ArgumentError("n").exit_code == 2
    assert issubclass(errors.UnknownIdError, LookupError)
