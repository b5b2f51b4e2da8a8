"""Texts of several lines that people write: plain, with one kind of line end and without control characters."""

from __future__ import annotations

import re

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""Control characters other than tabs and line ends. On a terminal or in a log they could show what nobody wrote."""

PATTERN = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$"
"""The same for the contract."""


def plain_text(text: str) -> str:
    """The text with its line ends as line feeds; raises ValueError if it contains another control character.

    Browsers send the lines of a form with CRLF (WHATWG HTML, section 4.10.21.4), scripts with LF: the same text is the
    same, whichever way it came.
    """
    if CONTROL.search(text):
        raise ValueError("must be plain text, without control characters")
    return text.replace("\r\n", "\n").replace("\r", "\n")
