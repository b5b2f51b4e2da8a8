"""Endpoints: created, read, changed and deleted by their owner, a seller or the marketplace."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from access.principal import Principal
from foundation import locks, sql
from foundation.db import commit, db, in_pieces, one_piece
from foundation.errors import AppError, InvalidRequest, NotFound
from webhooks.matching import DESTINATION, KIND, endpoint_of
from webhooks.models import MARKETPLACE
from webhooks.refusals import Refused
from webhooks.schemas import ChangeWebhookRequest, CreateWebhookRequest
from webhooks.secrets_at_rest import CannotDecrypt, Keyring
from webhooks.sending import Sender
from webhooks.signatures import new_secret, secret_text

MOST = 20
"""Endpoints of one owner: each event is sent to each that matches."""

SQL = sql.beside(
    __file__, kind=KIND, destination=DESTINATION, hashed=locks.HASHED, endpoint_of_d=endpoint_of("d.destination")
)
OWN, ONE, COUNT = SQL.text("own"), SQL.text("one"), SQL.text("count")
ADD, HOLD, CHANGE, REMOVE = SQL.text("add"), SQL.text("hold"), SQL.text("change"), SQL.text("remove")
FORGET_CIRCUIT, DISCARD, ROTATE = SQL.text("forget_circuit"), SQL.text("discard"), SQL.text("rotate")
FORGET_SECRETS, DISCARD_ORPHANS = SQL.text("forget_secrets"), SQL.text("discard_orphans")


class TooManyWebhooks(AppError):
    """The owner has as many endpoints as anybody can have, 20."""

    code, status = "too_many_webhooks", 409
    sentence = f"You already have {MOST} webhooks. Delete one first."


class WebhooksOff(AppError):
    """This installation sends no webhooks: `WEBHOOK_SECRET_KEYS` is not set."""

    code, status = "webhooks_off", 409
    sentence = "This installation sends no webhooks: WEBHOOK_SECRET_KEYS is not set."


@dataclass(frozen=True)
class Endpoints:
    """The endpoints of all owners."""

    keyring: Keyring
    sender: Sender
    statuses: Collection[str]
    """Those of the workflow."""

    release: Callable[[int, float | None], object]
    """Sends what waits for an endpoint, given its rate."""

    def own(self, principal: Principal) -> str:
        """The endpoints of this owner, as the text of a JSON array."""
        rows = db.session.execute(OWN, {"seller": owner(principal)}).all()
        return f"[{','.join(self._shown(*row) for row in rows)}]"

    def one(self, principal: Principal, id: int) -> str:
        """One of them; raises NotFound."""
        row = db.session.execute(ONE, {"id": id, "seller": owner(principal)}).one_or_none()
        if row is None:
            raise NotFound("No such webhook.")
        return self._shown(*row)

    def add(self, principal: Principal, wanted: CreateWebhookRequest) -> str:
        """Create one, and return it with its secret; raises TooManyWebhooks, InvalidRequest."""
        if not self.keyring:
            raise WebhooksOff
        seller, secret = owner(principal), new_secret()
        values = self._values(wanted.model_dump(), {})
        if db.session.scalars(COUNT, {"seller": seller}).one() >= MOST:
            raise TooManyWebhooks
        values |= {"seller": seller, "secret": self.keyring.encrypt(secret)}
        shown = self._shown(*db.session.execute(ADD, values).one())
        commit()
        return f'{shown[:-1]},"secret":"{secret_text(secret)}"}}'

    def change(self, principal: Principal, id: int, wanted: ChangeWebhookRequest) -> str:
        """Change it, and return it; raises NotFound, InvalidRequest. Enabled again, it gets what waited for it."""
        if not self.keyring:
            raise WebhooksOff
        row = db.session.execute(HOLD, {"id": id, "seller": owner(principal)}).one_or_none()
        if row is None:
            raise NotFound("No such webhook.")
        was = dict(row._mapping)
        values = self._values(wanted.model_dump(exclude_unset=True), was)
        switched = values["disabled"] != was["disabled"]
        shown = self._shown(*db.session.execute(CHANGE, {**values, "id": id, "switched": switched}).one())
        if switched:
            db.session.execute(FORGET_CIRCUIT, {"destination": f"{DESTINATION}{id}"})
        commit((lambda: self.release(id, values["rate"])) if switched and not values["disabled"] else None)
        return shown

    def remove(self, principal: Principal, id: int) -> None:
        """Delete it, and discard what waits for it; raises NotFound."""
        if not db.session.execute(REMOVE, {"id": id, "seller": owner(principal)}).rowcount:  # type: ignore[attr-defined]
            raise NotFound("No such webhook.")
        db.session.execute(FORGET_CIRCUIT, {"destination": f"{DESTINATION}{id}"})
        commit()
        in_pieces(DISCARD, destination=f"{DESTINATION}{id}")

    def rotate(self, principal: Principal, id: int, keep_days: int) -> tuple[str, Any]:
        """Give it a new secret; returns its text, and until when the old one signs too. Raises NotFound."""
        if not self.keyring:
            raise WebhooksOff
        secret = new_secret()
        values = {"id": id, "seller": owner(principal), "secret": self.keyring.encrypt(secret), "days": keep_days}
        row = db.session.execute(ROTATE, values).one_or_none()
        if row is None:
            raise NotFound("No such webhook.")
        commit()
        return secret_text(secret), row.previous_until

    def _values(self, wanted: Mapping[str, Any], was: Mapping[str, Any]) -> dict[str, Any]:
        """The columns: as they were, and those that are wanted otherwise."""
        values = dict(was) | {name: wanted[name] for name in ("url", "event_types", "disabled") if name in wanted}
        if "url" in wanted:
            self._check_url(wanted["url"])
        if "filter" in wanted:
            values["statuses"] = self._known(wanted["filter"]["statuses"]) if wanted["filter"] else None
        if "payload" in wanted:
            values["thin"] = wanted["payload"] == "thin"
        if "headers" in wanted:
            values["headers"] = self.keyring.encrypt(orjson.dumps(wanted["headers"]))
        if "rate_per_second" in wanted:
            values["rate"] = wanted["rate_per_second"]
        return values

    def _check_url(self, url: str) -> None:
        try:
            self.sender.check(url)
        except Refused as refused:
            raise InvalidRequest(
                f"url: {refused}", {"errors": [{"field": "url", "message": str(refused)}]}
            ) from refused

    def _known(self, statuses: list[str]) -> list[str]:
        if unknown := sorted({*statuses} - {*self.statuses}):
            why = f"{unknown[0][:50]} is no status; the statuses are {', '.join(self.statuses)}"
            raise InvalidRequest(f"filter.statuses: {why}.", {"errors": [{"field": "filter.statuses", "message": why}]})
        return list(dict.fromkeys(statuses))

    def _shown(self, headers: str, webhook: str) -> str:
        try:
            names = sorted(orjson.loads(self.keyring.decrypt(headers)))
        except CannotDecrypt:  # without the keys of the installation the rest can still be read
            names = []
        return f'{webhook[:-1]},"header_names":{orjson.dumps(names).decode()}}}'


def owner(principal: Principal) -> int:
    """Whose endpoints somebody manages: a seller's, or the marketplace's."""
    return principal.seller_id or MARKETPLACE


def forget() -> int:
    """Forget a chunk of previous secrets whose time is over, and of deliveries whose endpoint is gone; returns how
    many."""
    return one_piece(FORGET_SECRETS, DISCARD_ORPHANS)
