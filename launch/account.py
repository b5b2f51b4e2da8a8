"""The operating system account that PostgreSQL runs as: ours, unless we are root.

PostgreSQL refuses to run as root. Started by root it runs as the owner of an existing cluster, otherwise as `postgres`,
otherwise as `nobody`; no account is created and no other folder's permissions are changed.
"""

import os
import pwd
import stat
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launch.errors import EmbeddedPostgresError

CANDIDATES = ("postgres", "nobody")
COMMAND_SECONDS = 120
"""Far above what initdb or a start after a crash takes; a command that exceeds it hangs."""


@dataclass(frozen=True)
class Account:
    """The account of PostgreSQL's commands, and whether we have to switch to it first."""

    uid: int
    gid: int
    switch: bool

    def run(self, *command: str | Path, cwd: Path = Path("/")) -> subprocess.CompletedProcess[str]:
        """Run one command as this account, in a session that Ctrl-C does not reach."""
        change: dict[str, Any] = {"user": self.uid, "group": self.gid, "extra_groups": []}
        return subprocess.run(
            [str(part) for part in command],
            cwd=cwd,
            # Nothing of our environment: it contains secrets, and PG* variables would change the command.
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=COMMAND_SECONDS,
            start_new_session=True,
            **(change if self.switch else {}),
        )

    def succeeds(self, *command: str | Path) -> bool:
        """Return whether the account may run the command and the command succeeds."""
        try:
            return self.run(*command).returncode == 0
        except PermissionError:
            return False

    def own(self, folder: Path) -> None:
        """Give a folder, created if need be, and its contents to the account, closed to everybody else."""
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        found = folder.lstat()
        # Below /tmp anybody may have created a link or a folder with this name.
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {self.uid, os.geteuid()}:
            raise EmbeddedPostgresError(f"{folder} is in the way: it is not a folder of the account that needs it.")
        if found.st_uid != self.uid:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, self.uid, self.gid, follow_symlinks=False)
        folder.chmod(0o700)

    def reaches(self, folder: Path) -> bool:
        """Return whether the account can reach the folder from the root of the file system."""
        return not self.switch or self.succeeds("test", "-x", folder)

    def require_way_to(self, folder: Path) -> None:
        """Refuse a folder that the account cannot reach."""
        if self.reaches(folder):
            return
        steps = (folder, *folder.parents)
        closed = next(step for step in reversed(steps) if not self.succeeds("test", "-x", step))
        name = pwd.getpwuid(self.uid).pw_name
        raise EmbeddedPostgresError(
            f"DATA_DIR {folder} is out of reach for the account {name!r}, which PostgreSQL runs as when root "
            f"starts it: {closed} is closed to it. Choose another place, for example DATA_DIR=/var/lib/onward."
        )


def account_for(cluster: Path) -> Account:
    """Choose the account for a cluster that may or may not exist yet."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), switch=False)
    if cluster.exists() and (found := cluster.stat()).st_uid != 0:
        return Account(found.st_uid, found.st_gid, switch=True)
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid, switch=True)
    raise EmbeddedPostgresError(
        "PostgreSQL does not run as root, and there is no account 'postgres' or 'nobody' to run it as."
    )
