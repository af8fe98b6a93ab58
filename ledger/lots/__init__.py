"""Movements -> lots and disposals: timelines, matching rules, the sweep and its checks. Pure."""
