"""What is installed, by entry point: ours are found the same way as a stranger's."""

import difflib
import inspect
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import EntryPoint, EntryPoints, entry_points
from typing import cast

from ledger.domain.document import ReportOption
from ledger.domain.errors import InputError
from ledger.domain.payload import Payload
from ledger.ports import ConnectorFactory, Exporter, FileFormat, HasOptions, Interpretation, PriceFile, ReportGenerator, TaxRegime

GROUPS = {
    "lotwright.connectors": "connector",
    "lotwright.file_formats": "file format",
    "lotwright.price_files": "price file format",
    "lotwright.tax_regimes": "tax regime",
    "lotwright.reports": "report",
    "lotwright.exporters": "exporter",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """One entry point: what it is, its name, and the distribution that brought it."""

    kind: str
    name: str
    distribution: str
    version: str
    target: str


def installed() -> tuple[Plugin, ...]:
    """Return all plug-ins by kind and name; loads none of them."""
    found = [
        Plugin(
            kind=kind,
            name=point.name,
            distribution=point.dist.name if point.dist else "",
            version=point.dist.version if point.dist else "",
            target=point.value,
        )
        for group, kind in GROUPS.items()
        for point in _points(group)
    ]
    return tuple(sorted(found, key=lambda one: (one.kind, one.name, one.distribution)))


def connector(venue: str) -> ConnectorFactory:
    """Return the connector of a venue; InputError when none is installed."""
    return cast("ConnectorFactory", _loaded("lotwright.connectors", venue))


def interpreter(venue: str) -> Callable[[Payload], Interpretation]:
    """Return what reads a venue's stored payloads without a key.

    Raises:
        InputError: when the venue has no connector, or one that cannot read without a key.
    """
    found = inspect.getattr_static(connector(venue), "interpret", None)
    if not isinstance(found, staticmethod):
        raise InputError(f"the connector of {venue} cannot read payloads without a key", mend="its `interpret` is to be a static method")
    read: Callable[[Payload], Interpretation] = found.__func__
    return read


def file_formats() -> tuple[FileFormat, ...]:
    """Return all file formats by name."""
    points = sorted(_points("lotwright.file_formats"), key=lambda point: point.name)
    return tuple(point.load()() for point in points)


def price_files() -> tuple[PriceFile, ...]:
    """Return all formats of price files by name."""
    points = sorted(_points("lotwright.price_files"), key=lambda point: point.name)
    return tuple(point.load()() for point in points)


def tax_regime(name: str) -> TaxRegime:
    """Return a tax regime; InputError when none of that name is installed."""
    return cast("type[TaxRegime]", _loaded("lotwright.tax_regimes", name))()


def report(name: str) -> ReportGenerator:
    """Return a report; InputError when none of that name is installed."""
    return cast("type[ReportGenerator]", _loaded("lotwright.reports", name))()


def report_options(generator: ReportGenerator) -> tuple[ReportOption, ...]:
    """Return in what other ways a report can be asked for; none, where it does not say."""
    return generator.options if isinstance(generator, HasOptions) else ()


def exporter(name: str) -> Exporter:
    """Return an exporter; InputError when none of that name is installed."""
    return cast("type[Exporter]", _loaded("lotwright.exporters", name))()


def names(group: str) -> tuple[str, ...]:
    """Return the names installed in a group, sorted."""
    return tuple(sorted({point.name for point in _points(group)}))


def check_options(factory: ConnectorFactory, options: Iterable[str], *, where: str) -> None:
    """Refuse an option that a connector does not know: InputError names those that it does."""
    known = tuple(getattr(factory, "option_names", ()))
    for name in options:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            listed = f"known here: {', '.join(known)}" if known else f"{factory.venue} has no options"
            raise InputError(f"{where}: there is no option {name!r}", mend=f"did you mean {close[0]!r}?" if close else listed)


def tier_of(factory: ConnectorFactory, tier: str, *, where: str) -> str:
    """Return a tier of rates as the venue's connector spells it; InputError when it lists its tiers and this is none of them."""
    known = tuple(getattr(factory, "tiers", ()))
    spelled = tier.strip().lower() if known else tier
    if known and spelled not in {"", *known}:
        raise InputError(f"{where}: {factory.venue} has no tier {tier!r}", mend=f"use one of: {', '.join(known)}")
    return spelled


def _loaded(group: str, name: str) -> object:
    points = tuple(_points(group).select(name=name))
    if not points:
        known = names(group)
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise InputError(f"no {GROUPS[group]} named {name!r} is installed", mend=f"{hint}installed: {', '.join(known)}")
    return _single(points, group=group).load()


def _points(group: str) -> EntryPoints:
    return _points_on(tuple(sys.path), group)


@lru_cache(maxsize=len(GROUPS))
def _points_on(_search_path: tuple[str, ...], group: str) -> EntryPoints:
    """Ask every installed distribution once for each search path: it takes as long as a small report."""
    return entry_points(group=group)


def _single(points: Iterable[EntryPoint], *, group: str) -> EntryPoint:
    first, *others = points
    if others:
        makers = ", ".join(point.dist.name for point in (first, *others) if point.dist)
        raise InputError(f"more than one {GROUPS[group]} is named {first.name!r}: {makers}", mend="uninstall all but one of them")
    return first
