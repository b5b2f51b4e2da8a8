"""What an order is found by: the terms of an order when it is written, and the condition of a search when it is asked.

Both are folded by `fold`, here and nowhere else: PostgreSQL only compares. A word of the search has to begin a word of
the order. E-mail addresses, phone numbers and tags are whole terms, marked by a sign that no word contains; a seller
who may not read an address finds it only if it is typed in full.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

EMAIL, PHONE, TAG = "@", "+", "="
"""The first character of a term that is not a word."""

CHARACTERS = 100
"""Of a word; the rest is not compared. A lexeme of PostgreSQL has at most 2,046 bytes."""

WORD = re.compile(r"[^\W_]+")
PHONE_NUMBER = re.compile(r"[0-9+()./ -]{6,}")
NOT_DIGITS = re.compile(r"[^0-9]+")

DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
APOSTROPHES = "\u0060\u00b4\u02b9\u02bb\u02bc\u02bd\u2018\u2019\u201b\u2032\uff07"
ALIKE = str.maketrans(dict.fromkeys(DASHES, "-") | dict.fromkeys(APOSTROPHES, "'"))
"""Before anything else: Unicode takes an acute accent that stands alone for a blank with a mark."""

LETTERS = str.maketrans(
    {"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "ŧ": "t", "ı": "i"}
)
"""Letters that Unicode does not take apart, as people type them who do not have them. (ß is `ss` by casefold.)"""

UNSEEN = ("Mn", "Mc", "Me", "Cf")
"""Unicode's categories of marks, and of characters that only shape others."""


def fold(text: str) -> str:
    """The text as it is compared: compatibility forms taken apart (NFKD), without marks, in lower case, with one form
    of dash and of apostrophe."""
    text = text.translate(ALIKE)
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold()).translate(LETTERS)
    return "".join(one for one in apart if unicodedata.category(one) not in UNSEEN)


def terms(order: Mapping[str, Any]) -> list[str]:
    """What this order is found by, given its members as the API and the table name them; those that are missing or None
    have no terms."""
    found: dict[str, None] = {}
    for text in _texts(order):
        found.update(dict.fromkeys(words(text)))
    for tag in order.get("tags") or ():
        found[tag_term(tag)] = None
    if email := order.get("buyer_email"):
        found[_whole(EMAIL, email)] = None
    if phone := NOT_DIGITS.sub("", fold((order.get("delivery") or {}).get("phone") or "")):
        found[PHONE + phone] = None
    return list(found)


def parcel_terms(parcel: Mapping[str, Any]) -> list[str]:
    """What a parcel is found by."""
    return list(words(parcel["number"]))


def tag_term(tag: str) -> str:
    """The term of a whole tag."""
    return _whole(TAG, tag)


def condition(asked: str, contact: bool) -> str:
    """What a search asks for, as text for `tsquery`; empty if it contains nothing that could be found.

    `contact`: whether the reader may see e-mail addresses, and so find them by their beginning.
    """
    folded = fold(asked)
    tokens = [one for one in (_token(token, contact) for token in folded.split()) if one]
    digits = NOT_DIGITS.sub("", folded) if PHONE_NUMBER.fullmatch(folded.strip()) else ""
    return _any([" & ".join(tokens), quoted(PHONE + digits) if digits else ""])


def quoted(term: str, prefix: bool = False) -> str:
    """A term of a `tsquery`; `prefix` also matches what only begins so."""
    escaped = term.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'{':*' if prefix else ''}"


def _texts(order: Mapping[str, Any]) -> Iterator[str]:
    yield from (str(order[name]) for name in ("number", "external_id", "buyer_name") if order.get(name) is not None)
    for item in order.get("items") or ():
        yield from (text for text in (item.get("sku"), item.get("title")) if text)
    for parcel in [*(order.get("parcels") or ()), order.get("tracking")]:
        yield from (text for text in [parcel and parcel.get("number")] if text)
    yield from order.get("tags") or ()


def words(text: str) -> Iterator[str]:
    """The words of a text, and what is written between two blanks as one word: `SO/2024` is found by `so2024` too."""
    for token in fold(text).split():
        yield from _parts(token)


def _parts(token: str) -> list[str]:
    found: Sequence[str] = WORD.findall(token)
    joined = ["".join(found)] if len(found) > 1 else []
    return [word[:CHARACTERS] for word in [*found, *joined]]


def _token(token: str, contact: bool) -> str:
    """The condition of what stands between two blanks: its words, or all of it as one word or as an address."""
    parts = _parts(token)
    words, joined = (parts[:-1], parts[-1:]) if len(parts) > 1 else (parts, [])
    # What is followed by more of the same token is typed to its end. Sought as a beginning, the `n` of N-1042 made the
    # index read all words that begin so: 99 ms for a number among a million.
    whole, begun = map(quoted, words[:-1]), (quoted(word, prefix=True) for word in words[-1:])
    options = [" & ".join([*whole, *begun])]
    options += [quoted(word, prefix=True) for word in joined]
    if contact or EMAIL in token.strip(EMAIL):
        options.append(quoted(_whole(EMAIL, token), prefix=contact))
    return _any(options if parts else [])


def _any(options: Sequence[str]) -> str:
    some = [option for option in options if option]
    return f"({' | '.join(f'({option})' for option in some)})" if some else ""


def _whole(sign: str, text: str) -> str:
    return sign + fold(text.strip())[:254]
