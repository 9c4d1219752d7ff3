"""JSON to tables: lines of objects, lists of objects, and the answers of databases that are documented.

Nested objects become columns with dotted names: ``{"ENERGY": {"Power": 5}}`` is a column ``ENERGY.Power``.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import polars as pl

_BOM = "\ufeff".encode()
_decode = msgspec.json.decode


class Document(NamedTuple):
    """A table, and what of it was none."""

    frame: pl.DataFrame
    malformed: dict[int, tuple[str, bytes]]
    """Place among all rows -> reason and bytes."""
    units: dict[str, str]


def is_document(text: bytes) -> bool:
    """Whether a text is JSON, or lines of it."""
    start = text[:4096].lstrip(b" \t\r\n" + _BOM)
    if not start.startswith((b"{", b"[")):
        return False
    if start.startswith(b"["):
        return start[1:].lstrip()[:1] in (b"{", b"[", b"]")
    return start[1:].lstrip()[:1] in (b'"', b"}")


def tables(text: bytes) -> Iterator[Document]:
    """The tables of a document; a line that is no object is malformed."""
    try:
        whole = _decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        yield _lines(text)
        return
    yield from _of_document(whole)


def flattened(frame: pl.DataFrame) -> pl.DataFrame:
    """A frame whose structs are columns of their own, and whose lists are text."""
    while any(dtype == pl.Struct for dtype in frame.dtypes):
        for name, dtype in frame.schema.items():
            if dtype == pl.Struct:
                fields = [f"{name}.{field.name}" for field in dtype.fields]  # type: ignore[attr-defined]
                frame = frame.with_columns(pl.col(name).struct.rename_fields(fields)).unnest(name)
    lists = [name for name, dtype in frame.schema.items() if dtype.is_nested()]
    return frame.drop(lists)


def flatten(record: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """An object without objects in it, the names joined by points."""
    flat: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{name}.")
        elif not isinstance(value, list):
            flat[prefix + name] = value
    return flat


def _lines(text: bytes) -> Document:
    rows: list[dict[str, Any]] = []
    malformed: dict[int, tuple[str, bytes]] = {}
    for line in text.split(b"\n"):
        line = line.strip(b" \t\r\x00" + _BOM)
        if not line:
            continue
        place = len(rows) + len(malformed)
        try:
            record = _decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            malformed[place] = "the line is no JSON", line
            continue
        if isinstance(record, dict):
            rows.append(_measured(record))
        else:
            malformed[place] = "the line is no JSON object", line
    return Document(_frame(rows), malformed, {})


def _measured(record: dict[str, Any]) -> dict[str, Any]:
    """A record whose measurements are under a name of their own, flat; names that mean the same are one."""
    for own in ("fields", "values", "data"):
        if isinstance(record.get(own), dict):
            rest = {name: value for name, value in record.items() if name != own}
            tags = rest.pop("tags", None)
            flat = flatten(rest)
            if isinstance(tags, dict):
                flat |= {f"{name}": value for name, value in flatten(tags).items() if name not in flat}
            return flat | flatten(record[own])
    return flatten(record)


def _frame(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: [_text(row.get(name)) for row in rows] for name in names}
    return pl.DataFrame(columns, schema=dict.fromkeys(names, pl.String))


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)


def _of_document(whole: Any) -> Iterator[Document]:
    if isinstance(whole, list):
        yield from _of_list(whole)
    elif isinstance(whole, dict):
        if isinstance(whole.get("data"), dict) and isinstance(whole["data"].get("result"), list):
            yield _of_prometheus(whole["data"]["result"])
        elif isinstance(whole.get("results"), list):
            yield from _of_influx(whole["results"])
        elif whole and all(_is_series(value) for value in whole.values()):
            yield _of_thingsboard(whole)
        else:
            yield from _of_object(whole)


def _of_list(whole: list[Any]) -> Iterator[Document]:
    if whole and all(isinstance(one, list) for one in whole):
        # Home Assistant: a list an entity, whose later states may leave out what the first has said.
        rows = []
        for series in whole:
            said: dict[str, Any] = {}
            for record in series:
                if isinstance(record, dict):
                    flat = _home_assistant(record)
                    said |= {
                        name: value for name, value in flat.items() if name in ("entity_id", "unit_of_measurement")
                    }
                    rows.append(said | flat)
        yield Document(_frame(rows), {}, {})
        return
    rows, malformed = [], {}
    for place, record in enumerate(whole):
        if isinstance(record, dict):
            rows.append(_measured(_home_assistant(record) if "entity_id" in record else record))
        else:
            malformed[place] = "the entry is no JSON object", msgspec.json.encode(record)
    yield Document(_frame(rows), malformed, {})


def _home_assistant(record: dict[str, Any]) -> dict[str, Any]:
    attributes = record.get("attributes")
    unit = attributes.get("unit_of_measurement") if isinstance(attributes, dict) else None
    kept = {name: value for name, value in record.items() if name in ("entity_id", "state", "last_changed")}
    when = record.get("last_changed") or record.get("last_updated")
    return kept | {"last_changed": when} | ({"unit_of_measurement": unit} if unit else {})


def _of_prometheus(result: list[Any]) -> Document:
    rows = []
    said = [dict(series.get("metric", {})) for series in result]
    names = dict.fromkeys(name for labels in said for name in labels if name != "__name__")
    # What is the same in all series tells nothing.
    telling = [name for name in names if len({labels.get(name) for labels in said}) > 1]
    telling = telling or [name for name in ("device", "sensor", "instance", "host", "node") if name in names][:1]
    for series, labels in zip(result, said, strict=True):
        metric = labels.get("__name__", "value")
        device = " ".join(labels[name] for name in telling if name in labels)
        for time, value in series.get("values") or [series.get("value") or (None, None)]:
            rows.append({"timestamp": time, "device": device or None, "metric": metric, "value": value})
    return Document(_frame(rows), {}, {})


def _of_influx(results: list[Any]) -> Iterator[Document]:
    for result in results:
        rows = []
        for series in result.get("series", []):
            tags = {"device": " ".join(map(str, series["tags"].values()))} if series.get("tags") else {}
            rows += [tags | dict(zip(series["columns"], row, strict=False)) for row in series.get("values", [])]
        yield Document(_frame(rows), {}, {})


def _is_series(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict) and {"ts", "value"} <= value[0].keys()


def _of_thingsboard(whole: dict[str, Any]) -> Document:
    rows = [
        {"ts": point.get("ts"), "metric": name, "value": point.get("value")}
        for name, series in whole.items()
        for point in series
    ]
    return Document(_frame(rows), {}, {})


def _of_object(whole: dict[str, Any]) -> Iterator[Document]:
    """An object that has a table somewhere: a list of objects, or lists of the same length."""
    for name, value in whole.items():
        if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
            yield from _of_list(value)
            return
        if isinstance(value, dict) and _are_columns(value):
            units = whole.get(f"{name}_units")
            yield _of_columns(value, units if isinstance(units, dict) else {})
            return
    if _are_columns(whole):
        yield _of_columns(whole, {})
    else:
        yield Document(_frame([_measured(whole)]), {}, {})


def _are_columns(value: dict[str, Any]) -> bool:
    lists = [one for one in value.values() if isinstance(one, list)]
    scalars = all(not isinstance(one, dict | list) for column in lists for one in column[:3])
    return len(lists) > 1 and len({len(one) for one in lists}) == 1 and len(lists[0]) > 0 and scalars


def _of_columns(value: dict[str, Any], units: dict[str, Any]) -> Document:
    columns = {name: [_text(one) for one in column] for name, column in value.items() if isinstance(column, list)}
    frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
    return Document(frame, {}, {name: str(unit) for name, unit in units.items()})
