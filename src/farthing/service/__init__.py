"""What a business does with a ledger, told once, a file per noun. It asks the engine, as the face does, and decides no
balance itself: what runs here late, twice or never changes when things are written down, not what they come to.
"""
