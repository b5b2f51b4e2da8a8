"""The contents of the demo's orders, of those that it begins with and of those that come later."""

from __future__ import annotations

import random
from collections.abc import Collection
from typing import Any

from access.principal import Principal
from dashboard import people
from dashboard.people import DemoPerson

SELLER = people.playing("seller")[0]
"""The seller whose board fills; the other one shows that sellers cannot see each other's orders."""

BUYERS = people.playing("buyer")
SHOP = Principal("service", 1)
"""The marketplace's own system, which creates the orders."""

GOODS = (
    ("MUG-BLUE", "Blue stoneware mug", 1450),
    ("TEA-OOLONG", "Oolong tea, 100 g", 1290),
    ("LAMP-DESK", "Desk lamp, brass", 6900),
    ("BOOK-SEA", "Charts of the inland sea", 2400),
    ("SOAP-OLIVE", "Olive soap, three bars", 980),
    ("SCARF-WOOL", "Wool scarf, grey", 3950),
)
LIFE = ("CONFIRMED", "PREPARING", "READY", "SHIPPED", "DELIVERED", "COMPLETED")
"""The usual path of an order."""


def next_steps(status: str, allowed: Collection[str]) -> list[str]:
    """Where an order may go on this path; a way back or from beside it needs a reason, and is no step."""
    path = ("PENDING", *LIFE)
    ahead = path[path.index(status) + 1 :] if status in path else ()
    return [one for one in ahead if one in allowed]


def basket(rng: random.Random) -> list[dict[str, Any]]:
    """One to three different goods."""
    return [
        {"sku": sku, "title": title, "quantity": rng.choice((1, 1, 2, 3)), "unit_price_minor": price}
        for sku, title, price in rng.sample(GOODS, rng.randint(1, 3))
    ]


def new_order(rng: random.Random, buyer: DemoPerson) -> dict[str, Any]:
    """The body of a POST /api/orders."""
    return {
        "seller_id": SELLER.id,
        "buyer_id": buyer.id,
        "currency": "EUR",
        "buyer_name": buyer.full_name,
        "buyer_email": buyer.email,
        "items": basket(rng),
    }


def tracking(order_id: int) -> dict[str, Any]:
    """The tracking data of SHIPPED."""
    return {"carrier": "Parcel Post", "number": f"PP{order_id:08d}"}
