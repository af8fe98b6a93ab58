"""What a key may do: every right that is on and does not only read is told, also one that nobody here has heard of."""

import pytest

from ledger.connectors.binance.connector import _notes_of
from ledger.connectors.binance.rights import key_rights_of
from ledger.domain.errors import InputError
from ledger.domain.json_text import Json

READ_ONLY: dict[str, Json] = {
    "ipRestrict": True,
    "createTime": 1_704_000_000_000,
    "enableReading": True,
    "enableFixReadOnly": True,
    "enableWithdrawals": False,
    "enableInternalTransfer": False,
    "enableMargin": False,
    "permitsUniversalTransfer": False,
    "enableSpotAndMarginTrading": False,
}


def test_a_key_that_reads_only_has_no_right_beyond_reading() -> None:
    rights = key_rights_of(READ_ONLY)
    assert (rights.may_read, rights.may_trade, rights.may_withdraw, rights.beyond) == (True, False, False, ())
    assert list(_notes_of(rights)) == []


@pytest.mark.parametrize(
    ("name", "trade", "withdraw"),
    [
        ("enableWithdrawals", False, True),
        ("enableInternalTransfer", False, True),
        ("permitsUniversalTransfer", True, False),
        ("enableMargin", True, False),
        ("enableFutures", True, False),
        ("enableVanillaOptions", True, False),
        ("enableFixApiTrade", True, False),
        ("enableSpotAndMarginTrading", True, False),
        ("enablePortfolioMarginTrading", True, False),
    ],
)
def test_each_known_right_that_is_on_lets_a_key_trade_or_withdraw(name: str, trade: bool, withdraw: bool) -> None:  # noqa: FBT001 - a table of cases
    rights = key_rights_of({**READ_ONLY, name: True})
    assert (rights.may_trade, rights.may_withdraw, rights.beyond, rights.unknown) == (trade, withdraw, (name,), ())


@pytest.mark.parametrize(("name", "on"), [("enableTeleport", True), ("permitsGifts", True), ("enableLending", "LIMITED"), ("enableX", 1)])
def test_a_right_that_nobody_knows_counts_as_one_to_trade_and_is_told_by_name(name: str, on: Json) -> None:
    rights = key_rights_of({**READ_ONLY, name: on})
    assert (rights.may_trade, rights.may_withdraw, rights.unknown) == (True, False, (name,))
    assert [note for note in _notes_of(rights) if f"nobody here knows what {name} lets the key do" in note]


@pytest.mark.parametrize("off", [False, None])
def test_a_right_that_nobody_knows_and_that_is_off_is_none(off: Json) -> None:
    assert not key_rights_of({**READ_ONLY, "enableTeleport": off}).may_trade


@pytest.mark.parametrize("spoilt", [{}, [], {**READ_ONLY, "enableReading": "yes"}, {**READ_ONLY, "enableWithdrawals": None}])
def test_an_answer_that_does_not_tell_the_rights_is_refused(spoilt: Json) -> None:
    with pytest.raises(InputError):
        key_rights_of(spoilt)
