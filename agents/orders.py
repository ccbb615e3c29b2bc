"""Tools of the shop agent: a small data set, and two ways to ask it."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from shared.tools.port import ToolFault

State = Literal["open", "shipped", "delivered", "returned"]


@dataclass(frozen=True)
class Order:
    order_id: str
    customer: str
    ordered: date
    state: State
    items: tuple[str, ...]
    total_eur: float
    note: str = ""


ORDERS = (
    Order("1038", "Ada", date(2026, 10, 2), "delivered", ("teapot", "2 cups"), 64.0),
    Order("1039", "Bilal", date(2026, 10, 5), "returned", ("blue lamp",), 39.5, "Refunded."),
    Order("1040", "Ada", date(2026, 10, 21), "shipped", ("bread knife",), 28.0, "Due tomorrow."),
    Order("1041", "Chen", date(2026, 10, 24), "open", ("oak chair",), 189.0, "Made to order."),
    Order("1042", "Dana", date(2026, 10, 26), "shipped", ("3 towels", "soap"), 47.8, "On a van."),
)


def find_order(order_id: str) -> Order:
    """Find one order by its number: what is in it, where it is, what it cost.

    Args:
        order_id: The number of the order, such as 1042.
    """
    for order in ORDERS:
        if order.order_id == order_id.strip().lstrip("#"):
            return order
    raise ToolFault(
        f"There is no order {order_id[:40]}. Order numbers have four digits; ask again."
    )


def list_orders(customer: str | None = None, state: State | None = None) -> list[Order]:
    """List the orders of the shop, the newest first.

    Args:
        customer: Only the orders of the customer with this first name.
        state: Only the orders in this state.
    """
    return [
        order
        for order in sorted(ORDERS, key=lambda order: order.ordered, reverse=True)
        if customer is None or order.customer.lower() == customer.strip().lower()
        if state is None or order.state == state
    ]


def refund_order(order_id: str) -> str:
    """Refund an order: give the customer back all that it cost.

    Args:
        order_id: The number of the order, such as 1042.
    """
    order = find_order(order_id)
    if order.state == "returned":
        raise ToolFault(f"Order {order.order_id} has been refunded already.")
    return f"{order.total_eur:.2f} EUR for order {order.order_id} go back to {order.customer}."
