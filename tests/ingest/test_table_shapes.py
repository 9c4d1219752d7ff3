"""Wide and long tables, columns that are devices, files by day and by device, and what databases export."""

import json
from pathlib import Path

import pytest

from flead.columns import Devices
from flead.ingest.errors import SourceError
from tests.ingest.drain import rest
from tests.ingest.recognised import one, read, source_of, times, values

T = ["2024-06-01T07:00:00", "2024-06-01T07:05:00", "2024-06-01T07:10:00"]


def test_a_long_table_is_joined_by_device_and_time(tmp_path: Path):
    text = "time,device_id,metric,value\n" + "".join(
        f"{time}Z,{device},{metric},{value}\n"
        for time in T
        for device, metric, value in (("n1", "t", 20.5), ("n1", "p", 3), ("n2", "t", 21.5))
    )
    source = source_of(tmp_path, {"export.csv": text})
    found = read(source)
    assert found == {
        "n1": [(time, {"t": 20.5, "p": 3}) for time in T],
        "n2": [(time, {"t": 21.5}) for time in T],
    }
    (report,) = source.account.files
    assert (report.rows, report.readings, report.joined) == (9, 6, 3)


def test_a_long_table_whose_times_come_twice_loses_nothing(tmp_path: Path):
    text = "time,tag,value\n" + "".join(
        f"{T[0]}Z,{tag},{value}\n" for tag, value in (("a", 1), ("b", 2), ("a", 3), ("b", 4))
    )
    assert one(tmp_path, text) == [(T[0], {"a": 1, "b": 2}), (T[0], {"a": 3, "b": 4})]


def test_one_channel_of_a_long_table(tmp_path: Path):
    text = "time,metric,value\n" + "".join(f"{time}Z,{m},{v}\n" for time in T for m, v in (("t", 1), ("p", 2)))
    source = source_of(tmp_path, {"a.csv": text}, channel="p")
    assert values(read(source)["a"]) == [{"p": 2}] * 3
    assert source.account.files[0].other == 3
    with pytest.raises(SourceError, match="has no column 'q' for --channel"):
        read(source_of(tmp_path, {"a.csv": text}, channel="q"))


def test_bad_values_of_a_long_table_are_rejected_rows(tmp_path: Path):
    text = "time,metric,value\n" + "".join(f"{time}Z,{m},{v}\n" for time in T for m, v in (("t", 1), ("p", "Bad")))
    source = source_of(tmp_path, {"a.csv": text})
    assert values(read(source)["a"]) == [{"t": 1}] * 3
    assert source.account.rejected == 3


def test_a_wide_table_whose_rows_name_their_device(tmp_path: Path):
    text = "Time;Station;T;H\n" + "".join(
        f"{time};{s};{n},5;4{n}\n" for time in T for n, s in enumerate(("north", "south"))
    )
    found = read(source_of(tmp_path, {"met.csv": text}))
    assert found["south"] == [(time, {"T": 1.5, "H": 41}) for time in T]
    assert len(found) == 2


def test_numbers_may_name_devices(tmp_path: Path):
    text = "time,sensor_id,t\n" + "".join(f"{time},{n},{n + 0.5}\n" for time in T for n in (12, 15))
    assert read(source_of(tmp_path, {"a.csv": text}))["15"] == [(time, {"t": 15.5}) for time in T]


def test_rows_of_the_same_time_are_told_apart_by_what_differs(tmp_path: Path):
    text = "time,building,floor,t,note\n" + "".join(
        f"{time},{b},{f},{n},ok\n"
        for time in T
        for n, (b, f) in enumerate((("A", "up"), ("A", "down"), ("B", "up"), ("B", "down")))
    )
    found = read(source_of(tmp_path, {"a.csv": text}))
    assert set(found) == {"A up", "A down", "B up", "B down"}
    assert found["B up"] == [(time, {"t": 2}) for time in T]


