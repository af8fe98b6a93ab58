"""Event -> journal entry: the chart of accounts, the posting rules, balances and checks. Pure."""
