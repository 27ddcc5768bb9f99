"""What things cost and what plans give: catalogs, prices, plans, proration. Pure: no clock, no dice, no files.

Rates are exact fractions; an amount of a unit is rounded once, at the end (rule 26).
"""
