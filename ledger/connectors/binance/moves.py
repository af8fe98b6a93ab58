"""What rows of moves say: between wallets of one account, and between an account and its sub-accounts; a sample beside each reader."""

from ledger.connectors.binance.rows import Place, Reading, asset_in, instant_in, unknown_row, wallet, word_in
from ledger.domain.amount import Amount
from ledger.domain.event import SourceRank, Transfer
from ledger.domain.ids import SourceId
from ledger.domain.json_text import Row, cell_positive, cell_text, cell_text_or_none, shown

SUB_MOVES_IN, SUB_MOVES_OUT = "1", "2"  # ``type`` of a move as the asking sub-account sees it
MOVE_WAITS, SUB_MOVE_WAITS = "PENDING", "PROCESS"
# The names of wallets in moves of sub-accounts, and what moves within an account call the same ones.
_WALLET_NAMES = {
    "SPOT": "MAIN",
    "USDT_FUTURE": "UMFUTURE",
    "COIN_FUTURE": "CMFUTURE",
    "MARGIN": "MARGIN",
    "ISOLATED_MARGIN": "ISOLATED_MARGIN",
}


def read_move(row: Row, place: Place) -> Reading:
    """Read one move between the spot wallet (MAIN) and another wallet of the same account, which is an account of its own here.

    {"asset": "USDT", "amount": "1", "type": "MAIN_UMFUTURE", "status": "CONFIRMED", "tranId": 11415955596, "timestamp": 1544433328000}
    """
    source_id, kind, status = word_in(row, "tranId"), cell_text(row, "type"), cell_text(row, "status")
    if status in {MOVE_WAITS, "FAILED"}:
        return Reading()
    source, _, target = kind.rpartition("_") if kind.endswith("_MAIN") else kind.partition("_")
    if status != "CONFIRMED" or "MAIN" not in {source, target} or source == target or not target:
        return unknown_row(place, source_id, f"a move for which there is no rule: {shown(row)}")
    transfer = Transfer(
        event_id=place.id_of("move", source_id),
        source_id=SourceId(source_id),
        venue=place.venue,
        account=place.account,
        occurred_at=instant_in(row, "timestamp"),
        rank=SourceRank.VENUE,
        from_account=wallet(place, source),
        to_account=wallet(place, target),
        amount=Amount(quantity=cell_positive(row, "amount"), asset=asset_in(row, "asset")),
    )
    return Reading(events=(transfer,))


def read_sub_move(row: Row, place: Place) -> Reading:
    """Read one move between this sub-account and its master, or another sub-account of it; the symbol is the direction asked for.

    Both accounts are told of it under one `tranId`, so that the halves find each other if both are connected. The account on the
    other side is named by its e-mail address.

    {"counterParty": "master", "email": "master@test.com", "type": 1, "asset": "BTC", "qty": "1", "fromAccountType": "SPOT",
     "toAccountType": "SPOT", "status": "SUCCESS", "tranId": 11798835829, "time": 1544433325000}
    """
    source_id, status, direction = word_in(row, "tranId"), cell_text(row, "status"), word_in(row, "type")
    if status in {SUB_MOVE_WAITS, "FAILURE"}:
        return Reading()
    is_in = direction == SUB_MOVES_IN
    own = _WALLET_NAMES.get(cell_text(row, "toAccountType" if is_in else "fromAccountType"))
    if status != "SUCCESS" or direction != place.symbol or own is None:
        return unknown_row(place, source_id, f"a move of a sub-account for which there is no rule: {shown(row)}")
    other = " ".join(part for part in (cell_text_or_none(row, "counterParty"), cell_text_or_none(row, "email")) if part)
    account = wallet(place, own)
    transfer = Transfer(
        event_id=place.id_of("sub-move", source_id, direction=direction),
        source_id=SourceId(source_id),
        venue=place.venue,
        account=place.account,
        occurred_at=instant_in(row, "time"),
        rank=SourceRank.VENUE,
        note=f"{'from' if is_in else 'to'} {other}" if other else None,
        from_account=None if is_in else account,
        to_account=account if is_in else None,
        amount=Amount(quantity=cell_positive(row, "qty"), asset=asset_in(row, "asset")),
    )
    return Reading(events=(transfer,))
