"""Writes ``deploy`` from the program itself: ``make deploy``; a test fails when it is stale."""

from pathlib import Path

from flead.dashboard.grafana.files import files as grafana_files

DEPLOY = Path(__file__).parent.parent / "deploy"


def files() -> dict[Path, str]:
    """The generated files: path to text."""
    return {DEPLOY / "grafana" / name: text for name, text in grafana_files().items()}


if __name__ == "__main__":
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
