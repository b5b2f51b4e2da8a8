"""E-mails with templates of the operator's."""

from __future__ import annotations

import re

import pytest

from foundation.settings import SettingsError
from notifications.letters import TEMPLATES, Letter, Letters, template_folders
from orders import email_trials
from orders.workflow_file import BUILT_IN

SHIPPED = {"greeting": "Hello,", "sentence": "It is on its way.", "reason": "", "parcels": [], "link": ""}


@pytest.fixture
def replace(tmp_path):
    """Replaces a text of ours in a template of its name, and checks the folder."""

    def replace(name, old="", new=""):
        text = (TEMPLATES / name).read_text()
        assert old in text
        (tmp_path / "email").mkdir(exist_ok=True)
        (tmp_path / "email" / name).write_text(text.replace(old, new, 1))
        email_trials.check_templates(tmp_path, BUILT_IN)
        return Letters(template_folders(tmp_path))

    return replace


@pytest.mark.parametrize("name", sorted(one.name for one in TEMPLATES.iterdir()))
def test_each_of_ours_passes_the_trial(replace, name):
    replace(name)


def test_an_email_is_the_operators_if_there_is_a_template(replace):
    letters = replace("status.txt", "{{ greeting }}", "Dear customer")

    mail = letters.mail(Letter("alice@example.org", "en", "status", SHIPPED, "1"))
    assert "Dear customer" in mail.text
    assert "Hello," not in mail.text


@pytest.mark.parametrize(
    ("name", "old", "new", "why"),
    [
        (
            "status.txt",
            "{{ greeting }}",
            "{{ greetings }}",
            "status.txt:3: greetings is unknown; greeting may be meant",
        ),
        ("status.html", "parcel.carrier", "parcel.currier", "status.html:10: currier is unknown"),
        ("digest.txt", "{{ greeting }}", "{{ greeting }", "digest.txt:3: "),
        ("status.txt", "Subject: {{ sentence }}", "Subject:", "status.txt"),
    ],
)
def test_what_there_is_not_is_refused_with_file_and_line(replace, name, old, new, why):
    with pytest.raises(SettingsError, match=re.escape(why)):
        replace(name, old, new)


def test_a_template_that_replaces_nothing_is_refused(tmp_path):
    (tmp_path / "email").mkdir()
    (tmp_path / "email" / "statsu.txt").write_text("Subject: x")

    with pytest.raises(SettingsError, match=r"statsu\.txt:1: replaces none of our templates; status\.txt may be meant"):
        email_trials.check_templates(tmp_path, BUILT_IN)
