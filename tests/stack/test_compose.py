"""compose.yaml says what the native services do, and a parser of the Compose specification takes it."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from flead.settings import PREFIX, Settings
from flead.stack import grafana, kafka
from flead.stack.checks import jobmanager
from flead.stack.compose import OWN, Alias, compose, container_settings, model
from flead.stack.services import Service, environment, services
from tests.platform_fixtures import eventually, platform_settings, require_platform

DEPLOY = Path(__file__).parents[2] / "deploy"
PUBLISHED = {
    "database": [5432], "kafka-1": [9092], "kafka-2": [9093], "kafka-3": [9094], "kafka-4": [9095],
    "flink-jobmanager": [8161], "spark-master": [8086, 7077], "spark-worker": [8087], "viewer": [8082],
    "mqtt": [1883], "grafana": [3001], "kafka-ui": [8081],
}  # fmt: skip
"""The ports that the outside sees, as they were published."""


@pytest.fixture(scope="module")
def native() -> dict[str, Service]:
    return services(Settings(), containers=True)


@pytest.fixture(scope="module")
def shown(native: dict[str, Service]) -> dict[str, Any]:
    found: dict[str, Any] = model()["services"]
    return found


def test_every_service_is_there_and_waits_for_what_it_needs(native: dict[str, Service], shown: dict[str, Any]) -> None:
    assert list(shown) == [*native, "kafka-ui"]
    for name, service in native.items():
        needs = shown[name].get("depends_on", {})
        assert list(needs) == list(service.needs)
        for need, how in needs.items():
            ended = how["condition"] == "service_completed_successfully"
            assert ended == native[need].ends
            assert how["condition"] != "service_healthy" or "healthcheck" in shown[need], need


def test_our_services_run_the_same_commands_with_the_same_settings(
    native: dict[str, Service], shown: dict[str, Any]
) -> None:
    for name, service in native.items():
        if service.image in OWN:
            inside = ("-m", "flead.stack.inside", name)
            assert tuple(shown[name]["command"]) == (
                "python", *(inside if service.image in ("flink", "spark") else service.command[1:])
            )  # fmt: skip
            assert shown[name]["environment"] == Alias("settings")


def test_settings_are_passed_on_or_say_where_things_are_among_containers(native: dict[str, Service]) -> None:
    passed: dict[str, str | None] = model()["x-settings"]
    fixed = {name: value for name, value in passed.items() if value is not None and "$" not in value}
    inside = environment(container_settings())
    assert fixed.items() <= inside.items()
    differing = {name for name, value in environment(Settings()).items() if inside.get(name) != value}
    assert fixed.keys() | {"FLEAD_STACK"} == differing | {PREFIX + "KAFKA"}
    ours = {PREFIX + name.upper() for name in Settings.model_fields}
    left_out = {name for name in ours - passed.keys() if not name.endswith("_PORT")}
    assert left_out == {PREFIX + "BROKERS", PREFIX + "GRAFANA_PASSWORD"}
    secrets = {name: value for name, value in passed.items() if value and "$" in value}
    names = [PREFIX + name for name in ("DATABASE_PASSWORD", "READER_PASSWORD", "WEB_PASSWORD")]
    assert secrets == {name: f"${{{name}:-password}}" for name in names}


def test_brokers_differ_from_the_native_ones_in_listeners_only(shown: dict[str, Any]) -> None:
    for node in range(1, 5):
        told: dict[str, str] = shown[f"kafka-{node}"]["environment"]
        properties = kafka.properties(Settings(), node, Path("/var/lib/kafka"))
        differing = {
            name for name, value in properties.items() if told["KAFKA_" + name.upper().replace(".", "_")] != value
        }
        assert differing == {
            "listeners", "advertised.listeners", "inter.broker.listener.name", "listener.security.protocol.map",
            "controller.quorum.voters",
        }  # fmt: skip
        inside, outside = 29091 + node, 9091 + node
        assert told["KAFKA_ADVERTISED_LISTENERS"] == f"CONTAINERS://kafka-{node}:{inside},HOST://127.0.0.1:{outside}"
        assert f"kafka-{node}:{inside}" in (container_settings().kafka or "")


def test_grafana_differs_in_places_and_secrets_only(native: dict[str, Service], shown: dict[str, Any]) -> None:
    told, natively = shown["grafana"]["environment"], dict(native["grafana"].environment)
    assert told.keys() == natively.keys()
    files = [name for name, value in natively.items() if value.startswith(str(grafana.FILES))]
    assert {told[name] for name in files} == {
        natively[name].replace(str(grafana.FILES), "/etc/flead") for name in files
    }
    differing = {name for name in told if told[name] != natively[name]} - set(files)
    assert differing == {
        "GF_SERVER_HTTP_ADDR", "GF_SECURITY_ADMIN_PASSWORD", "GF_PATHS_DATA", "GF_PATHS_LOGS", "GF_PATHS_PLUGINS",
        "GRAFANA_FLEAD_DATABASE", "FLEAD_READER_PASSWORD",
    }  # fmt: skip


def test_the_published_ports_are_on_the_loopback_interface_and_no_other_is_open(
    native: dict[str, Service], shown: dict[str, Any]
) -> None:
    ports = {name: one["ports"] for name, one in shown.items() if "ports" in one}
    assert ports == {name: [f"127.0.0.1:{port}:{port}" for port in some] for name, some in PUBLISHED.items()}
    for name, some in PUBLISHED.items():
        assert name == "kafka-ui" or native[name].ports[0].number == some[0]


def test_images_are_pinned_and_ours_are_not_root() -> None:
    for one in model()["services"].values():
        assert "build" in one or re.search(r":v?\d+\.\d+\.\d+[\w.-]*$", one["image"]), one["image"]
    stages = re.split(r"^FROM ", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE)[1:]
    assert [stage.split()[2] for stage in stages] == list(dict.fromkeys(OWN.values()))
    assert all(re.findall(r"^USER (\w+)$", stage, re.MULTILINE)[-1] == "flead" for stage in stages)
    assert re.match(r"python:\d+\.\d+\.\d+-", stages[0])


def test_the_dockerfile_copies_what_is_there_and_let_in() -> None:
    copied = re.findall(r"^COPY (.+) \S+$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    let_in = {line[1:] for line in (DEPLOY.parent / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for name in " ".join(copied).split():
        assert (DEPLOY.parent / name).exists(), name
        assert name.split("/")[0] in let_in, name


def test_the_example_names_every_password() -> None:
    example = re.findall(r"^(\w+)=(.*)$", (DEPLOY / ".env.example").read_text(), re.MULTILINE)
    assert {f"${{{name}:-{value}}}" for name, value in example} == set(re.findall(r"\$\{[^}]*\}", compose()))


@pytest.mark.real
def test_a_parser_of_the_specification_takes_it(tmp_path: Path) -> None:
    if shutil.which("docker-compose") is None:
        pytest.skip("docker-compose is not installed: Debian has it as docker-compose")
    command = ["docker-compose", "-f", str(DEPLOY / "compose.yaml"), "config"]
    told = {"PATH": os.environ["PATH"], "FLEAD_DEVICES": "17", "FLEAD_DATABASE_PASSWORD": "other"}
    done = subprocess.run(command, env=told, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("FLEAD_DEVICES: '17'") > 3
    assert "POSTGRES_PASSWORD: other" in done.stdout


@pytest.mark.real
def test_inside_a_container_a_service_is_the_one_of_the_table(tmp_path: Path) -> None:
    require_platform()
    settings = platform_settings(tmp_path)
    command = [sys.executable, "-m", "flead.stack.inside", "flink-jobmanager"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, env=os.environ | environment(settings), stdout=log, stderr=log)
    try:
        eventually(lambda: jobmanager(settings.flink_port)(0), 60)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
