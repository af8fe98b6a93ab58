import pytest

from ledger import plugins
from ledger.connectors.files.recognition import recognise
from ledger.domain.errors import InputError
from ledger.ports import FileFormat

PRO = "portfolio,trade id,product,side,created at,size,size unit,price,fee,total,price/fee/total unit"
KNOWN = "correct the header or export the file again; known formats: " + ", ".join(one.name for one in plugins.file_formats())

Formats = tuple[FileFormat, ...]


def refusal(header: str, formats: Formats, wanted: str | None = None) -> str:
    with pytest.raises(InputError) as refused:
        recognise(tuple(header.split(",")), formats, name="my.csv", wanted=wanted)
    assert refused.value.exit_code == 2
    return str(refused.value)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (PRO, "coinbase-pro-fills"),
        (",".join(reversed(PRO.split(","))), "coinbase-pro-fills"),
        ("id,time,type,asset,amount", "lotwright-events"),
        ("amount,asset,account,type,time,id,note", "lotwright-events"),
    ],
)
def test_a_format_is_recognised_by_its_header_in_any_order(header: str, name: str, formats: Formats) -> None:
    assert recognise(tuple(header.split(",")), formats, name="my.csv").name == name
    assert recognise(tuple(header.split(",")), formats, name="my.csv", wanted=name).name == name


@pytest.mark.parametrize(
    ("header", "difference"),
    [
        (PRO.replace("fee,", "fees,"), "coinbase-pro-fills (Coinbase Pro fills export): missing: 'fee'; unknown: 'fees' (nearest: 'fee')"),
        (PRO + ",notes", "coinbase-pro-fills (Coinbase Pro fills export): unknown: 'notes'"),
        (PRO.removesuffix(",price/fee/total unit"), "coinbase-pro-fills (Coinbase Pro fills export): missing: 'price/fee/total unit'"),
        ("id,time,type,account,asset", "lotwright-events (Lotwright's own events): missing: 'amount'"),
        (
            "id,time,type,account,asset,amount,fee_ammount",
            "lotwright-events (Lotwright's own events): unknown: 'fee_ammount' (nearest: 'fee_amount')",
        ),
        (
            "ID,time,type,account,asset,amount",
            "lotwright-events (Lotwright's own events): missing: 'id'; unknown: 'ID' (nearest: 'id')",
        ),
        (
            "id,time,type,account,asset,amount," + ",".join(f"x{n:03}" for n in range(15)),
            "lotwright-events (Lotwright's own events): unknown: " + ", ".join(f"'x{n:03}'" for n in range(12)) + " and 3 more",
        ),
    ],
)
def test_an_unknown_header_names_the_nearest_format_and_the_difference(header: str, difference: str, formats: Formats) -> None:
    assert refusal(header, formats) == f"my.csv: the header is of no known format; nearest is {difference}\n  mend: {KNOWN}"


def test_a_named_format_that_does_not_fit_names_the_difference(formats: Formats) -> None:
    assert refusal("id,time,type,asset,amount,price", formats, "lotwright-events") == (
        "my.csv: the header is not that of lotwright-events (Lotwright's own events): unknown: 'price'\n"
        "  mend: correct the header, or let the format be recognised by leaving --format out"
    )


def test_an_unknown_format_name_is_refused_with_the_nearest(formats: Formats) -> None:
    assert refusal(PRO, formats, "coinbase-fills") == (
        f"no file format has the name 'coinbase-fills' (nearest: 'coinbase-pro-fills')\n  mend: {KNOWN}"
    )


class OrderedFormat:
    """A format of a stranger that insists on the order of its columns."""

    name = "ordered"
    title = "Ordered"
    venue = "file"
    headers = (("a", "b", "c"), ("a", "b"))

    def recognises(self, header: tuple[str, ...]) -> bool:
        return header in self.headers


def test_known_columns_in_another_order_are_said_to_be_so() -> None:
    assert refusal("b,a", (OrderedFormat(),), "ordered") == (  # type: ignore[arg-type]  # recognition never reads rows
        "my.csv: the header is not that of ordered (Ordered): the columns stand in another order\n"
        "  mend: correct the header, or let the format be recognised by leaving --format out"
    )
