"""What rows of Kraken's ledger leave open, type by type, and how their owner books what the venue does not say: pure, words only.

A row stands here when its type alone does not tell what it was for. Source: Kraken support, How to interpret ledger history fields, and
the REST reference, Get Ledgers Info, which lists more types than either explains.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ledger.domain.amount import Amount

_FILE = "import a lotwright-events file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is open, in words that begin a message, and what answers it."""

    code: str = "unknown-row"
    told: str
    mend: str


_NO_RULE = Question(
    told="a ledger row of a type for which there is no rule",
    mend=f"{_FILE} that books what it means, or ask for a rule for this type; the payload is kept",
)
PARTLY_RETURNED = Question(
    code="partly-returned",
    told="what came back of a withdrawal, which is not what left",
    mend=f"see at the venue what became of the rest, and {_FILE} with what came back as deposit; what left is booked",
)
_NFT = Question(
    told="a fee or rebate of an NFT, of which the ledger does not say whose it was",
    mend=f"{_FILE}: what came in as income of kind rebate, what left as fee",
)
_BY_TYPE: Mapping[str, Question] = {
    "adjustment": Question(
        told="an adjustment, by which the venue turns one asset into another, and the other one is not under this refid",
        mend=f"look for the adjustment of the other asset, mostly in the same second, and {_FILE} that books both as one buy or sell",
    ),
    "credit": Question(
        told="a credit, which may be a gift of the venue, or a loan",
        mend=f"see what the venue wrote of it, and {_FILE}: a gift as income of kind reward, a loan as deposit, its return as withdrawal",
    ),
    "custodytransfer": Question(
        told="several moves to or from custody under one refid",
        mend=f"{_FILE}: what left as withdrawal, what came in as deposit; what stayed in the account is not booked",
    ),
    "earn": Question(
        told="a row of earning of a subtype for which there is no rule: it may be a reward, or a move between two sub-wallets",
        mend=f"{_FILE}: a reward as income of kind reward; a move within the account is not booked",
    ),
    "margin": Question(
        code="margin-row",
        told="the gain, loss or fee of a margin position, for which there is no rule",
        mend=f"find out how your law takes it, and {_FILE}: a gain as income, a loss or a fee as fee",
    ),
    "nftcreatorfee": _NFT,
    "nftrebate": _NFT,
    "nfttrade": Question(
        told="a trade of an NFT, which the ledger does not name",
        mend=f"{_FILE} that books it as buy or sell of an asset by a code of your own, with this amount as the quote",
    ),
    "rollover": Question(
        code="margin-row",
        told="a charge of a margin position that is none of a fee alone",
        mend=f"see the position at the venue, and {_FILE}: what was charged as fee, what came back as income of kind rebate",
    ),
    "settled": Question(
        code="margin-row",
        told="the settling of a margin position, whose price the ledger does not say",
        mend=f"{_FILE} that books it as buy or sell, at the price at which the position was opened",
    ),
    "staking": Question(
        told="a row of staking of a subtype for which there is no rule: it may be a reward, or a move between two sub-wallets",
        mend=f"{_FILE}: a reward as income of kind staking; a move within the account is not booked",
    ),
    "transfer": Question(
        told="a transfer that may be an airdrop or a fork, or a move to or from the OTC desk or another account",
        mend=f"{_FILE}: an airdrop or a fork as income of that kind, a move as deposit or withdrawal",
    ),
}


def question_of(kind: str) -> Question:
    """Return what rows of a type leave open."""
    return _BY_TYPE.get(kind, _NO_RULE)


def question_of_exchange(*, given: list[Amount], received: list[Amount], fees: list[Amount]) -> Question:
    """Return why rows of one refid are no exchange of one asset for another with one fee."""
    if not given or not received:
        mend = f"import the export that has the other side; if there is none, as of very small trades, {_FILE} with a quote_amount of 0"
    elif len(given) == len(received) == 1:
        mend = (
            f"if the list of trades has booked it, {_FILE} with what `reconcile` lacks, as fee or as income of kind rebate; else with all"
        )
    else:
        mend = f"{_FILE} with one buy or sell for each asset, which share the other side as the venue's own statement has it"
    told = f"an exchange of {len(given)} assets given, {len(received)} received and fees in {len(fees)}"
    return Question(code="unsupported-exchange", told=told, mend=mend)
