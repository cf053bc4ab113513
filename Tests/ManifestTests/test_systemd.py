"""The systemd units: accepted by systemd itself, hardened, and started with arguments that the program understands."""

import shutil
import subprocess

import pytest
from cluster import PROGRAMS, ROOT

UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))
HARDENED = {
    "DynamicUser": "yes",
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "MemoryDenyWriteExecute": "yes",
    "CapabilityBoundingSet": "",
}


def settings(unit):
    """The [Service] section's settings, as lists of values."""
    found, section = {}, None
    for line in unit.read_text().splitlines():
        if line.startswith("["):
            section = line
        elif section == "[Service]" and "=" in line and not line.startswith("#"):
            name, value = line.split("=", 1)
            found.setdefault(name, []).append(value)
    return found


def test_there_is_a_unit_for_each_way_to_run():
    assert sorted(unit.stem for unit in UNITS) == ["kedastral", "kedastral-forecaster", "kedastral-scaler"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_it_is_hardened_and_reloads_by_sighup(unit):
    service = settings(unit)
    for name, value in HARDENED.items():
        assert service[name] == [value]
    assert service["ExecReload"] == ["kill -HUP $MAINPID"]
    assert service["ExecStart"][0].startswith("/usr/bin/kedastral ")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_accepts_it(unit, tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    # It wants the program to exist.
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text().replace("/usr/bin/kedastral", "/bin/true"))
    outcome = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True, timeout=60, check=False
    )
    complaints = [line for line in outcome.stderr.splitlines() if unit.name in line]
    assert outcome.returncode == 0 and not complaints, outcome.stderr


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_the_program_understands_its_arguments(unit):
    arguments = settings(unit)["ExecStart"][0].split()[1:]
    arguments[arguments.index("/etc/kedastral/kedastral.yaml")] = str(ROOT / "Examples/kedastral.yaml")
    outcome = subprocess.run(
        [PROGRAMS / "kedastral", *arguments, "-listen", "no address"], capture_output=True, text=True, timeout=60, check=False
    )
    assert outcome.returncode == 2
    lines = outcome.stderr.splitlines()
    assert len(lines) == 2 and "-listen" in lines[0], outcome.stderr
