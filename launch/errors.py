"""What can go wrong while starting, each told in one line."""


class LaunchError(Exception):
    """The service cannot be started; the text is one line that says why."""

    status = 1
    """What the launcher exits with."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(" ".join(message.split()))
        if status is not None:
            self.status = status


class EmbeddedPostgresError(LaunchError):
    """The PostgreSQL that comes with the service cannot be used."""
