"""The rules, pure: integers in, integers out. Nothing here waits, looks at a clock, or rolls dice.

Read `decide.py` first: one request, the wallets it concerns and an instant go in; entries and new wallets come out.
"""
