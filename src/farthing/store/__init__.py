"""The only room that speaks SQL. `contract.py` says what every store does; one file for each store keeps it."""
