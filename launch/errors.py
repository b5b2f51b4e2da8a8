"""Errors at start, each reported in one line."""


class LaunchError(Exception):
    """The service cannot be started; the text is one line with the reason."""

    status = 1
    """The launcher's exit status."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(" ".join(message.split()))
        if status is not None:
            self.status = status


class EmbeddedPostgresError(LaunchError):
    """The embedded PostgreSQL cannot be used."""
