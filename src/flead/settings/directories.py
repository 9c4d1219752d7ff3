"""Where FLEAD keeps its files."""

from pathlib import Path

from pydantic import Field

from flead.settings.section import Section


class DirectorySettings(Section):
    """Where FLEAD keeps its files."""

    data_dir: Path = Field(Path(".flead"), description="Directory of the embedded database and of all logs.")
    cache_dir: Path = Field(Path("~/.cache/flead"), description="Where the platform keeps its downloads.")
