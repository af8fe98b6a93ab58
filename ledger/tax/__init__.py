"""The law: one file per country, and DECISIONS.md with a row per rule. Pure."""
