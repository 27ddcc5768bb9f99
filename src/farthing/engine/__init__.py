"""Takes requests from many callers and works them off together, one durable commit for a batch.

Read `engine.py`, then `lane.py` (who leads), `crew.py` (one batch from lock to answer), `batch.py` (what it decides);
`lanes.py` spreads requests over several lanes, and out of a lane steps aside (`aside.py`) what others have locked.
"""
