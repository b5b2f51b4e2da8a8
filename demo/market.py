"""What the demo's orders are made of."""

from __future__ import annotations

import random
from typing import Any

BUYERS = ("Alice Archer", "Carol Chen", "Dario Díaz", "Emeka Eze", "Fatima Farouk", "Greta Gruber")
GOODS = (
    ("MUG-BLUE", "Blue stoneware mug", 1450),
    ("TEA-OOLONG", "Oolong tea, 100 g", 1290),
    ("LAMP-DESK", "Desk lamp, brass", 6900),
    ("BOOK-SEA", "Charts of the inland sea", 2400),
    ("SOAP-OLIVE", "Olive soap, three bars", 980),
    ("SCARF-WOOL", "Wool scarf, grey", 3950),
)
REASONS = {
    "CANCELLED": "Ordered twice by mistake.",
    "RETURN_REQUESTED": "The handle is chipped.",
    "REFUNDED": "Returned in good condition.",
    "COMPLETED": "Settled with the buyer.",
}
FIRST_STEPS = {"PENDING": 0, "CONFIRMED": 1, "PREPARING": 2, "READY": 3, "SHIPPED": 4, "DELIVERED": 5, "COMPLETED": 6}
LIFE = ("CONFIRMED", "PREPARING", "READY", "SHIPPED", "DELIVERED", "COMPLETED")
"""The usual way of an order."""


def basket(luck: random.Random) -> list[dict[str, Any]]:
    """One to three different goods."""
    return [
        {"sku": sku, "title": title, "quantity": luck.choice((1, 1, 2, 3)), "unit_price_minor": price}
        for sku, title, price in luck.sample(GOODS, luck.randint(1, 3))
    ]


def new_order(luck: random.Random, seller_id: int, buyer_id: int) -> dict[str, Any]:
    """The body of a POST /api/orders."""
    name = BUYERS[(buyer_id - 1) % len(BUYERS)]
    return {
        "seller_id": seller_id,
        "buyer_id": buyer_id,
        "currency": "EUR",
        "buyer_name": name,
        "buyer_email": f"{name.split()[0].lower()}@example.org",
        "items": basket(luck),
    }


def tracking(order_id: int) -> dict[str, Any]:
    """What comes with SHIPPED."""
    return {"carrier": "Parcel Post", "number": f"PP{order_id:08d}"}
