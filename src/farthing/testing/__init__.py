"""What the tests of a program that uses Farthing import: a clock that obeys."""
