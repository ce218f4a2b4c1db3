"""Sensitivity: what moves an outcome.

``indices`` (formulas), ``analysis`` (samples and tables), ``variance`` (luck against what is not
known against what is chosen), ``study`` (the runs).
"""
