"""Plug-ins: ours and a stranger's are found by entry point, and what is not installed names what is."""

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from ledger import plugins
from ledger.domain.errors import InputError


def test_ours_are_listed_by_kind_and_name_with_their_distribution() -> None:
    found = plugins.installed()
    assert [(one.kind, one.name) for one in found] == sorted((one.kind, one.name) for one in found)
    ours = {(one.kind, one.name) for one in found if one.distribution == "lotwright"}
    assert {("connector", "coinbase-exchange"), ("file format", "lotwright-events"), ("tax regime", "us"), ("report", "gains")} <= ours
    assert {one.kind for one in found} == set(plugins.GROUPS.values())


def test_each_is_loaded_by_its_name() -> None:
    assert plugins.connector("coinbase-exchange").venue == "coinbase-exchange"
    assert [one.name for one in plugins.file_formats()] == list(plugins.names("lotwright.file_formats"))
    for name in plugins.names("lotwright.tax_regimes"):
        assert plugins.tax_regime(name).name == name
    for name in plugins.names("lotwright.reports"):
        assert plugins.report(name).name == name
    for name in plugins.names("lotwright.exporters"):
        assert plugins.exporter(name).name == name


def test_what_is_not_installed_names_the_nearest_and_all_there_is() -> None:
    with pytest.raises(InputError, match="no tax regime named 'generik' is installed") as refused:
        plugins.tax_regime("generik")
    assert refused.value.mend.startswith("did you mean 'generic'? installed: generic, uk, us")
    with pytest.raises(InputError, match="no connector named 'mtgox' is installed") as refused:
        plugins.connector("mtgox")
    assert refused.value.mend == f"installed: {', '.join(plugins.names('lotwright.connectors'))}"


@pytest.mark.parametrize("tier", ["Pro", "PRO", " pro "])
def test_a_tier_is_spelled_as_its_venue_has_it(tier: str) -> None:
    assert plugins.tier_of(plugins.connector("kraken"), tier, where="connection main") == "pro"


def test_a_tier_that_a_venue_has_not_is_refused_with_those_that_it_has() -> None:
    with pytest.raises(InputError, match="connection main: kraken has no tier 'vip'") as refused:
        plugins.tier_of(plugins.connector("kraken"), "vip", where="connection main")
    assert refused.value.mend == "use one of: starter, intermediate, pro"
    assert plugins.tier_of(plugins.connector("kraken"), "", where="connection main") == ""


def test_a_venue_that_lists_no_tiers_is_given_the_word_as_it_is() -> None:
    assert plugins.tier_of(plugins.connector("binance"), "VIP 3", where="connection main") == "VIP 3"


def stranger(folder: Path, name: str, entry_points: str) -> None:
    """Install a distribution as its files stand on a search path."""
    described = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    (described / "entry_points.txt").write_text(entry_points, encoding="utf-8")


def test_a_stranger_s_plugin_is_found_like_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stranger(tmp_path, "lotwright-mars", "[lotwright.tax_regimes]\nmars = mars_law:Mars\n")
    (tmp_path / "mars_law.py").write_text("class Mars:\n    name = 'mars'\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert plugins.tax_regime("mars").name == "mars"
    (found,) = [one for one in plugins.installed() if one.name == "mars"]
    assert (found.kind, found.distribution, found.version, found.target) == ("tax regime", "lotwright-mars", "1.0", "mars_law:Mars")


def test_two_plugins_of_one_name_are_refused_and_both_makers_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stranger(tmp_path, "lotwright-other-us", "[lotwright.tax_regimes]\nus = other:Other\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(InputError, match="more than one tax regime is named 'us': ") as refused:
        plugins.tax_regime("us")
    assert {"lotwright-other-us", "lotwright"} == set(refused.value.message.rpartition(": ")[2].split(", "))
    assert refused.value.mend == "uninstall all but one of them"


def test_every_entry_point_of_ours_can_be_loaded() -> None:
    for one in plugins.installed():
        if one.distribution == "lotwright":
            assert EntryPoint(name=one.name, value=one.target, group="").load() is not None
