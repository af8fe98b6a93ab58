"""Names in a selection that the book has never seen: an empty report may be right, but is more often a typing error."""

import difflib
from collections.abc import Iterable

from ledger.config import BookSettings
from ledger.domain.ids import IN_TRANSIT
from ledger.pipeline.bots.activity import NO_BOT
from ledger.pipeline.report import Selection
from ledger.storage.store import Reader

_NAMED_MAX = 8


def strange_names(reader: Reader, settings: BookSettings, selection: Selection) -> tuple[str, ...]:
    """Return one line for each bot, asset or account asked for that neither events nor settings name, with the nearest known one."""
    lines = []
    if selection.bot not in (None, NO_BOT):
        configured = [one.bot for one in settings.connections if one.bot] + [one.name for one in settings.bots]
        lines.append(_line("bot", selection.bot, reader.bots().union(configured)))
    if selection.asset is not None:
        lines.append(_line("asset", selection.asset, reader.assets()))
    if selection.account is not None:
        lines.append(_line("account", selection.account, reader.accounts().union(one.name for one in settings.connections)))
    return tuple(line for line in lines if line)


def _line(kind: str, asked: str | None, known: Iterable[str]) -> str:
    names = sorted(known)
    if asked is None or asked in names:
        return ""
    names = [name for name in names if not name.startswith(IN_TRANSIT)]  # may be asked for, but is nobody's account
    close = difflib.get_close_matches(asked, names, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"it knows {_listed(names)}"
    return f"the book knows no {kind} {asked!r}; {hint}"


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_NAMED_MAX]) or "none yet"
    return f"{shown} and {len(names) - _NAMED_MAX} more" if len(names) > _NAMED_MAX else shown
