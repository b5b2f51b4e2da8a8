"""gunicorn's own records, in the same form and place as all others."""

from __future__ import annotations

from typing import Any

from gunicorn.glogging import Logger

from foundation import logs


class ServerLog(Logger):  # type: ignore[misc]  # gunicorn has no types
    """Passes gunicorn's records to the root logger, unless it is configured to write to a file."""

    def setup(self, cfg: Any) -> None:
        logs.configure(cfg.loglevel.upper())
        super().setup(cfg)
        if cfg.errorlog == "-":
            self.error_log.handlers.clear()
            self.error_log.propagate = True
