"""Prices with a memory as the core takes them, the tests' own: whole numbers in closed form. The naive model counts."""

from __future__ import annotations

from typing import NamedTuple


class Graduated(NamedTuple):
    tiers: tuple[tuple[int | None, int], ...]

    def advance(self, before: int, quantity: int) -> tuple[int, int]:
        return self.sum_up(before + quantity) - self.sum_up(before), before + quantity

    def sum_up(self, quantity: int) -> int:
        total = begun = 0
        for last, each in self.tiers:
            ends = quantity if last is None else min(quantity, last)
            total += max(0, ends - begun) * each
            begun = max(begun, ends)
        return total


class Package(NamedTuple):
    size: int
    amount: int

    def advance(self, before: int, quantity: int) -> tuple[int, int]:
        begun = -(-(before + quantity) // self.size) + before // -self.size
        return begun * self.amount, before + quantity


class Carry(NamedTuple):
    amount: int
    size: int

    def advance(self, before: int, quantity: int) -> tuple[int, int]:
        return divmod(before + quantity * self.amount, self.size)
