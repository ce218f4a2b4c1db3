"""Ranking: which policy is the best, with as few runs as the answer needs.

``selection`` is the procedure, ``rank`` has a study's candidates run for it.
"""
