"""What else happens in an account at Binance: fees in a third asset, conversions, dust, rewards, cards, moves between wallets.

These rows concern assets that the shared history never touches, and are served only when they are asked for (as fault
``sundry-rows``), so that one account book stays the same in every dialect. `balances` is their own sum, reckoned here row by row.
"""

import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from ledger.domain.amount import EXACT, AssetCode, text_of
from ledger.sandbox.binance.pages import Happened
from ledger.sandbox.binance.rows import milliseconds
from ledger.sandbox.calls import JsonValue
from ledger.sandbox.chance import noise
from ledger.sandbox.paging import RowStream

_BNB, _DOGE, _XRP, _EUR = map(AssetCode, ("BNB", "DOGE", "XRP", "EUR"))
MARKETS: Final = {"DOGEXRP": (_DOGE, _XRP), "XRPBNB": (_XRP, _BNB)}
REWARDS: Final = 620  # more than one answer holds
_FIRST_AT: Final = datetime(2025, 8, 1, 6, tzinfo=UTC)
_HOUR: Final = timedelta(hours=1)


class Sundries:
    """The rows of one seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._histories: defaultdict[str, list[Happened]] = defaultdict(list)
        self._trades: defaultdict[str, list[tuple[int, int, str]]] = defaultdict(list)
        self.balances: defaultdict[AssetCode, Decimal] = defaultdict(Decimal)
        self.funding: dict[AssetCode, Decimal] = {}
        self._card_and_bank()
        self._distributions()
        self._swaps()
        self._departures()

    def history(self, name: str) -> list[Happened]:
        """Return the rows of a history by time."""
        return self._histories[name]

    def trades(self, symbol: str) -> RowStream:
        """Return the trades of a symbol."""
        rows = self._trades[symbol]
        return RowStream(ids=[row[0] for row in rows], times=[row[1] * 1000 for row in rows], texts=[row[2] for row in rows])

    def _move(self, asset: AssetCode, amount: str) -> str:
        self.balances[asset] = EXACT.add(self.balances[asset], Decimal(amount))
        return amount.removeprefix("-")

    def _add(self, name: str, at: datetime, row: dict[str, JsonValue]) -> None:
        self._histories[name].append(Happened(at=milliseconds(at), text=json.dumps(row)))

    def _card_and_bank(self) -> None:
        at = _FIRST_AT
        paid: dict[str, JsonValue] = {"orderNo": "card-1", "sourceAmount": "600.00", "fiatCurrency": _EUR, "cryptoCurrency": _BNB}
        paid |= {"obtainAmount": self._move(_BNB, "1.19"), "totalFee": "5.00", "price": "500", "status": "Completed"}
        self._add("payments 0", at, {**paid, "paymentMethod": "Credit Card", "createTime": milliseconds(at)})
        self._add("payments 0", at, {**paid, "orderNo": "card-2", "status": "Failed", "createTime": milliseconds(at)})
        bank: dict[str, JsonValue] = {"orderNo": "bank-1", "fiatCurrency": _EUR, "indicatedAmount": "101.50", "totalFee": "1.50"}
        bank |= {"amount": self._move(_EUR, "100.00"), "status": "Successful", "createTime": milliseconds(at)}
        self._add("fiat 0", at, bank)

    def _distributions(self) -> None:
        at = _FIRST_AT + _HOUR
        drop: dict[str, JsonValue] = {"id": 1000, "tranId": 9000, "asset": _DOGE, "amount": self._move(_DOGE, "5000")}
        self._add("dividends", at, {**drop, "divTime": milliseconds(at), "enInfo": "HODLer Airdrops"})
        for number in range(1, REWARDS + 1):
            at = _FIRST_AT + number * _HOUR
            amount = self._move(_BNB, f"0.{1 + noise(self._seed, 'reward', number, below=9)}e-5")
            reward: dict[str, JsonValue] = {"id": 1000 + number, "tranId": 9000 + number, "asset": _BNB}
            words = "Locked Staking" if number % 2 else "Launchpool"
            reward |= {"amount": text_of(Decimal(amount)), "divTime": milliseconds(at), "enInfo": words}
            self._add("dividends", at, reward)
        for number in range(3):
            at = _FIRST_AT + timedelta(days=20, hours=number)
            earned: dict[str, JsonValue] = {"asset": _XRP, "rewards": self._move(AssetCode("LDXRP"), "0.0125"), "projectId": "XRP001"}
            self._add("rewards", at, {**earned, "type": "REALTIME", "time": milliseconds(at)})

    def _swaps(self) -> None:
        at = _FIRST_AT + timedelta(days=2)
        swap: dict[str, JsonValue] = {"quoteId": "q-1", "orderId": 940_708_407_462_087_195, "orderStatus": "SUCCESS"}
        swap |= {"fromAsset": _DOGE, "fromAmount": self._move(_DOGE, "-1000"), "toAsset": _XRP, "toAmount": self._move(_XRP, "90.5")}
        self._add("conversions", at, {**swap, "ratio": "0.0905", "createTime": milliseconds(at)})
        self._add("conversions", at, {**swap, "orderId": 940_708_407_462_087_196, "orderStatus": "FAIL", "createTime": milliseconds(at)})
        grain: dict[str, JsonValue] = {"fromAsset": _DOGE, "amount": self._move(_DOGE, "-3.5"), "transId": 70_899_815_863}
        grain |= {"transferedAmount": self._move(_BNB, "0.0009"), "serviceChargeAmount": self._move(_BNB, "-0.000018")}
        grain["operateTime"] = milliseconds(at)
        batch: dict[str, JsonValue] = {"operateTime": milliseconds(at), "transId": 70_899_815_863, "userAssetDribbletDetails": [grain]}
        self._add("dust", at, batch)
        self._trade("DOGEXRP", 31, at, ((_DOGE, "-200"), (_XRP, "18"), (_BNB, "-0.00002")))
        self._trade("DOGEXRP", 32, at, ((_DOGE, "-200"), (_XRP, "18"), (_BNB, "-0.00002")))

    def _trade(self, symbol: str, number: int, at: datetime, legs: tuple[tuple[AssetCode, str], ...]) -> None:
        """Write a sale with its fee in a third asset."""
        (_, size), (_, paid), (fee_asset, fee) = ((asset, self._move(asset, amount)) for asset, amount in legs)
        row: dict[str, JsonValue] = {"symbol": symbol, "id": number, "orderId": 500 + number, "orderListId": -1, "price": "0.09"}
        row |= {"qty": size, "quoteQty": paid, "commission": fee, "commissionAsset": fee_asset, "time": milliseconds(at)}
        row |= {"isBuyer": False, "isMaker": False, "isBestMatch": True}
        self._trades[symbol].append((number, milliseconds(at), json.dumps(row)))

    def _departures(self) -> None:
        at = _FIRST_AT + timedelta(days=60)
        left: dict[str, JsonValue] = {"asset": _XRP, "amount": self._move(_XRP, "-7"), "type": "MAIN_FUNDING", "status": "CONFIRMED"}
        self.funding[_XRP] = Decimal(str(left["amount"]))
        self._add("moves MAIN_FUNDING", at, {**left, "tranId": 11_415_955_596, "timestamp": milliseconds(at)})
        sent: dict[str, JsonValue] = {"id": "w-xrp", "amount": self._move(_XRP, "-20"), "transactionFee": self._move(_XRP, "-0.25")}
        sent |= {"coin": _XRP, "status": 6, "address": "r3T7", "txId": "19A5B24E", "applyTime": f"{at:%Y-%m-%d %H:%M:%S}"}
        self._add("withdrawals", at, {**sent, "network": "XRP", "transferType": 0})
