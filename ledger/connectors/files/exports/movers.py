"""What the files of tax programs have in common: what was sent, what was received, the fee, and a word that says why."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from ledger.connectors.files.cells import NOTE_CHARACTERS_MAX, CellReader, account_of, shown
from ledger.connectors.files.exports.draft import Draft, Meaning, Why, optional, refuse_kind
from ledger.domain.amount import Amount
from ledger.domain.event import ChargeKind, IncomeKind
from ledger.domain.ids import AccountId


class Told(NamedTuple):
    """The cells that such a file has, in the order in which a format picks them; `label` is the column that `why` is read from."""

    time: str
    sent: str
    sent_asset: str
    received: str
    received_asset: str
    fee: str
    fee_asset: str
    label: str
    note: str = ""
    chain_hash: str = ""
    sent_wallet: str = ""
    received_wallet: str = ""
    id: str = ""


_ONE_SIDE = "empty the cells of that side if it was none: the row is then a deposit or a withdrawal"
RECEIVED: Mapping[str, Why] = {
    "": Meaning.TRANSFER,
    "deposit": Meaning.TRANSFER,
    "airdrop": IncomeKind.AIRDROP,
    "fork": IncomeKind.FORK,
    "hard fork": IncomeKind.FORK,
    "mining": IncomeKind.MINING,
    "mined": IncomeKind.MINING,
    "reward": IncomeKind.REWARD,
    "reward / bonus": IncomeKind.REWARD,
    "income": IncomeKind.REWARD,
    "other income": IncomeKind.REWARD,
    "staking": IncomeKind.STAKING,
    "staked": IncomeKind.STAKING,
    "staking reward": IncomeKind.STAKING,
    "lending interest": IncomeKind.INTEREST,
    "loan_interest": IncomeKind.INTEREST,
    "loan interest": IncomeKind.INTEREST,
    "interest": IncomeKind.INTEREST,
    "interest income": IncomeKind.INTEREST,
    "referral": IncomeKind.REFERRAL,
    "cashback": IncomeKind.REBATE,
    "fee refund": IncomeKind.REBATE,
}
SENT: Mapping[str, Why] = {
    "": Meaning.TRANSFER,
    "withdrawal": Meaning.TRANSFER,
    "gift": ChargeKind.GIFT_OUT,
    "lost": ChargeKind.LOST,
    "stolen": ChargeKind.LOST,
    "donation": ChargeKind.DONATION,
    "donated": ChargeKind.DONATION,
    "cost": ChargeKind.SPEND,
    "spend": ChargeKind.SPEND,
    "payment": ChargeKind.SPEND,
    "fee": ChargeKind.FEE,
    "other fee": ChargeKind.FEE,
    "interest_payment": ChargeKind.SPEND,
    "interest payment": ChargeKind.SPEND,
}


def draft_of(
    row: Told, reader: CellReader, occurred_at: datetime, *, columns: tuple[str, str, str, str], is_moved: bool = False
) -> Draft | None:
    """Return what a row says; `columns` names those of sent, received, fee and label. `is_moved`: a transfer between two of its wallets.

    What was received and sent in one row is a trade, whatever its label. A label without a rule is refused by its name.
    """
    sent_column, received_column, fee_column, label_column = columns
    given = _amount(reader, row.sent, row.sent_asset, column=sent_column)
    received = _amount(reader, row.received, row.received_asset, column=received_column)
    fee = _amount(reader, row.fee, row.fee_asset, column=fee_column)
    label = row.label.lower()
    why: Why | None = Meaning.TRADE
    if not (label or reader.faults) and row.sent_asset and row.received_asset and (given is None) != (received is None):
        reader.refuse(sent_column if given is None else received_column, "is zero, and the row says of what", _ONE_SIDE)
        return None
    if received is None or given is None:
        why = (RECEIVED if received is not None else SENT).get(label)
    if why is None:
        refuse_kind(reader, row.label, column=label_column)
        return None
    if given is None and received is None and fee is not None and why is not Meaning.TRADE:
        given, fee, why = fee, None, ChargeKind.FEE
    sender, receiver = _wallet(row.sent_wallet, reader), _wallet(row.received_wallet, reader)
    return Draft(
        occurred_at=occurred_at,
        why=why,
        received=received,
        given=given,
        fee=fee,
        source_id=row.id,
        note=row.note[:NOTE_CHARACTERS_MAX],
        chain_hash=row.chain_hash,
        account=(sender if given is not None else receiver) or receiver or sender,
        other_account=receiver if is_moved else None,
    )


def _amount(reader: CellReader, quantity: str, asset: str, *, column: str) -> Amount | None:
    """Return what a cell moves, None where it is empty or zero. The column says which way: a sign would say it again, or otherwise."""
    if quantity.startswith("-"):
        reader.refuse(column, f"{shown(quantity)} is negative", "write the amount without sign in the column of what was sent or received")
        return None
    return optional(reader, quantity, asset, columns=(column, ""))


def _wallet(text: str, reader: CellReader) -> AccountId | None:
    return reader.take(account_of, text, column="wallet", stand_in=None) if text else None
