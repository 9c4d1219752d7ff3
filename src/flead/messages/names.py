"""What the names in a message stand for: time, device, unit, and everything that is not a measurement."""

import re
from functools import lru_cache

from flead.vocabulary import plain, set_of, words

TIMES = (
    "timestamp",
    "ts",
    "time",
    "datetime",
    "eventtime",
    "measuredat",
    "recordedat",
    "receivedat",
    "publishedat",
    "date",
)
"""Names of a message's own time, the best first."""

DEVICES = (
    "device_id", "deviceId", "device", "dev_id", "deviceName", "deviceInfo.deviceName", "deviceInfo.devEui",
    "end_device_ids.device_id", "devEUI", "devEui", "dev_eui", "src", "node_id", "node", "sensor_id", "station",
    "tags.device", "tags.device_id", "tags.sensor", "tags.node", "tags.topic", "tags.host", "host", "entity_id", "name",
    "id",
)  # fmt: skip
"""Where a message may say whose it is, the best first."""

VALUES = frozenset({"value", "val", "v", "state", "reading", "measurement", "data"})
"""Names of the one number of an object that is about one quantity."""

WRAPPERS = (
    "state.reported", "current.state.reported", "uplink_message.decoded_payload", "decoded_payload", "object", "params",
    "payload", "fields", "values", "readings", "measurements", "telemetry", "data", "sensors",
)  # fmt: skip
"""Objects that hold the measurements, so that their own name is no part of a channel's."""

_CLOCKS = set_of(
    """
    ts time timestamp datetime date clock uptime uptimesec uptimeseconds uptimems runtime epoch lastseen millis
    utc starttime totalstarttime time_zone tz sunrise sunset elapsed_ms
    """
)
_COUNTERS = set_of(
    """
    seq seqno sequence seqnum msgid messageid msgcount messagecount packet packets packetid packetcount fcnt
    framecounter frame linkcount mqttcount bootcount boot boots reboots restarts restartreason cnt_msg txcount
    rxcount counter_tx
    """
)
_VERSIONS = set_of(
    """
    version ver fw firmware fwversion firmwareversion sw swversion hw hwversion installedversion latestversion
    build revision schema schemaversion protocol protocolversion sdk
    """
)
_RADIO = set_of(
    """
    rssi snr lqi linkquality link_quality signalstrength signalquality wifirssi wifisignal lorasnr sf dr
    datarate channelrssi txpower
    """
)
_IDENTIFIERS = set_of(
    """
    id uid cid mid sid pid port fport channel ch subtype deviceid devid nodeid sensorid stationid srcid
    gatewayid unitid groupid typeid modelid serial serialnumber address index idx
    """
)
_MACHINE = set_of(
    """
    heap freeheap freememory loadavg cpuload sleep sleepmode ram ramsize ramfree fsfree fssize
    """
)
_UNITS = frozenset({"unit", "units", "u", "uom", "unitofmeasurement"})

_KINDS = (
    (_CLOCKS, "a clock"),
    (_COUNTERS, "counts messages"),
    (_VERSIONS, "a version"),
    (_RADIO, "how well the radio is heard"),
    (_IDENTIFIERS, "an identifier"),
    (_MACHINE, "about the sender's own computer"),
)

QUANTITIES = set_of(
    """
    temperature temp humidity pressure power apower voltage current energy co2 tvoc voc pm1 pm10 pm25 pm2_5 lux
    illuminance illumination level flow speed rpm vibration acceleration frequency weight load distance moisture
    soil_moisture battery brightness dewpoint dew_point noise gas water rain wind wind_speed pf power_factor
    reactive aenergy tc th value
    """
)
"""What a topic's last level may be called after."""
_COMPONENTS = set_of(
    """
    relay emeter meter sensor sensors switch light input ext_temperature ext_humidity status state adc number
    """
)
_MUTE = frozenset({"state", "value", "status", "get", "data"})


@lru_cache(maxsize=4096)
def kind_of(path: str) -> str:
    """What the value under this name is, if it was not measured; else nothing.

    >>> kind_of("Wifi.RSSI"), kind_of("linkquality"), kind_of("update.installed_version"), kind_of("ENERGY.Power")
    ('how well the radio is heard', 'how well the radio is heard', 'a version', '')
    """
    if "wifi" in path.lower():
        return "how well the radio is heard"
    last = path.rpartition(".")[2]
    bare = plain(last)
    for names, kind in _KINDS:
        if bare in names or last.lower() in names:
            return kind
    return "a clock" if "timestamp" in words(last) else ""


@lru_cache(maxsize=4096)
def is_unit(path: str) -> bool:
    """Whether this says the unit of a value beside it."""
    return plain(path.rpartition(".")[2]) in _UNITS


def is_quantity(level: str) -> bool:
    """Whether a level of a topic is called like a quantity."""
    bare = level.lower()
    return bare in QUANTITIES or bool(
        re.split(r"[^a-z0-9]+", bare)[-1:] and re.split(r"[^a-z0-9]+", bare)[-1] in QUANTITIES
    )


def split_levels(levels: list[str]) -> tuple[list[str], list[str]]:
    """The levels of a topic that name a device, and those at its end that name a channel.

    >>> split_levels(["kitchen", "temperature"]), split_levels(["shelly-a1", "emeter", "0", "power"])
    ((['kitchen'], ['temperature']), (['shelly-a1'], ['emeter', '0', 'power']))
    >>> split_levels(["north", "7"]), split_levels(["temperature"])
    ((['north', '7'], []), (['temperature'], []))
    """
    end = len(levels)
    while end > 1 and levels[end - 1].lower() in _MUTE:
        end -= 1
    if end < 2 or not is_quantity(levels[end - 1]):
        return levels, []
    start = end - 1
    while start > 1 and (levels[start - 1].isdigit() or levels[start - 1].lower() in _COMPONENTS):
        start -= 1
    return levels[:start], levels[start:end]
