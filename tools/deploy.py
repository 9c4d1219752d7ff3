"""Writes ``deploy`` from the program itself: ``make deploy``; tests fail when it is stale."""

from pathlib import Path

from flead.dashboard.grafana.files import files as grafana_files
from flead.stack.compose import compose

DEPLOY = Path(__file__).parent.parent / "deploy"


def dashboards() -> dict[Path, str]:
    """What Grafana is given: path to text."""
    return {DEPLOY / "grafana" / name: text for name, text in grafana_files().items()}


if __name__ == "__main__":
    for path, text in (dashboards() | {DEPLOY / "compose.yaml": compose()}).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
