"""Reports: what they may ask of a book, what they give, and what writes it to a file."""

from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Protocol, runtime_checkable

from ledger.domain.document import ReportDocument, ReportOption
from ledger.domain.facts import BalanceRow, BookCover, BotActivity, BotResult, ElectionRow, GainRow, IncomeRow, JournalRow, ValuationRow
from ledger.domain.finding import Finding
from ledger.domain.ids import AccountId, EventId
from ledger.domain.law.wash_sale import DeferredLoss
from ledger.domain.lot import Lot
from ledger.domain.time.period import Period


class ReportInput(Protocol):
    """What a report may ask of a book, already cut to the period and filters asked for. Iterators are sorted and lazy."""

    @property
    def cover(self) -> BookCover:
        """What stands on the cover."""
        ...

    @property
    def period(self) -> Period:
        """The days asked for."""
        ...

    @property
    def options(self) -> Mapping[str, str]:
        """Every option that the report has, with the choice asked for, else its first."""
        ...

    def broker(self, account: AccountId) -> str:
        """Return the name of whoever holds an account and issues forms on it: the venue, else the account's own name."""
        ...

    def gains(self) -> Iterator[GainRow]:
        """Yield taxable disposal pieces by `disposed_at`, disposal id, lot id."""
        ...

    def deferred_losses(self) -> Iterator[DeferredLoss]:
        """Return the losses of the period that a rule on wash sales would put off, by asset and time.

        Raises:
            InputError: at once, when the book's settings leave the analysis off.
            UnsupportedCase: at once, when the law knows no wash sales.
        """
        ...

    def income(self) -> Iterator[IncomeRow]:
        """Yield income by time, then id."""
        ...

    def valuations(self) -> Iterator[ValuationRow]:
        """Yield what was valued by the book's prices because its source told no value, by time, then id."""
        ...

    def lots(self) -> Iterator[Lot]:
        """Yield the lots open at the end of the period, by asset, wallet, acquisition, lot id."""
        ...

    def basis_evidence(self) -> Mapping[EventId, str]:
        """Return what proves the cost and date of openings and gifts, of those of which the source says it."""
        ...

    def elections(self) -> Iterator[ElectionRow]:
        """Yield the whole register by instant of recording, then id, each with the pieces of the period that it decided."""
        ...

    def entries(self) -> Iterator[JournalRow]:
        """Yield journal entries by time, then entry id."""
        ...

    def balances(self) -> Iterable[BalanceRow]:
        """Return the non-zero balances of all ledger accounts at the end of the period, by account and asset."""
        ...

    def bot_activity(self) -> Iterable[BotActivity]:
        """Return fills, volume and fees by bot, asset and month; fills without a bot last."""
        ...

    def bot_results(self) -> Iterable[BotResult]:
        """Return the bots' own results by bot, asset and month, what has no bot last."""
        ...

    def findings(self) -> Iterable[Finding]:
        """Return the book's open findings by severity, code, subject."""
        ...

    def what_ifs(self) -> Mapping[str, Iterator[GainRow]]:
        """Return, by method, the gains of the book as it stands if lots had always gone in that order; in no order of time.

        Raises:
            InputError: when a method asked for is no order of lots.
        """
        ...

    def closing(self) -> "tuple[ReportInput, ReportInput] | None":
        """Return one closed tax year twice, as filed and as the book has it now; None where the period is no closed year."""
        ...


class ReportGenerator(Protocol):
    """One report. One that shows entries and balances only says so by an attribute ``facts_only = True``: closing a year freezes none."""

    name: str
    title: str

    def document(self, source: ReportInput) -> ReportDocument:
        """Return the report; pure, rows are made while they are read."""
        ...


@runtime_checkable
class HasOptions(Protocol):
    """What a report has besides, when it can be asked for in more than one way."""

    options: tuple[ReportOption, ...]


@runtime_checkable
class TellsGains(Protocol):
    """What a report says besides, when it shows no gain: such a one is written although a basis is missing."""

    shows_gains: bool


class Exporter(Protocol):
    """One file format. `suffix` with the dot; `binary` formats need a file, not a terminal.

    A class may have `has_cover`, False: its files have no place for a cover, and what is lacking is told beside them.
    """

    name: str
    suffix: str
    binary: bool

    def write(self, document: ReportDocument, target: IO[bytes]) -> None:
        """Write the whole document to an open binary stream; the same document gives the same bytes."""
        ...
