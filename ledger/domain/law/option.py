"""Options of a law as they stand in a book's settings. The regime knows which there are and what they mean."""

from collections.abc import Mapping

LawOption = bool | str | Mapping[str, str] | tuple[str, ...]  # a table is by year, or by whatever the regime says
