"""Sweeps: the design of a study, its store, and the runs that fill it.

Reading order: ``factors`` (what can be varied), ``sampling`` (grids and samples of them),
``study_file`` (the TOML file), ``design`` (policies by worlds by points by replications, and the
key of each run), ``saved_design`` (kept in the folder); ``parts`` (Parquet files of finished runs),
``journal`` (what became of each), ``lock``, ``store`` (the folder), ``gathering`` (parts into
outcomes); ``batches`` (runs, done by whoever), ``watched`` (on the workers of an executor),
``cluster`` (Dask), ``foreman`` (who does what),
``estimate`` (before it starts), ``sweep``, ``replay`` (one run again).
"""
