"""Optimizing: the search of the levers within limits, and inverse questions.

Reading order: ``evaluation`` (what a search asks of a study), ``levers``, ``objectives``,
``search`` (what to try next), ``trials``, ``judging``, ``finalists`` (measured on fresh luck),
``optimization`` and ``wording`` (the answer), ``optimize``; ``crossing`` and ``inverse`` (the
smallest reward, the days to a target, break-even); ``study`` (the runs).
"""
