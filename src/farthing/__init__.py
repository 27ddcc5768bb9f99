"""The open credits engine for AI products: grant, hold, charge, settle, refund."""
