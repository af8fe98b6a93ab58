"""`lotwright-elections`: what each row says, and every way in which it can be wrong."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from ledger.domain.election import EvidenceGrade, LotPick, PickOrder, Selection, StandingOrder
from ledger.ports import FileRow

HEADER = "id,recorded_at,kind,rule,wallet,asset,bot,effective_from,sale,order_id,lot,quantity,evidence\n"
START = "e1,2026-01-01T09:00:00Z,"


def test_a_standing_order_is_read(read_file: Callable[..., list[FileRow]]) -> None:
    (row,) = read_file(HEADER + "e1,2026-01-01T09:00:00+01:00,standing,hifo,coinbase,BTC,grid,2026-01-02,,,,,mail to myself\n")
    assert row.event is None
    assert row.election == StandingOrder(
        election_id="e1",  # type: ignore[arg-type]  # a name here and below
        recorded_at=datetime(2026, 1, 1, 8, tzinfo=UTC),
        grade=EvidenceGrade.IMPORTED,
        evidence="mail to myself",
        order=PickOrder.HIFO,
        effective_from=datetime(2026, 1, 2, 5, tzinfo=UTC),  # a bare day begins in the book's zone
        wallet="coinbase",  # type: ignore[arg-type]
        asset="BTC",  # type: ignore[arg-type]
        bot="grid",  # type: ignore[arg-type]
    )


def test_rows_of_one_selection_make_one_election_in_the_first_of_them(read_file: Callable[..., list[FileRow]]) -> None:
    text = "lot,id,kind,recorded_at,quantity,order_id\nb7,e1,selection,2026-01-01T09:00:00Z,0.50,o1\n"
    rows = read_file(f"{text}b9,e2,selection,2026-01-01T09:00:00Z,1,o2\nb8,e1,selection,2026-01-01T09:00:00Z,2,o1\n")
    first, second, third = (row.election for row in rows)
    assert isinstance(first, Selection)
    assert isinstance(second, Selection)
    assert (first.order_id, first.sale) == ("o1", None)
    assert first.picks == (LotPick(lot="b7", quantity=Decimal("0.5")), LotPick(lot="b8", quantity=Decimal(2)))
    assert (second.election_id, third) == ("e2", None)


BAD = (
    ("e1,2026-01-01,standing,hifo,,,,,,,,,", "column recorded_at: '2026-01-01' is a day without a time"),
    (START + "order,hifo,,,,,,,,,", "column kind: 'order' is no kind of election"),
    (START + ",,,,,,,,,,", "column kind: is empty"),
    (START + "standing,hifi,,,,,,,,,", "column rule: 'hifi' is no rule for lots (did you mean hifo?)"),
    (START + "standing,,,,,,,,,,", "column rule: is empty"),
    (START + "standing,hifo,,,,,s1,,,,", "column sale: 's1' does not belong to a standing row"),
    (START + "standing,hifo,,btc,,,,,,,", "column asset: 'btc' is not an asset code"),
    (START + "standing,hifo,a:b,,,,,,,,", "column wallet: 'a:b' has a colon"),
    (START + "standing,hifo,,,,never,,,,,", "column effective_from: 'never' is not a date and time"),
    (START + "selection,hifo,,,,,s1,,b1,1,", "column rule: 'hifo' does not belong to a selection row"),
    (START + "selection,,,,,,,,b1,1,", "column sale: and order_id are both empty"),
    (START + "selection,,,,,,s1,o1,b1,1,", "column sale: and order_id are both filled"),
    (START + "selection,,,,,,s1,,,1,", "column lot: is empty"),
    (START + "selection,,,,,,s1,,b1,,", "column quantity: is empty"),
    (START + "selection,,,,,,s1,,b1,0,", "column quantity: '0' is zero"),
    (START + "selection,,,,,,s1,,b1,-1,", "column quantity: '-1' is negative"),
    (START + "selection,,,,,,s1,,b1,1E+30,", "column quantity: '1E+30' has more than 20 integer digits"),
    (START + "selection,,,,,,s1,,b1,0.0000000000000000001,", "has more than 18 decimals"),
    (START + "selection,,,,,,s1,,b1,NaN,", "column quantity: 'NaN' is not a plain number"),
    (START + "selection,,,,,,s1,,b1,=1+1,", "column quantity: '=1+1' is not a plain number"),
    (f"{'x' * 201}" + START[2:] + "standing,hifo,,,,,,,,,", "has 201 characters"),
    ("e\x1fe" + START[2:] + "standing,hifo,,,,,,,,,", "has characters that cannot be printed"),
    (START + "standing,hifo,,,,,,,,", "has 12 cells, the header has 13"),
)


@pytest.mark.parametrize(("row", "said"), BAD, ids=[said[:50] for _, said in BAD])
def test_a_bad_row_says_what_is_wrong_with_it(faults_of: Callable[..., list[str]], row: str, said: str) -> None:
    (fault,) = faults_of(HEADER + row + "\n")
    assert fault.startswith("line 2")
    assert said in fault


def test_rows_of_one_id_that_do_not_belong_together_are_faults(faults_of: Callable[..., list[str]]) -> None:
    selection = START + "selection,,,,,,s1,,{lot},1,mail\n"
    assert faults_of(HEADER + selection.format(lot="b1") + selection.format(lot="b1")) == [
        "line 3, column lot: 'b1' stands twice in selection 'e1' (write one row with the sum)"
    ]
    for other in (START + "selection,,,,,,s2,,b2,1,mail\n", START + "standing,hifo,,,,,,,,,mail\n"):
        (fault,) = faults_of(HEADER + selection.format(lot="b1") + other)
        assert "line 3, column id: 'e1' is not as in line 2, where it begins" in fault
    order = START + "standing,hifo,,,,,,,,,\n"
    assert len(faults_of(HEADER + order + order)) == 1
