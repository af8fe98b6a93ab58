"""What is installed beside a book: plug-ins, reports and the formats that they are written in."""

from ledger import plugins
from ledger.domain.document import ReportOption
from ledger.plugins import Plugin
from ledger.ports import Exporter


def plugins_installed() -> tuple[Plugin, ...]:
    """Return what is installed, from which distribution."""
    return plugins.installed()


def report_titles() -> dict[str, str]:
    """Return the title of every installed report by its name, sorted."""
    return {name: plugins.report(name).title for name in plugins.names("lotwright.reports")}


def report_options(name: str) -> tuple[ReportOption, ...]:
    """Return in what other ways a report can be asked for; InputError when there is none of that name."""
    return plugins.report_options(plugins.report(name))


def exporter_names() -> tuple[str, ...]:
    """Return the names of the installed file formats for reports, sorted."""
    return plugins.names("lotwright.exporters")


def exporter(name: str) -> Exporter:
    """Return what writes a report in a format; InputError when there is none of that name."""
    return plugins.exporter(name)
