"""Columns (d) to (g) of Form 8949 where a broker's form tells of a sale: which codes, and what they correct."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from ledger.domain.amount import AssetCode
from ledger.domain.errors import UnsupportedCase
from ledger.domain.ids import AccountId, DisposalId, EventId, LotId, SourceId, WalletId
from ledger.domain.law.statement import AsReported, BrokerForm, Told
from ledger.domain.lot import DepartureKind, Disposal, HoldingTerm
from ledger.ports import TaxRegime
from ledger.tax.generic import Generic
from ledger.tax.uk import UnitedKingdom
from ledger.tax.us import UnitedStates

D = Decimal
PIECE = Disposal(
    disposal_id=DisposalId("D-1"),
    piece=1,
    event_id=EventId("e"),
    source_id=SourceId("s"),
    asset=AssetCode("BTC"),
    quantity=D(1),
    account=AccountId("main"),
    wallet=WalletId("main"),
    bot=None,
    kind=DepartureKind.SALE,
    acquired_at=datetime(2026, 1, 2, tzinfo=UTC),
    disposed_at=datetime(2026, 6, 1, tzinfo=UTC),
    proceeds=D(990),
    cost_basis=D(100),
    lot_id=LotId("L-1"),
    lot_source_id=SourceId("b"),
    matched_by="fifo",
    selling_costs=D(10),
)
TOLD = Told(form=BrokerForm.DIGITAL_BASIS, proceeds=D(990), cost_basis=D(100), term=HoldingTerm.SHORT, code="", adjustment=None)


def figures(said: AsReported) -> str:
    """``(d) (e) (f) (g)``."""
    change = f"{said.adjustment.codes} {said.adjustment.amount}" if said.adjustment else "-"
    return f"{said.proceeds} {said.cost_basis} {change}"


CASES: dict[str, tuple[Disposal, Told, str]] = {
    "all alike": (PIECE, TOLD, "990 100 -"),
    "alike to the cent": (replace(PIECE, cost_basis=D("100.004")), TOLD, "990 100.004 -"),
    "a cent apart": (replace(PIECE, cost_basis=D("100.006")), TOLD, "990 100 B -0.006"),
    # I8949, column (g): basis reported 900, correct 100: the reported basis stays in (e), 800 in (g)
    "a wrong basis that was reported": (PIECE, replace(TOLD, cost_basis=D(900)), "990 900 B 800"),
    "a wrong basis that was not": (PIECE, replace(TOLD, form=BrokerForm.DIGITAL, cost_basis=D(900)), "990 100 B 0"),
    "the same for securities": (PIECE, replace(TOLD, form=BrokerForm.SECURITIES, cost_basis=D(900)), "990 100 B 0"),
    "no basis on the form": (PIECE, replace(TOLD, form=BrokerForm.DIGITAL, cost_basis=None), "990 100 -"),
    "proceeds before costs": (PIECE, replace(TOLD, proceeds=D(1000)), "1000 100 E -10"),
    "other proceeds": (PIECE, replace(TOLD, proceeds=D(995)), "995 100 O -5"),
    "another term": (PIECE, replace(TOLD, term=HoldingTerm.LONG), "990 100 T 0"),
    "no term on the form": (PIECE, replace(TOLD, term=None), "990 100 -"),
    "several at once": (PIECE, replace(TOLD, proceeds=D(1000), cost_basis=D(900), term=HoldingTerm.LONG), "1000 900 BET 790"),
    "a loss that does not count": (replace(PIECE, cost_basis=D(1500)), replace(TOLD, cost_basis=D(1500), code="L"), "990 1500 L 510"),
    "a part of a loss": (
        replace(PIECE, cost_basis=D(1500)),
        replace(TOLD, cost_basis=D(1500), code="L", adjustment=D(200)),
        "990 1500 L 200",
    ),
    "a gain cannot be a loss that does not count": (PIECE, replace(TOLD, code="L"), "990 100 L 0"),
    # I1099DA 2026, box 1i: 300 of a loss of 400 put off
    "a wash sale of a tokenized security": (
        replace(PIECE, proceeds=D(600), cost_basis=D(1000), selling_costs=D(0)),
        replace(TOLD, proceeds=D(600), cost_basis=D(1000), code="W", adjustment=D(300)),
        "600 1000 W 300",
    ),
    "something else": (PIECE, replace(TOLD, code="O", adjustment=D("-7.5")), "990 100 O -7.5"),
    "nobody knows the proceeds": (replace(PIECE, proceeds=None), replace(TOLD, code="L"), "None 100 L 0"),
    "nobody knows the cost": (replace(PIECE, cost_basis=None), replace(TOLD, code="L"), "990 None L 0"),
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_columns_say_what_the_form_said_and_correct_it(case: str) -> None:
    piece, told, expected = CASES[case]
    said = UnitedStates().as_reported(piece, told, term=HoldingTerm.SHORT)
    assert figures(said) == expected


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_gain_after_corrections_is_that_of_the_books_but_for_what_the_form_names(case: str) -> None:
    piece, told, _ = CASES[case]
    said = UnitedStates().as_reported(piece, replace(told, code="", adjustment=None), term=HoldingTerm.SHORT)
    if None not in (said.proceeds, said.cost_basis):
        assert said.proceeds is not None
        assert said.cost_basis is not None
        assert piece.proceeds is not None
        assert piece.cost_basis is not None
        change = said.adjustment.amount if said.adjustment else D(0)
        assert said.proceeds - said.cost_basis + change == piece.proceeds - piece.cost_basis


@pytest.mark.parametrize("regime", [Generic(), UnitedKingdom()], ids=lambda regime: regime.name)
def test_other_laws_know_neither_statements_nor_wash_sales(regime: TaxRegime) -> None:
    with pytest.raises(UnsupportedCase) as refused:
        regime.as_reported(PIECE, TOLD, term=None)
    assert str(refused.value) == (
        f"regime '{regime.name}' knows no statements of brokers\n  mend: they belong to a book with `regime = \"us\"`"
    )
    with pytest.raises(UnsupportedCase) as refused:
        regime.deferred_losses([], [], None)  # type: ignore[arg-type]  # refused before it looks
    assert str(refused.value) == (
        f"regime '{regime.name}' knows no wash sales\n  mend: the analysis belongs to a book with `regime = \"us\"`"
    )