def test_a_note_in_every_row_is_no_device(tmp_path: Path):
    text = "time,t,state\n" + "".join(f"{time},{n},{'run' if n else 'stop'}\n" for n, time in enumerate(T))
    assert len(one(tmp_path, text)) == 3


@pytest.mark.parametrize(
    ("names", "devices"),
    [
        ("pump_1,pump_2,pump_3", {"pump_1": "value", "pump_2": "value"}),
        ("room 1 temp,room 1 co2,room 2 temp,room 2 co2", {"room 1": "co2", "room 2": "co2"}),
        ("tank1.level,tank1.flow,tank2.level,tank2.flow", {"tank1": "level", "tank2": "flow"}),
        ('"temp {host=""a""}","temp {host=""b""}"', {"a": "temp", "b": "temp"}),
    ],
)
def test_columns_that_are_devices(tmp_path: Path, names: str, devices: dict[str, str]):
    width = names.count(",") + 1
    text = f"time,{names}\n" + "".join(f"{time}," + ",".join(str(n + 0.5) for n in range(width)) + "\n" for time in T)
    source = source_of(tmp_path, {"all.csv": text})
    found = read(source)
    assert source.account.understandings[0].shape == "devices as columns"
    for device, channel in devices.items():
        assert channel in values(found[device])[0]


@pytest.mark.parametrize(
    "names", ["c0,c1,c2", "temp_in,temp_out,hum_in,hum_out", "x_1,y_1,x_2,y_2", "UNIT1.FI1.PV,UNIT1.TI2.PV"]
)
def test_columns_that_are_channels(tmp_path: Path, names: str):
    text = f"time,{names}\n" + "".join(f"{time}," + ",".join("12345"[: names.count(",") + 1]) + "\n" for time in T)
    assert list(values(one(tmp_path, text))[0]) == names.split(",")


def test_what_columns_are_is_a_setting(tmp_path: Path):
    text = "time,c0,c1\n" + "".join(f"{time},1,\n" for time in T)
    source = source_of(tmp_path, {"all.csv": text}, shape="devices")
    assert set(read(source)) == {"c0"}
    assert source.account.files[0].rows == 3


def day(number: int) -> str:
    return "time,x\n" + "".join(f"2024-06-0{number} 0{hour}:00,{hour}\n" for hour in range(4))


def test_a_file_a_day_is_one_device(tmp_path: Path):
    files = {f"pump7_2024-06-0{n}.csv": day(n) for n in (3, 1, 2)}
    found = read(source_of(tmp_path, files))
    assert list(found) == ["pump7"]
    assert times(found["pump7"])[3:5] == ["2024-06-01T03:00:00", "2024-06-02T00:00:00"]


@pytest.mark.parametrize(
    ("names", "devices"),
    [
        (["20240601.csv", "20240602.csv"], {"plant"}),
        (["a/2024-06-01.csv", "a/2024-06-02.csv", "b/2024-06-01.csv"], {"a", "b"}),
        (["2024/06/01/a.csv", "2024/06/02/a.csv", "b.csv"], {"a", "b"}),
        (["a/2024/06/01.csv", "a/2024/06/02.csv"], {"a"}),
        (["01.06.2024 cellar.csv", "02.06.2024 cellar.csv"], {"cellar"}),
        (["device_1999.csv", "device_20.csv", "device_201.csv"], {"device_1999", "device_20", "device_201"}),
        (["north/t.csv", "south/t.csv"], {"north/t", "south/t"}),
    ],
)
def test_devices_by_the_names_of_files(tmp_path: Path, names: list[str], devices: set[str]):
    folder = tmp_path / "plant"
    assert set(read(source_of(folder, dict.fromkeys(names, day(1))))) == devices


