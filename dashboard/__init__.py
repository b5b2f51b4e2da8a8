"""The HTML pages by role: a board for sellers, a tracking page for buyers, all orders for operators and auditors."""
