"""Who is charged next: spread evenly, a few favourites (Zipf), or one hot account. Seeded, so that runs compare."""

import bisect
import itertools
import random

ACCOUNTS = 10_000


def name_account(number: int) -> str:
    return f"acct-{number}"


def draw_accounts(pattern: str, count: int, seed: int = 1) -> list[str]:
    """`count` accounts after a pattern: uniform, zipf (exponent 1.5), hot."""
    dice = random.Random(seed)
    if pattern == "hot":
        return [name_account(0)] * count
    if pattern == "uniform":
        return [name_account(dice.randrange(ACCOUNTS)) for _ in range(count)]
    heights = list(itertools.accumulate(1 / rank**1.5 for rank in range(1, ACCOUNTS + 1)))
    return [name_account(bisect.bisect(heights, dice.random() * heights[-1])) for _ in range(count)]
