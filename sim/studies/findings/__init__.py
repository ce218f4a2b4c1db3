"""Findings: what a finished sweep says.

Reading order: ``candidates`` (its runs, crossed), ``robustness`` (regret and goals across worlds),
``splits`` (runs that end in two ways), ``flips`` (what would turn the answer), ``prim`` and
``discovery`` (where it loses), ``findings``, ``findings_file``, ``memo`` and ``sweep_memo`` (in
words).
"""
