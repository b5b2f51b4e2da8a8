"""What the original handler waited for in each change, one step after the other."""

COSTS = {
    "look_up_the_order": 40,
    "look_up_the_parties": 40,
    "broadcast_to_the_seller": 100,
    "broadcast_to_the_buyer": 100,
    "write_the_generic_notification": 50,
    "write_the_status_notification": 100,
    "send_the_email": 150,
    "emit_the_event": 50,
    "write_the_chat_message": 30,
}
"""Milliseconds of each step."""
