"""The rights of a Binance key through ccxt: every one that is on and does not only read is more than reading."""

import pytest

from ledger.connectors.ccxt.recipes import Rights, recipe_of
from ledger.domain.json_text import Row

READ_ONLY: Row = {"ipRestrict": True, "enableReading": True, "enableFixReadOnly": True, "enableWithdrawals": False, "enableMargin": False}


def rights_of(row: Row) -> Rights:
    told = recipe_of("binance").rights
    assert told is not None
    return told[1](row)


def test_a_key_that_reads_only_may_neither_trade_nor_withdraw() -> None:
    assert rights_of(READ_ONLY) == Rights(may_trade=False, may_withdraw=False)


@pytest.mark.parametrize(
    ("name", "rights"),
    [
        ("enableWithdrawals", (False, True)),
        ("enableInternalTransfer", (False, True)),
        ("enableMargin", (True, False)),
        ("enableFutures", (True, False)),
        ("permitsUniversalTransfer", (True, False)),
        ("enableTeleport", (True, False)),
    ],
)
def test_each_right_of_a_binance_key_that_is_on_is_told_by_its_name(name: str, rights: tuple[bool, bool]) -> None:
    told = rights_of({**READ_ONLY, name: True})
    assert (told.may_trade, told.may_withdraw) == rights
    assert told.notes == (f"the key may do more than read: {name}",)


def test_what_the_venue_does_not_tell_of_a_key_is_unknown() -> None:
    assert rights_of({"ipRestrict": True}) == Rights(may_trade=None, may_withdraw=None)
    assert rights_of({"enableInternalTransfer": True}) == Rights(
        may_trade=False, may_withdraw=True, notes=("the key may do more than read: enableInternalTransfer",)
    )
