"""The Python face: open a book and use the verbs of the pipeline as methods. The command line does no more than this.

``with Book.open(Path("my-book")) as book:`` gives a book; ``book.import_files([Path("fills.csv")], account="main")`` takes
in a file; ``book.frame("gains", Selection(period=book.period_of(2025)))`` gives a year's gains as a data frame.
"""

from ledger.book.allocations import Allocations
from ledger.book.bots import Bots
from ledger.book.connections import Connections
from ledger.book.core import FIRST_VALUES
from ledger.book.elections import Elections
from ledger.book.installed import exporter, exporter_names, plugins_installed, report_options, report_titles
from ledger.book.looking import Looking
from ledger.book.periods import Periods
from ledger.book.prices import Prices
from ledger.book.reporting import Reporting
from ledger.book.taking_in import TakingIn
from ledger.book.transfers import Transfers
from ledger.config import SHARE_DEFAULT, ConnectionSettings
from ledger.journal.checks import Reconciliation
from ledger.pipeline.elections.preview import RulePreview
from ledger.pipeline.explain import Explanation
from ledger.pipeline.import_files import FileOutcome
from ledger.pipeline.nightly import ConnectionOutcome, NightSummary
from ledger.pipeline.progress import Progress, Silent
from ledger.pipeline.proof.coverage import CoverageMap, Hole, MonthCover
from ledger.pipeline.proof.replay import Changes, EventChange, FindingChange
from ledger.pipeline.report import Selection
from ledger.pipeline.status import BookStatus
from ledger.pipeline.transfers.listing import HalfState
from ledger.plugins import Plugin
from ledger.ports import Exporter
from ledger.storage.store import ClosedYear, StreamCoverage

__all__ = [
    "FIRST_VALUES",
    "SHARE_DEFAULT",
    "Book",
    "BookStatus",
    "Changes",
    "ClosedYear",
    "ConnectionOutcome",
    "ConnectionSettings",
    "CoverageMap",
    "EventChange",
    "Explanation",
    "Exporter",
    "FileOutcome",
    "FindingChange",
    "HalfState",
    "Hole",
    "MonthCover",
    "NightSummary",
    "Plugin",
    "Progress",
    "Reconciliation",
    "RulePreview",
    "Selection",
    "Silent",
    "StreamCoverage",
    "exporter",
    "exporter_names",
    "plugins_installed",
    "report_options",
    "report_titles",
]


class Book(TakingIn, Connections, Transfers, Prices, Bots, Looking, Periods, Reporting, Elections, Allocations):
    """One taxpayer's ledger; a context manager, or `close` it.

    Methods that write hold the book while they do and raise `BookBusy` when another run holds it.
    """
