"""What the law says of units received as income."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """`value` is what the income is taxed at, None without a price; `line` the line of the return that it goes to, empty without one."""

    value: Decimal | None
    line: str = ""