def test_a_growing_file_a_new_one_and_one_that_went_are_read_once(tmp_path: Path):
    rows = "time,x\n" + "".join(f"2024-06-01 07:{n:02},{n}\n" for n in range(10))
    source = source_of(tmp_path, {"a.csv": rows, "b.csv": rows})
    source.open(Devices(), None)
    assert rest(source)[0].size == 20
    position = source.snapshot()
    (tmp_path / "b.csv").unlink()
    more = rows + "".join(f"2024-06-01 08:{n:02},{n}\n" for n in range(5))
    grown = source_of(tmp_path, {"a.csv": more, "c.csv": rows})
    grown.open(Devices(), position)
    assert rest(grown)[0].size == 15
    assert grown.given_before == 10


INFLUX = """#group,false,false,true,true,false,false,true,true,true,true
#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,double,string,string,string,string
#default,last,,,,,,,,,
,result,table,_start,_stop,_time,_value,_field,_measurement,site,pump
"""


def test_annotated_csv_of_influxdb(tmp_path: Path):
    rows = [
        f",,{table},2024-06-01T00:00:00Z,2024-06-02T00:00:00Z,{time}Z,{value},{field},motor,{site},{pump}\n"
        for table, (field, site, pump, value) in enumerate(
            [("rpm", "east", "1", 1450), ("rpm", "west", "1", 1460), ("amps", "east", "1", 3.5)]
        )
        for time in T
    ]
    again = INFLUX.replace(",site,pump", ",site,pump")
    text = INFLUX + "".join(rows[:6]) + "\n" + again + "".join(rows[6:])
    found = read(source_of(tmp_path, {"query.csv": text.replace("\n", "\r\n")}))
    assert set(found) == {"east 1", "west 1"}
    assert values(found["west 1"]) == [{"rpm": 1460}] * 3
    assert sum(map(len, values(found["east 1"]))) == 6


def test_csv_of_influxdb_1(tmp_path: Path):
    text = "name,time,host,load\n" + "".join(
        f"cpu,{1717225200 + 60 * n}000000000,{h},{n}\n" for n in range(3) for h in "ab"
    )
    found = read(source_of(tmp_path, {"cpu.csv": text}))
    assert set(found) == {"a", "b"}
    assert values(found["a"]) == [{"load": 0}, {"load": 1}, {"load": 2}]


def test_history_of_home_assistant_as_csv(tmp_path: Path):
    text = "entity_id,state,last_changed\n" + "".join(
        f"sensor.{name},{state},2024-06-01T07:0{n}:00.000Z\n"
        for name, states in (("attic", ("21.5", "unavailable", "22")), ("door", ("on", "off", "on")))
        for n, state in enumerate(states)
    )
    found = read(source_of(tmp_path, {"history.csv": text}))
    assert found == {"sensor.attic": [(T[0], {"state": 21.5}), ("2024-06-01T07:02:00", {"state": 22})]}


def dumped(thing: object) -> str:
    return json.dumps(thing)


def test_history_of_home_assistant_as_json(tmp_path: Path):
    attic = [
        {
            "entity_id": "sensor.attic",
            "state": "21.5",
            "attributes": {"unit_of_measurement": "°C"},
            "last_changed": T[0] + "+00:00",
        },
        {"state": "22.5", "last_changed": T[1] + "+00:00"},
    ]
    yard = [
        {"entity_id": "sensor.yard", "state": "unknown", "last_changed": T[0] + "Z"},
        {"state": "9", "last_changed": T[1] + "Z"},
    ]
    found = read(source_of(tmp_path, {"h.json": dumped([attic, yard])}))
    assert found == {
        "sensor.attic": [(T[0], {"state": 21.5}), (T[1], {"state": 22.5})],
        "sensor.yard": [(T[1], {"state": 9})],
    }


def test_a_range_query_of_prometheus(tmp_path: Path):
    result = [
        {
            "metric": {"__name__": metric, "instance": host},
            "values": [[1717225200 + 300 * n, str(n + start)] for n in range(3)],
        }
        for metric, host, start in (("load", "a:9100", 0), ("load", "b:9100", 5), ("temp", "a:9100", 40))
    ]
    whole = {"status": "success", "data": {"resultType": "matrix", "result": result}}
    found = read(source_of(tmp_path, {"q.json": dumped(whole)}))
    assert found["a:9100"] == [(time, {"load": n, "temp": 40 + n}) for n, time in enumerate(T)]
    assert len(found) == 2


