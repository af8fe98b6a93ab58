"""How a long step tells how far it is; the command line draws it, a program may listen or not."""

from typing import Protocol


class Progress(Protocol):
    """Hears of work in steps. `total` None: nobody knows yet."""

    def advance(self, step: str, done: int, total: int | None = None) -> None:
        """Take note that `step` has done so much of `total`."""
        ...


class Silent:
    """Listens to nothing."""

    def advance(self, step: str, done: int, total: int | None = None) -> None:
        """Do nothing."""
