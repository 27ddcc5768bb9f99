"""How a catalog is written: one description of every key, by which it is read, checked, compared and drawn as a schema.

Pure: text goes in, a catalog or all of its mistakes come out.
"""
