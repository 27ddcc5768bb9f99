"""What the rules speak of: amounts, names, instants, periods, requests, entries, wallets, errors. No rules.

Pure like `core`, which does something with them. Read `wallets.py` first: it is the state that is decided on.
"""
