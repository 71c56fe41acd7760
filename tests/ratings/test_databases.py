"""What engines of databases say."""

import logging

import pytest
from sqlalchemy import create_engine

from recsys.ratings.databases import without_log_of_interruptions


@pytest.mark.parametrize(("error", "n_logged"), [(KeyboardInterrupt, 0), (OSError, 1)])
def test_an_interruption_while_a_connection_closes_is_raised_and_not_logged(
    error: type[BaseException],
    n_logged: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine = without_log_of_interruptions(create_engine("sqlite://"))

    def fails(_: object) -> None:
        raise error

    with monkeypatch.context() as patch, caplog.at_level(logging.ERROR, "sqlalchemy.pool"):
        connection = engine.raw_connection()
        patch.setattr(engine.dialect, "do_close", fails)
        if error is KeyboardInterrupt:
            with pytest.raises(KeyboardInterrupt):
                connection.invalidate()
        else:
            connection.invalidate()
    assert len(caplog.records) == n_logged
