"""E-mail addresses: one addr-spec (RFC 5322, section 3.4.1) is one address, wherever it is entered or used.

A text that another grammar parses later may mean something else: `first,second@example.org` became two recipients in a
header, and `My Shop, Inc <o@s.example>` became the sender `My`.
"""

from __future__ import annotations

import re
from email.headerregistry import Address

import email_validator
from email_validator import EmailNotValidError

# Deliverability is the mail server's business: `orders@localhost` and `@mail.local` may exist.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()

ENCODED_WORD = re.compile(r"=\?.*\?=")
"""RFC 2047: the reader of the header decodes it, and gets another address, or a line break."""

NOT_IN_A_NAME = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029<>]")


def addr_spec(text: str) -> str:
    """The one address in this text, as an envelope takes it: ASCII, its domain in IDNA (RFC 5891).

    Raises ValueError with a sentence otherwise: several addresses, a name with brackets around the address, a group, an
    encoded word, and letters before the @ that only SMTPUTF8 (RFC 6531) could carry.
    """
    if ENCODED_WORD.search(text):
        raise ValueError("must be one plain e-mail address, without an encoded word")
    try:
        found = email_validator.validate_email(
            text, allow_smtputf8=False, strict=True, check_deliverability=False, globally_deliverable=False
        )
    except EmailNotValidError as error:
        reason = str(error).rstrip(".")
        raise ValueError(f"must be one e-mail address, such as name@example.org. {reason}") from error
    assert found.ascii_email is not None  # since other characters were not allowed
    return found.ascii_email


def is_addr_spec(text: str) -> str:
    """The text itself, if it is one address; raises ValueError otherwise. It is stored as it was written."""
    addr_spec(text)
    return text


def mailbox(text: str) -> Address:
    """An address with or without a name before it, as in `My Shop, Inc <orders@shop.example>`.

    Raises ValueError with a sentence if it is neither.
    """
    name, bracket, rest = text.strip().rpartition("<")
    if not bracket:
        return Address(addr_spec=addr_spec(text.strip()))
    if not rest.endswith(">"):
        raise ValueError("must be an e-mail address, or a name and an address such as My Shop <orders@shop.example>")
    name = name.strip()
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    if NOT_IN_A_NAME.search(name):
        raise ValueError(
            "must be one name and one address, without line breaks, control characters or further brackets"
        )
    return Address(display_name=name, addr_spec=addr_spec(rest[:-1]))
