"""What one device's source was understood as, for its page and the API."""

import msgspec

from flead.ingest.recognise.understanding import Account, Channel, Count, Guess, LeftOut

MOST_FILES = 20


class DeviceSource(msgspec.Struct):
    """How the readings of a device were read from files."""

    source: str
    files: list[str]
    """The first of them."""
    file_count: int
    guesses: list[Guess]
    channels: list[Channel]
    """With units; their ranges are of all devices of these files."""
    left_out: list[LeftOut]
    warnings: list[str]
    absent: list[Count]
    """Cells of its files that hold no value, by channel and reason."""
    sensor_faults: list[str]
    """Channels whose sensor has said, with a value of its own, that it has none."""


def device_source(account: Account, device: str) -> DeviceSource | None:
    """What is known of this device; None if no file of the account has readings of it."""
    reports = [report for report in account.files if device in report.devices]
    if not reports:
        return None
    files = {report.file for report in reports}
    forms = [understood for understood in account.understandings if files & set(understood.files)]
    absent: dict[tuple[str, str], Count] = {}
    faults: dict[str, None] = {}
    for report in reports:
        faults |= dict.fromkeys(report.faults.get(device, []))
        for count in report.absent:
            known = absent.setdefault((count.column, count.reason), Count(count.reason, 0, count.column))
            known.see(count.count, count.examples)
    return DeviceSource(
        source=account.source,
        files=[report.file for report in reports][:MOST_FILES],
        file_count=len(reports),
        guesses=list({guess.what: guess for form in forms for guess in form.guesses}.values()),
        channels=list({channel.name: channel for form in forms for channel in form.channels}.values()),
        left_out=list({out.column: out for form in forms for out in form.left_out}.values()),
        warnings=list(dict.fromkeys(warning for form in forms for warning in form.warnings)),
        absent=list(absent.values()),
        sensor_faults=list(faults),
    )
