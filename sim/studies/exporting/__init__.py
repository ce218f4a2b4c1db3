"""Exporting: studies in the formats of other programs.

``saved_study`` (read back, a batch at a time), ``workbook`` (Excel), ``netcdf``, ``exports``.
"""
