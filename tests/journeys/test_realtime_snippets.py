"""The examples in docs/realtime.md work as they are."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile

import pytest

from tests.conftest import PROJECT
from tests.facts import eventually

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("streams")]

PAGE = (PROJECT / "docs" / "realtime.md").read_text()
PROGRAMS = {
    "sh": (shutil.which("bash"), ".sh"),
    "python": (sys.executable, ".py"),
    "js": (shutil.which("node"), ".mjs"),
}


def snippet(language):
    """The first piece of the page in this language."""
    return re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)[1]


@pytest.mark.parametrize("language", PROGRAMS)
def test_a_snippet_hears_what_happens(server, language, tmp_path):
    program, ending = PROGRAMS[language]
    if program is None or (language == "sh" and not shutil.which("curl")):
        pytest.skip(f"nothing here runs {language}")
    cast = server.cast()
    (file := tmp_path / f"snippet{ending}").write_text(snippet(language))
    env = {"PATH": os.environ["PATH"], "URL": server.url, "TOKEN": cast.alice.token}
    with tempfile.TemporaryFile() as said:
        listening = subprocess.Popen([program, file], env=env, stdout=said, stderr=subprocess.STDOUT)

        def heard(word):
            return word.encode() in os.pread(said.fileno(), 10**6, 0)

        try:
            eventually(lambda: heard("hello"))
            order = cast.place()
            cast.bob.move(order["id"], "CONFIRMED")
            eventually(lambda: heard("order.created") and heard("order.status_changed") and heard("CONFIRMED"))
        finally:
            listening.terminate()
            listening.wait(10)
