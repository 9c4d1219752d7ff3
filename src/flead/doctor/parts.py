"""Which optional parts are installed."""

from flead.doctor.finding import Finding, ok, problem
from flead.optional_parts import how_to_install, missing_packages
from flead.settings import Settings

SHOWN = ("embedded", "agent", "privacy", "platform", "spark")


def parts(settings: Settings) -> Finding:
    """Complete parts and missing ones; ``flead run`` cannot do without the first."""
    del settings
    missing = {extra: missing_packages(extra) for extra in SHOWN}
    complete = [extra for extra, packages in missing.items() if not packages]
    absent = [extra for extra, packages in missing.items() if packages]
    said = f"installed: {', '.join(complete) or 'none'}; not installed: {', '.join(absent) or 'none'}"
    if missing["embedded"]:
        return problem(f"{said}; flead run lacks {', '.join(missing['embedded'])}", how_to_install("embedded"))
    return ok(said)
