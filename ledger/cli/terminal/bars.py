"""Progress on a terminal. Its library takes a tenth of the start of a command, so only a terminal makes us load this module."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn


class Bars:
    """Draws progress on standard error; one bar a step, gone when the work is done."""

    def __init__(self) -> None:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self.drawn = Progress(*columns, console=Console(stderr=True), transient=True)
        self._tasks: dict[str, TaskID] = {}

    def advance(self, step: str, done: int, total: int | None = None) -> None:
        """Move the step's bar."""
        if step not in self._tasks:
            self._tasks[step] = self.drawn.add_task(step, total=total)
        self.drawn.update(self._tasks[step], completed=done, total=total)
