"""Who holds the units of a connection, and by which order of lots a broker goes."""

from pathlib import Path

import pytest

from ledger.config import BookSettings, load_settings
from ledger.domain.errors import InputError


def settings_of(folder: Path, *connections: str) -> BookSettings:
    (folder / "lotwright.toml").write_text("[book]\n" + "\n".join(connections), encoding="utf-8")
    return load_settings(folder)


def connection(name: str, *lines: str) -> str:
    return "\n".join([f"[connections.{name}]", 'venue = "coinbase-exchange"', *lines, ""])


def test_a_connection_is_a_brokers_unless_it_says_otherwise(tmp_path: Path) -> None:
    settings = settings_of(
        tmp_path,
        connection("main", 'wallet = "coinbase"'),
        connection("one-way", 'broker_method = "hifo"', 'custody = "broker"'),
        connection("own", 'custody = "unhosted"'),
    )
    assert settings.brokers == {"coinbase": None, "one-way": "hifo"}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (('custody = "bank"',), r"connections\.main\.custody is 'bank'"),
        (("custody = 1",), r"connections\.main\.custody is 1"),
        (('broker_method = "average"',), r"connections\.main\.broker_method is 'average'"),
        (('broker_method = "fifo"', 'custody = "unhosted"'), "but custody is unhosted"),
    ],
)
def test_what_cannot_be_said_of_custody_is_refused(tmp_path: Path, lines: tuple[str, ...], said: str) -> None:
    with pytest.raises(InputError, match=said) as refused:
        settings_of(tmp_path, connection("main", *lines))
    assert refused.value.mend


def test_connections_of_one_wallet_say_the_same_of_it(tmp_path: Path) -> None:
    wallet = 'wallet = "one"'
    with pytest.raises(InputError, match=r"connections\.b differs in custody or broker_method from connections\.a, of the same wallet one"):
        settings_of(tmp_path, connection("a", wallet), connection("b", wallet, 'custody = "unhosted"'))
    assert settings_of(tmp_path, connection("a", wallet), connection("b", wallet)).brokers == {"one": None}
