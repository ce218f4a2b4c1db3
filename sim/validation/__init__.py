"""Why believe it: everything that must hold, measured.

:mod:`sim.validation.targets` lists the targets, :mod:`~sim.validation.running` measures them and
:mod:`~sim.validation.planting` shows that each can fail.
"""
