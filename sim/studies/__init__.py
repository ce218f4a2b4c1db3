"""Studies: runs compared with each other, and the folders they leave.

Reading order: ``statistics`` (intervals of paired runs), ``wording`` (figures as text), ``cascade``
(the largest referral tree), ``replicate`` (policies in one world, in parallel), ``verdict`` (what
it comes to, in a sentence), ``files`` (the folder of a study), ``comparison`` (the runs and what
they say), ``compare`` (making them). Claims tried again: ``uncertainty`` (what is not known
exactly), ``claim_files`` (what is said to hold), ``renumbering`` and ``claim_variants`` (what must
not matter), ``claim_verdicts`` (the rules), ``claims`` (trying them), ``claim_wording``.
"""