def test_json_of_influxdb_1(tmp_path: Path):
    series = [
        {
            "name": "cpu",
            "tags": {"host": host},
            "columns": ["time", "load"],
            "values": [[time + "Z", n] for n, time in enumerate(T)],
        }
        for host in "ab"
    ]
    found = read(source_of(tmp_path, {"q.json": dumped({"results": [{"series": series}]})}))
    assert found == {host: [(time, {"load": n}) for n, time in enumerate(T)] for host in "ab"}


def test_time_series_of_thingsboard(tmp_path: Path):
    whole = {name: [{"ts": 1717225200000 + 300000 * n, "value": str(n + 0.5)} for n in range(3)] for name in ("t", "h")}
    assert one(tmp_path, dumped(whole), "pump.json") == [
        (time, {"t": n + 0.5, "h": n + 0.5}) for n, time in enumerate(T)
    ]


def test_lines_of_json(tmp_path: Path):
    records = [{"time": time, "ENERGY": {"Power": n, "Total": 7}, "id": f"p{n % 2}"} for n, time in enumerate(T * 4)]
    text = "\n".join(map(dumped, records)) + "\nnot json\n[1]\n"
    source = source_of(tmp_path, {"log.ndjson": text})
    found = read(source)
    assert sum(map(len, found.values())) == 12
    assert values(next(iter(found.values())))[0] == {"ENERGY.Power": 0, "ENERGY.Total": 7}
    assert {count.reason for count in source.account.files[0].rejected} == {
        "the line is no JSON",
        "the line is no JSON object",
    }


def test_telegraf_in_lines(tmp_path: Path):
    records = [
        {
            "fields": {"temperature": 20.5 + n, "rpm": 1200},
            "name": "modbus",
            "tags": {"host": host},
            "timestamp": 1717225200 + 300 * n,
        }
        for n in range(3)
        for host in ("gw1", "gw2")
    ]
    found = read(source_of(tmp_path, {"t.jsonl": "\n".join(map(dumped, records))}))
    assert found["gw1"] == [(time, {"temperature": 20.5 + n, "rpm": 1200}) for n, time in enumerate(T)]
    assert len(found) == 2


def test_columns_of_json(tmp_path: Path):
    whole = {"latitude": 1, "hourly_units": {"t": "°C"}, "hourly": {"time": T, "t": [1.5, None, 2.5]}}
    source = source_of(tmp_path, {"w.json": dumped(whole)})
    assert read(source) == {"w": [(T[0], {"t": 1.5}), (T[2], {"t": 2.5})]}
    assert source.account.understandings[0].channels[0].unit == "°C"


def test_only_files_of_one_kind_are_read_and_notes_are_not(tmp_path: Path):
    found = read(source_of(tmp_path, {"a.csv": day(1), "report.json": "{}", "README.txt": "notes"}))
    assert set(found) == {"a"}
    assert set(read(source_of(tmp_path / "t", {"a.dat": day(1)}))) == {"a"}


def test_devices_that_speak_at_different_times_are_told_apart_by_a_column_of_rooms(tmp_path: Path):
    rows = "".join(f"2024-06-01 07:{n:02},{'attic' if n % 2 else 'cellar'},{n}\n" for n in range(20))
    found = read(source_of(tmp_path, {"a.csv": "time,room,t\n" + rows}))
    assert {device: len(readings) for device, readings in found.items()} == {"cellar": 10, "attic": 10}


def test_one_gateway_in_front_of_its_sensors_names_nothing(tmp_path: Path):
    text = "time,gateway,sensor,t\n" + "".join(f"{time},gw,{s},{n}\n" for time in T for n, s in enumerate("ab"))
    assert set(read(source_of(tmp_path, {"a.csv": text}))) == {"a", "b"}
