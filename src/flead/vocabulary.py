"""The words by which columns and cells are known, in the spelling of :func:`plain`."""

import re


def set_of(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


ABSENT = set_of(
    """
    nan nil null none na n/a n.a. #n/a #na #nv #value! #div/0! nv n/v k.a. - -- --- ---- ... . .. * ** *** ? ??
    ??? x unavailable unknown undefined undef missing empty invalid bad badinput baddata badvalue badquality
    nodata novalue noreading no_data not_available notavailable notconnected disconnected offline timeout
    iotimeout i/otimeout commfail commfailure commerror comm err error fault failed fail overflow underflow
    overrange underrange ol over under outofrange ptcreated shutdown scanoff noresult resizetoshow configure
    calcfailed inf -inf +inf infinity -infinity +infinity 1.#qnan -1.#ind 1.#inf -1.#inf -nan +nan
    """
)
"""Cells that say there is no value, without their spaces."""

TRUE = frozenset(
    {"on", "true", "yes", "open", "opened", "active", "high", "detected", "an", "ein", "wahr", "ja", "oui"}
)
FALSE = frozenset({"off", "false", "no", "closed", "inactive", "low", "clear", "aus", "falsch", "nein", "non"})

TIMES = (
    "timestamp", "_time", "datetime", "time", "ts", "eventtime", "measuredat", "recordedat", "sampletime",
    "lastchanged", "lastupdated", "createdat", "receivedat", "publishedat", "observedat", "zeitstempel", "dateandtime",
    "datumzeit",
    "datumuhrzeit", "fechahora", "horodatage", "tijdstip", "date", "datum", "zeit", "fecha", "hora", "utc", "epoch",
    "unixtime", "epochtime", "t", "when", "moment", "clock", "uhrzeit", "heure", "tijd", "dato", "tid",
)  # fmt: skip
"""Names of the column of times, the best first."""
OTHER_MEANINGS = frozenset({"t", "when", "moment", "clock", "dato", "tid", "tijd", "uhrzeit", "heure", "hora"})
"""Those that may as well be of something else."""
TIME_WORDS = set_of(
    """
    timestamp time datetime date datum zeit zeitstempel fecha hora heure tijd dato epoch utc uhrzeit
    """
)
CLOCKS = set_of(
    """
    time zeit uhrzeit hora heure tijd tid clock timeofday localtime
    """
)

LABELS = "label"

DEVICES = (
    "deviceid", "device", "devid", "deviceeui", "deveui", "devicename", "entityid", "sensorid", "nodeid", "stationid",
    "station", "node", "machineid", "machine", "assetid", "asset", "equipment", "equipmentid", "meterid", "meter",
    "host", "hostname", "gateway", "thing", "thingid", "unitid", "serialnumber", "serial", "mac", "probe", "probeid",
    "instance", "deviceuid", "uuid", "id", "room", "location", "site", "topic", "tagname", "name", "geraet", "gerät",
)  # fmt: skip
"""Names of the column of devices, the best first. Those from ``WEAK_DEVICES`` on count only where they are needed."""
WEAK_DEVICES = set_of(
    """
    id room location site topic name tagname unitid uuid
    """
)

METRICS = (
    "metric", "metricname", "_field", "field", "variable", "parameter", "channel", "quantity", "measurand",
    "observedproperty", "measurement", "property", "attribute", "key", "signal", "tag", "tagname", "item", "point",
    "pointname", "sensor", "sensorname", "sensortype", "type", "name", "messgroesse", "messgröße",
)  # fmt: skip
VALUES = ("value", "_value", "val", "reading", "state", "result", "measurement", "data", "wert", "valor", "valeur")

COUNTERS = set_of(
    """
    record recordno recordnumber index idx # no nr row rownumber rowid seq sequence line rn id n
    """
)
"""Columns that may number the rows: whether they do, their cells say."""

ANNOTATIONS = set_of(
    """
    unit units unitofmeasurement quality status flag flags comment note remark
    """
)

UNITS = set_of(
    """
    ° °c °f c f k degc degf deg degrees celsius fahrenheit kelvin % %rh rh pct percent percentage v mv kv volt
    volts a ma ka amp amps ampere w mw kw gw watt watts va kva var kvar wh kwh mwh j kj mj cal kcal btu hz khz
    mhz ghz rpm 1/min u/min s sec ms us ns min h hr hrs d m cm mm km um µm in ft mi m/s km/h mph kn kt knots
    m/s² m/s^2 m/s2 g mg µg kg t lb lbs oz l ml hl m3 m³ l/min l/h l/s m3/h m³/h gpm cfm pa hpa kpa mpa bar mbar
    psi inhg mmhg atm ppm ppb ppt db dba dbm lx lux lm cd ohm ohms kohm mohm ω f/m h/m t/m tesla gauss µt ut n
    nm kn mol mol/l ph ntu ms/cm µs/cm us/cm w/m2 w/m² w/m^2 µmol/m²/s ug/m3 µg/m3 µg/m³ mg/m3 mg/m³ mg/l g/m3
    g/m³ kg/m3 kg/m³ rad rad/s deg/s degrees_true counts count cts pcs rn ts tn smp avg tot std cos pf var/h eur
    usd ah mah ppmv c/s cpm usv/h µsv/h usv
    """
)
"""Units of measurement, for rows of units and for units in cells and headers."""

_EDGES = re.compile(r"[\s_\-./:]+")


def plain(name: str) -> str:
    """A name without case, spaces, punctuation between its words and units in brackets; a leading ``_`` stays.

    >>> plain("Time Stamp [UTC]"), plain("_time"), plain("Date/Time"), plain("device_id")
    ('timestamp', '_time', 'datetime', 'deviceid')
    """
    bare = re.sub(r"\s*[\[({].*?[\])}]\s*", "", name).split(",")[0].strip().strip("'\"").lower()
    lead = "_" if bare.startswith("_") else ""
    return lead + _EDGES.sub("", bare)


def words(name: str) -> set[str]:
    """The words of a name: ``lastSeenTime`` has three."""
    apart = re.sub(r"([a-z])([A-Z])", r"\1 \2", name)
    return {word for word in re.split(r"[^a-zäöüß]+", apart.lower()) if word}


def is_absent(cell: str) -> bool:
    """Whether a cell says that there is no value."""
    return re.sub(r"[\s\[\]<>()]+", "", cell).lower() in ABSENT


def unit_of(name: str) -> str:
    """The unit that a column's name says in brackets or behind a comma, else nothing.

    >>> unit_of("Temp [°C]"), unit_of("Hum, %"), unit_of("Temp, °C (LGR S/N: 12)"), unit_of("flow")
    ('°C', '%', '°C', '')
    """
    found = re.search(r"[\[(]\s*([^\[\]()]{1,12}?)\s*[\])]\s*$", name)
    if found and found[1].lower() in UNITS:
        return found[1]
    found = re.search(r",\s*([^\s,()]{1,12})", name)
    return found[1] if found and found[1].lower() in UNITS else ""


def is_unit(cell: str) -> bool:
    """Whether a cell is a unit of measurement, bare or in brackets."""
    bare = cell.strip().strip("[]()").strip().lower()
    return bare in UNITS or bare.replace(" ", "") in UNITS
