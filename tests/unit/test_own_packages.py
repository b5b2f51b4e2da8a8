"""Our top-level names are common ones: where Python would find others in their place, nothing starts."""

from __future__ import annotations

import subprocess
import sys

import own_packages
from tests.conftest import PROJECT
from tests.unit.test_architecture import TOP_LEVEL


def start(*path):
    """A process with this path, which asks first."""
    code = f"import sys; sys.path[:0] = {[str(one) for one in path]}; import own_packages; own_packages.refuse_others()"
    return subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, env={})


def test_all_our_names_are_known():
    tools = {"benchmarks", "chaos", "gunicorn.conf", "own_packages"}

    assert set(TOP_LEVEL) - tools == set(own_packages.NAMES)


def test_in_a_checkout_nothing_hides_ours():
    assert [] == own_packages.shadowed()


def test_a_package_in_the_place_of_one_of_ours_is_refused_in_one_line(tmp_path):
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders" / "__init__.py").touch()
    refused = start(tmp_path, PROJECT)

    assert (1, 1) == (refused.returncode, refused.stderr.count("\n"))
    assert f"orders is found in {tmp_path}/orders/__init__.py" in refused.stderr
    assert (0, "") == ((fine := start(PROJECT, tmp_path)).returncode, fine.stderr)


def test_a_module_that_was_imported_in_the_place_of_ours_is_noticed(tmp_path, monkeypatch):
    other = type(sys)("server")
    other.__file__ = str(tmp_path / "server.py")
    monkeypatch.setitem(sys.modules, "server", other)

    (line,) = own_packages.shadowed()
    assert f"server is found in {tmp_path}/server.py" in line
