"""Single-line texts: names and titles that appear in an e-mail, a log or a page, and must not add a line to it."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

NOT_ON_A_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""Control characters, and Unicode's line and paragraph separators."""


def one_line(text: str) -> str:
    """The text itself; raises ValueError if it contains a line break or a control character."""
    if NOT_ON_A_LINE.search(text):
        raise ValueError("must be one line, without control characters")
    return text


def folded(text: str) -> str:
    """The text on one line, whatever it was before."""
    return " ".join(NOT_ON_A_LINE.sub(" ", text).split())


CHECKED = AfterValidator(one_line)
SHOWN = Field(json_schema_extra={"pattern": r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$"})

Line = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True), CHECKED, SHOWN]
"""A name or a title."""

Code = Annotated[str, StringConstraints(min_length=1, max_length=100), CHECKED, SHOWN]
"""Another system's number or code, exactly as written."""
