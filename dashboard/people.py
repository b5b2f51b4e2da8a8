"""The demo's users: the sign-in page offers them, and all of the demo's orders belong to them."""

from __future__ import annotations

from dataclasses import dataclass

from access.principal import DEMO, Principal, Role
from foundation.languages import N_, gettext


@dataclass(frozen=True)
class DemoPerson:
    """A user of the demo."""

    name: str
    family: str
    role: Role
    id: int
    does: str
    """The text of the sign-in button."""

    @property
    def key(self) -> str:
        """The value of the form field."""
        return self.name.lower()

    @property
    def full_name(self) -> str:
        """The name in a shipping address."""
        return f"{self.name} {self.family}"

    @property
    def email(self) -> str:
        return f"{self.key}@example.org"

    @property
    def principal(self) -> Principal:
        return Principal(self.role, self.id, from_session=True, via=DEMO)


CAST = (
    DemoPerson("Bob", "Baker", "seller", 1, N_("sells mugs and works through his board of orders")),
    DemoPerson("Alice", "Archer", "buyer", 1, N_("buys from Bob and follows her orders")),
    DemoPerson("Olive", "Ojala", "operator", 1, N_("runs the marketplace and sees all orders")),
    DemoPerson("Dave", "Dunn", "seller", 2, N_("sells too, and sees nothing of Bob's")),
    DemoPerson("Carol", "Chen", "buyer", 2, N_("buys too, and sees nothing of Alice's")),
)


ROLE_NAMES = {
    "seller": N_("seller"),
    "buyer": N_("buyer"),
    "operator": N_("operator"),
    "auditor": N_("auditor"),
}


def playing(role: Role) -> tuple[DemoPerson, ...]:
    """The demo's users with this role; at least one."""
    return tuple(person for person in CAST if person.role == role)


def called(key: str) -> DemoPerson | None:
    """The user with this `key`."""
    return next((person for person in CAST if person.key == key), None)


def name_of(principal: Principal, demo: bool) -> str:
    """The name of the signed-in user in the header."""
    known = {(person.role, person.id): person.name for person in CAST} if demo else {}
    return known.get(
        (principal.role, principal.id), f"{gettext(ROLE_NAMES[principal.role]).capitalize()} {principal.id}"
    )
