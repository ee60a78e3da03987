"""Faults that consist of an order: given at the beginning, taken back at the end."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Order = dict[str, Any]


@contextmanager
def while_ordered(give: Callable[[Order], None], order: Order, back: Order) -> Iterator[None]:
    """Give an order (`Stage.load`, `Stage.sampler`, `Stage.admin` of a service) for the length of the block."""
    give(order)
    try:
        yield
    finally:
        give(back)
