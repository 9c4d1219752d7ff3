"""What a source was understood as, in words: in full for `flead look`, short where a run begins and ends."""

from collections.abc import Iterator, Sequence

from flead.ingest.recognise.understanding import Account, Channel, Count, FileReport, LeftOut, Understanding

_MOST_NAMES = 8
_MOST_FILES = 20


def at_start(account: Account) -> list[str]:
    """A line for each form of files, and one for each warning."""
    lines = []
    for understood in account.understandings:
        lines.append(f"{account.source}: {_short(understood)}")
        if understood.left_out:
            left = [f"{out.column} ({out.reason}{_remedy(out)})" for out in understood.left_out]
            lines.append(f"  left out: {listed(left)}")
        lines += [f"  warning: {warning}" for warning in understood.warnings]
    return lines


def at_end(account: Account, given_before: int = 0) -> list[str]:
    """A line a file, those with something to tell first, and warnings where little or nothing was read."""
    told = sorted(account.files, key=lambda file: not (file.rejected or file.absent))
    lines = [_of_file(file) for file in told[:_MOST_FILES]]
    rest = told[_MOST_FILES:]
    if rest:
        count = sum(file.readings for file in rest)
        lines.append(f"{len(rest)} more files: {count:,} readings, {sum(file.lost for file in rest):,} rejected")
    if given_before:
        lines.append(f"{given_before:,} rows of these had been read before; --fresh reads them again")
    return lines + warnings_of(account)


def warnings_of(account: Account) -> list[str]:
    """Where nothing or less than half was read: why."""
    look = f'`flead look "{account.source}"` shows how the files were understood'
    bad = [file for file in account.files if file.lost and 2 * file.lost >= file.rows]
    if not account.readings:
        why = f": {_reasons([count for file in account.files for count in file.rejected])}" if bad else ""
        return [f"warning: {account.source}: nothing was read{why}; {look}"]
    return [
        f"warning: {file.file}: {file.lost:,} of {file.rows:,} rows were rejected: {_reasons(file.rejected)}; {look}"
        for file in bad[:_MOST_FILES]
    ]


def in_full(account: Account) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    """Tables of what was understood: a title, and rows of which the first has the names of the columns."""
    for understood in account.understandings:
        title = f"{listed(understood.files)}: {_period(understood)}"
        guesses = [(guess.what, guess.value, guess.reason, guess.setting) for guess in understood.guesses]
        yield title, [("what", "understood as", "because", "flead.toml"), *guesses]
        channels = [
            (channel.name, channel.unit, _range(channel), f"{channel.values:,}", _limits(channel))
            for channel in understood.channels
        ]
        if channels:
            yield "channels", [("channel", "unit", "range", "values", "flead.toml"), *channels]
        if understood.left_out:
            left = [(out.column, out.reason, out.setting) for out in understood.left_out]
            yield "left out", [("column", "because it", "flead.toml"), *left]
    files = [
        (
            file.file,
            listed(file.devices),
            f"{file.rows:,}",
            f"{file.readings:,}",
            f"{file.lost:,}",
            _reasons(file.rejected),
        )
        for file in account.files
    ]
    if files:
        yield "files", [("file", "devices", "rows", "readings", "rejected", "because"), *files]
    absent = [
        (file.file, count.column, count.reason, f"{count.count:,}", ", ".join(count.examples))
        for file in account.files
        for count in file.absent
    ]
    if absent:
        yield "absent values", [("file", "channel", "because the cell is", "cells", "such as"), *absent]


def listed(names: Sequence[str], most: int = _MOST_NAMES) -> str:
    """The first names, and how many there are more."""
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most:,} more" if len(names) > most else shown


def _short(understood: Understanding) -> str:
    said = {guess.what: guess.value for guess in understood.guesses}
    count = len(understood.files)
    files = understood.files[0] if count == 1 else f"{count:,} files"
    form = [said["packing"]] if "packing" in said else []
    form += [f"{said['separator']} between cells"] if "separator" in said else []
    form += ["decimal comma"] if "decimal sign" in said else []
    form += [said["encoding"]] if "encoding" in said else []
    time = f"times in {said['time']} ({said['time format']}, {said['time zone']})" if "time" in said else "no times"
    names = listed([_with_unit(channel) for channel in understood.channels])
    devices = (
        ""
        if understood.shape == "wide" and said["devices"].startswith("the files")
        else f", devices from {said.get('devices', 'columns')}"
    )
    channels = "channels" if len(understood.channels) != 1 else "channel"
    shown = f"{len(understood.channels)} {channels}: {names}" if understood.channels else "no channel"
    return f"{files}: {', '.join([understood.shape, *form])}; {time}{devices}; {shown}"


def _remedy(out: LeftOut) -> str:
    return f": {out.setting} reads it" if out.setting.startswith("booleans") else ""


def _with_unit(channel: Channel) -> str:
    return channel.name if channel.unit in channel.name else f"{channel.name} [{channel.unit}]"


def _of_file(file: FileReport) -> str:
    devices = f" of {listed(file.devices, 3)}" if file.devices else ""
    line = f"{file.file}: {file.readings:,} {'reading' if file.readings == 1 else 'readings'}{devices}"
    if file.rejected:
        line += f", {file.lost:,} rejected ({_reasons(file.rejected)})"
    if file.wordy:
        line += f", {file.other:,} rows of words left out ({listed(file.wordy, 3)})"
    if file.absent:
        cells = [f"{count.column} {count.count:,} × {count.reason}{_example(count)}" for count in file.absent]
        line += f"; absent values: {listed(cells, 5)}"
    if file.faults:
        line += f"; sensor fault: {listed([f'{device} {listed(names)}' for device, names in file.faults.items()], 3)}"
    return line


def _reasons(counts: Sequence[Count]) -> str:
    """Reasons by how often they are, with an example each."""
    together: dict[str, Count] = {}
    for count in counts:
        together.setdefault(count.reason, Count(count.reason)).see(count.count, count.examples)
    ranked = sorted(together.values(), key=lambda count: -count.count)
    return "; ".join(f"{count.reason} ({count.count:,}{_such_as(count)})" for count in ranked[:3])


def _such_as(count: Count) -> str:
    return f", such as {count.examples[0]!r}" if count.examples else ""


def _example(count: Count) -> str:
    return f" ({', '.join(count.examples)})" if count.examples else ""


def _period(understood: Understanding) -> str:
    if not understood.first:
        return "no readings"
    every = f", a reading every {understood.interval:g} s" if understood.interval else ""
    return f"{understood.first} to {understood.last}{every}"


def _range(channel: Channel) -> str:
    return "" if channel.lowest is None or channel.highest is None else f"{channel.lowest:g} to {channel.highest:g}"


def _limits(channel: Channel) -> str:
    bare = channel.name.replace("_", "").replace("-", "").isalnum() and channel.name.isascii()
    return f"limits.{channel.name if bare else chr(34) + channel.name + chr(34)} = [LOW, HIGH]"
