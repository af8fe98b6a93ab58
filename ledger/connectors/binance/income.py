"""What rows of income say at Binance and Binance.US: distributions by their words, and rewards of earn, a sample beside each reader."""

from dataclasses import dataclass
from datetime import datetime

from ledger.connectors.binance.rows import Place, Reading, asset_in, instant_in, unknown_row, word_in
from ledger.domain.amount import Amount, text_of
from ledger.domain.event import Income, IncomeKind, SourceRank
from ledger.domain.ids import SourceId
from ledger.domain.json_text import Row, cell_positive, cell_text, cell_text_or_none, shown
from ledger.domain.time.instant import instant_text


@dataclass(frozen=True, slots=True, kw_only=True)
class _NoIncome:
    """Why what is called so may be no income, and how to book it."""

    why: str
    mend: str


_FILE = "from a lotwright-events file; the payload is kept"
_SWAP = _NoIncome(
    why="it may be one half of an exchange",
    mend=f"find what went out for it, or came in, on the account's statement, and book both as one trade {_FILE}",
)
_BOUGHT = _NoIncome(why="tokens of a Launchpad are paid for", mend=f"book what was paid and these units as one trade {_FILE}")
_GIVEN = _NoIncome(
    why="it may be a gift of somebody, or one of your own that came back",
    mend=f"book it {_FILE}: as gift_in if somebody gave it to you, as a deposit if it is your own that came back, as income if not",
)
_BACK = _NoIncome(
    why="it may be a payment that came back", mend=f"find the payment that it takes back on the account's statement, and book it {_FILE}"
)
_LEFT = _NoIncome(
    why="it left the account", mend=f"find what came in for it on the account's statement, and book both as one trade {_FILE}"
)
_STRANGE = _NoIncome(
    why="its words do not say what for",
    mend=f"look it up on the account's statement and book it {_FILE}; or ask for a rule for these words",
)

# The first word that is found decides. What the venue hands out in games and promotions has no price: it is a reward.
_MEANINGS: tuple[tuple[str, IncomeKind | _NoIncome], ...] = (
    *((word, _SWAP) for word in ("swap", "rebrand", "redenominat", "delist", "migration", "conver")),
    ("refund", _BACK),
    ("launchpad", _BOUGHT),
    *((word, _GIVEN) for word in ("crypto box", "red packet", "gift")),
    *((word, IncomeKind.REFERRAL) for word in ("referral", "commission")),
    *((word, IncomeKind.REBATE) for word in ("rebate", "cashback")),
    ("fork", IncomeKind.FORK),
    ("mining", IncomeKind.MINING),
    *((word, IncomeKind.STAKING) for word in ("staking", "eth 2.0", "beth", "locked")),
    *((word, IncomeKind.INTEREST) for word in ("flexible", "savings", "interest", "simple earn")),
    *((word, IncomeKind.AIRDROP) for word in ("megadrop", "hodler", "airdrop", "voucher")),
    *((word, IncomeKind.REWARD) for word in ("launchpool", "bnb vault", "reward", "bonus", "prize", "giveaway")),
    *((word, IncomeKind.REWARD) for word in ("learn and earn", "learn & earn", "competition", "contest", "tournament")),
    *((word, IncomeKind.REWARD) for word in ("lucky draw", "activity", "campaign", "promotion")),
    ("distribution", IncomeKind.AIRDROP),
)
_CREDIT = "1"  # of `direction`, which older answers lack; -1 left the account


def read_dividend(row: Row, place: Place) -> Reading:
    """Read one distribution into the spot account; `enInfo` (`category` at Binance.US) says in the venue's words what for.

    {"id": 1637366104, "amount": "10.00000000", "asset": "BHFT", "divTime": 1563189166000, "enInfo": "BHFT distribution",
     "tranId": 2968885920, "direction": 1}
    """
    source_id = word_in(row, "id" if row.get("id") not in (None, "") else "tranId")
    words = cell_text_or_none(row, "enInfo") or cell_text(row, "category")
    direction = row.get("direction")
    meaning = _meaning_of(words) if direction in (None, "") or str(direction) == _CREDIT else _LEFT
    if isinstance(meaning, _NoIncome):
        return unknown_row(place, source_id, f"a distribution called {words!r}: {meaning.why}: {shown(row)}", mend=meaning.mend)
    income = _income(place, source_id, meaning, at=instant_in(row, "divTime"), amount=_received(row, "amount"), note=words)
    return Reading(events=(income,))


def _meaning_of(words: str) -> IncomeKind | _NoIncome:
    plain = " ".join(words.lower().replace("_", " ").split())
    return next((meaning for word, meaning in _MEANINGS if word in plain), _STRANGE)


def read_reward(row: Row, place: Place) -> Reading:
    """Read one reward of flexible earn: REALTIME ones stay in the product, all others are booked from the list of distributions.

    Rows have no id: their content is it, and the number among those of a page that say the same.

    {"asset": "BUSD", "rewards": "0.00006408", "projectId": "USDT001", "type": "REALTIME", "time": 1577233578000}
    """
    kind, at, amount = cell_text(row, "type").upper(), instant_in(row, "time"), _received(row, "rewards")
    source_id = f"{amount.asset}/{word_in(row, 'projectId')}/{instant_text(at)}/{text_of(amount.quantity)}"
    source_id += "" if place.twin == 1 else f"#{place.twin}"
    if kind in {"BONUS", "REWARDS"}:
        return Reading()
    if kind != "REALTIME":
        return unknown_row(place, source_id, f"a reward of the unknown type {kind!r}: {shown(row)}")
    return Reading(events=(_income(place, source_id, IncomeKind.INTEREST, at=at, amount=amount, note=None),))


def _income(place: Place, source_id: str, kind: IncomeKind, *, at: datetime, amount: Amount, note: str | None) -> Income:
    return Income(
        event_id=place.id_of("income", source_id, stream=place.stream, asset=amount.asset),
        source_id=SourceId(source_id),
        venue=place.venue,
        account=place.account,
        occurred_at=at,
        rank=SourceRank.VENUE,
        note=note,
        kind=kind,
        amount=amount,
    )


def _received(row: Row, key: str) -> Amount:
    return Amount(quantity=cell_positive(row, key), asset=asset_in(row, "asset"))
