"""Log records contain no names, addresses or secrets."""

from __future__ import annotations

import io
import logging

import orjson
import pytest
import structlog

from foundation import logs
from foundation.connections import PreparedPool, Statement
from foundation.db import db

MARK = "private.person@example.org"


@pytest.fixture
def lines(monkeypatch):
    """What was logged, as it would stand in the file."""
    written = io.StringIO()
    (handler,) = [
        one for one in logging.getLogger().handlers if isinstance(one.formatter, structlog.stdlib.ProcessorFormatter)
    ]
    monkeypatch.setattr(handler, "stream", written)
    return lambda: [orjson.loads(line) for line in written.getvalue().splitlines()]


@pytest.mark.parametrize("word", ["Pregnancy test", MARK, 'odd "quotes"\nand lines'])
def test_a_failing_statement_does_not_log_its_values(app, settings, lines, word):
    log = logs.get_logger("test of logs")
    pool = PreparedPool(settings.dsn, 1, "test")
    with app.app_context():
        for run in (
            lambda: pool.run(Statement("failing", ("text",), "SELECT CAST($1 AS bigint)"), (word,)),
            lambda: db.session.execute(db.text("SELECT CAST(CAST(:word AS text) AS bigint)"), {"word": word}),
        ):
            with pytest.raises(Exception) as failed:  # noqa: PT011
                run()
            log.error("test.failed", "It failed", exc_info=failed.value)
            log.error("test.failed", "It failed", reason=logs.text_of(getattr(failed.value, "orig", failed.value)))
            db.session.rollback()
    pool.close()

    told = "".join(map(str, lines()))
    assert "SQLSTATE 22P02" in told
    assert word.split("\n")[0] not in told


def test_an_address_and_a_password_are_hidden(app, lines):
    log = logs.get_logger("test of logs")
    reason = f"550 5.1.1 <{MARK}>: POST https://user:s3cr3t@warehouse.internal/v2"
    log.error("side_effect.dead", "Side effect given up", reason=reason)

    assert [line["reason"] for line in lines()] == ["550 5.1.1 <(address)>: POST (address)"]
