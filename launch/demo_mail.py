"""The demo's mail server beside the service: e-mails go the real way, and reach nobody."""

import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from launch.children import Child
from launch.plan import PROJECT

MAIL_STOP_SECONDS = 2
FOLDER, SERVER = "MAIL_FOLDER", "SMTP_URL"


@contextmanager
def served(environment: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    """Yield the environment with a mail server's address, where e-mails are to be kept in a folder."""
    if not environment.get(FOLDER) or environment.get(SERVER):
        yield environment
        return
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = (sys.executable, "-m", "demo.mail_server", str(listener.fileno()), environment[FOLDER])
        port = listener.getsockname()[1]
        sockets = [listener.fileno()]
        with Child(command, cwd=PROJECT, env=environment, grace_seconds=MAIL_STOP_SECONDS, shared_files=sockets):
            yield {**environment, SERVER: f"smtp://127.0.0.1:{port}"}
