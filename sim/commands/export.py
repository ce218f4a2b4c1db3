"""The command ``export``: a study in the formats of other programs."""

from __future__ import annotations

from pathlib import Path

from sim.commands.console import Output
from sim.studies.exporting.exports import export


def export_study(
    study: Path, *, format: str, out: Path | None, overwrite: bool, output: Output
) -> None:
    """Write the files and name them; what the format cannot hold is said."""
    found = export(study, format, out=out, overwrite=overwrite)
    output.show(*(f"Wrote {path}" for path in found.files))
    output.show(*(f"Left out: {sentence}" for sentence in found.left_out))
    output.result({"files": [str(path) for path in found.files], "left_out": list(found.left_out)})
