"""Studies: runs compared with each other, and the folders they leave.

Reading order: ``resampling`` (draws by address), ``statistics`` (intervals of paired runs),
``multiple`` (which policies can be told apart, all together), ``dip`` and ``bimodality`` (runs that
end in two ways), ``wording`` (figures as text), ``cascade`` (the largest referral tree), ``crews``
(who does the work), ``replicate`` (policies in one world), ``verdict`` (what it comes to, in a
sentence), ``dictionary`` (what each column is), ``files`` (the folder of a study), ``comparison``
(the runs and what they say), ``compare`` (making them). Claims tried again: ``uncertainty`` (what
is not known exactly), ``claim_files`` (what is said to hold), ``renumbering`` and
``claim_variants`` (what must not matter), ``claim_verdicts`` (the rules), ``claims`` (trying them),
``claim_wording``.

Many worlds and settings: ``sweeps/`` (the design, the store, the runs), ``findings/`` (what they
say, in a memo), ``ranking/`` (the best with few runs), ``sensitivity/`` (what moves the answer),
``optimizing/`` (the best setting, inverse questions), ``exporting/`` (other formats).
"""
