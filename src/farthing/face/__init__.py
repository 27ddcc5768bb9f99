"""What people write and read: words in, core requests out; entries in, receipts, balances and lines out.

Read `ledger.py` for the words, `verbs.py` for how one text serves sync and async. A new word is a builder in the file
of its noun, and one line for each of its two forms in `verbs.py`. Nothing is decided here, and nothing stored.
"""
