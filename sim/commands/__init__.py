"""What the commands of ``vouch`` do; their flags are declared in :mod:`sim.cli`.

``console`` (what is printed where, and how errors end), ``starter`` (``vouch init``), ``loading``
(scenario and policies from flags), ``tables`` (results as text), ``explain`` (what is on in a
scenario), ``work`` (``run``, ``compare``, ``report``), ``look`` (``phases``, ``networks``).
"""
