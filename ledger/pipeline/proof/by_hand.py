"""Rows that nobody understood and that the user has booked: under the venue's id of the row, from a file of their own."""

from ledger.pipeline.proof.narrowing import NOT_READ
from ledger.storage.store import Writer

_OWN_FORMAT = "lotwright-events"


def settle_booked(writer: Writer) -> None:
    """Take away findings of rows that have been booked by hand: whatever is pulled, imported or read again tells them anew."""
    for subject in {finding.subject for _, finding in writer.findings() if finding.code in NOT_READ}:
        account, row_id = subject.partition("/")[0], subject.rpartition("/")[2]
        if _OWN_FORMAT in writer.formats_telling(account, row_id):
            writer.settle_subject(subject, told_by=())
