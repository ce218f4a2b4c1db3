"""Real data: who adopted when on known networks, and who bought again.

Reading order: :mod:`data` reads the sets; :mod:`hazards` states and fits the chance of adopting;
:mod:`held_out` scores it on people it was not fitted to; :mod:`buying_again` is BG/NBD.
:mod:`known_networks`, :mod:`seeded_villages` and :mod:`customers` measure, and :mod:`targets` says
what is claimed.
"""
