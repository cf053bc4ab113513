"""Every command on a page is run, or says why not.

A block of `sh` is run by bash, in the order of its page, in a folder that has the checkout's Examples and deploy; the addresses of
the defaults (localhost:8081 and so on) are those of a Prometheus, a Redis, a forecaster and a scaler that the tests start. A
comment on the line before says otherwise:

    <!-- runs: until stopped -->      a daemon: it must serve, and end with 0 when asked
    <!-- tested by: FILE -->          another test runs it
    <!-- not run here: REASON -->     its syntax is checked, and that the files that it names exist

A block of `yaml` that begins with `# kedastral` is checked as a configuration and is kedastral.yaml from then on; one that begins
with `# kubernetes` is checked against Kubernetes' schemas.
"""
import dataclasses
import re
import subprocess
import time

import kubernetes_validate
import pytest
import yaml
from programs import PROGRAMS, ROOT, Program, eventually, free_port

# Generated of what the programs say themselves, and tested where they are.
GENERATED = {"docs/commands.md", "docs/settings.md"}
NOTES = re.compile(r"runs: until stopped|tested by: \S+|not run here: .{10,}|from: \S+")
PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("Examples/*/README.md")])


@dataclasses.dataclass
class Block:
    page: str
    line: int
    language: str
    note: str
    text: str

    def __str__(self):
        return f"{self.page}:{self.line}"


def blocks(page):
    found, note, opened = [], "", None
    for number, line in enumerate((ROOT / page).read_text().splitlines(), 1):
        if opened:
            if line == "```":
                found.append(opened)
                opened, note = None, ""
            else:
                opened.text += line + "\n"
        elif line.startswith("```"):
            opened = Block(page, number, line[3:], note, "")
        else:
            note = match[1] if (match := re.fullmatch(r"<!-- (.*) -->", line)) else ""
    return found


SHELL = [block for page in PAGES if page not in GENERATED for block in blocks(page) if block.language == "sh"]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """What the pages' commands meet at the default addresses: (folder, environment, addresses)."""
    folder = tmp_path_factory.mktemp("world")
    for name in ("Examples", "deploy"):
        (folder / name).symlink_to(ROOT / name)
    addresses = {f"localhost:{default}": f"127.0.0.1:{free_port()}" for default in (9090, 8081, 50051, 6379)}
    port = {default: addresses[f"localhost:{default}"].split(":")[1] for default in (9090, 8081, 50051, 6379)}
    environment = {
        "PATH": f"{PROGRAMS}:/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8",
        "KEDASTRAL_SERVER": f"http://{addresses['localhost:8081']}"}

    # A day of two applications' requests, counted each 15 s; the first minutes to come too, so that the series does not end.
    now = int(time.time()) // 15 * 15
    lines = ["# TYPE api_requests counter"]
    for app, low, high in (("api-app", 100, 600), ("worker-app", 60, 360)):
        total = 0
        for second in range(now - 86_400, now + 1200, 15):
            total += 15 * (high if second % 3600 < 600 else low)
            lines.append(f'api_requests_total{{app="{app}"}} {total} {second}')
    (folder / "past.om").write_text("\n".join(lines) + "\n# EOF\n")
    (folder / "prometheus.yml").write_text("global: {}\n")
    subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "--quiet", "openmetrics", "past.om", "data"], cwd=folder, check=True)
    configuration = (ROOT / "Examples/kedastral.yaml").read_text().replace("localhost:9090", addresses["localhost:9090"])
    (folder / "running.yaml").write_text(configuration)
    with (
        Program(
            "prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data",
            f"--web.listen-address=127.0.0.1:{port[9090]}", cwd=folder) as prometheus,
        Program("redis-server", "--port", port[6379], "--save", "", "--dir", folder) as redis,
    ):
        prometheus.wait_for("Server is ready to receive web requests")
        redis.wait_for("ready to accept connections|Ready to accept connections")
        with Program(
            PROGRAMS / "kedastral", "-config", "running.yaml", "-listen", addresses["localhost:8081"],
            "-scaler-listen", addresses["localhost:50051"], cwd=folder) as host:
            for workload in ("api-app", "worker-app"):
                eventually(
                    lambda: subprocess.run(
                        [PROGRAMS / "kedastral", "get", "forecast", workload], env=environment, capture_output=True,
                        check=True), host)
            yield folder, environment, addresses


def test_each_comment_on_a_block_is_one_that_is_known():
    for block in SHELL:
        assert not block.note or NOTES.fullmatch(block.note), f"{block}: {block.note}"
        if block.note.startswith("tested by: "):
            tester = block.note.removeprefix("tested by: ")
            assert (ROOT / tester).exists() or list((ROOT / "Tests").rglob(tester)), f"{block}: {block.note}"


def test_commands_stand_in_blocks_that_are_run():
    for page in PAGES:
        for block in blocks(page):
            if page not in GENERATED | {"docs/benchmarks.md"} and block.language in ("text", ""):
                assert not re.search(r"^(\$ |kedastral|make |curl |kubectl |docker |swift )", block.text, re.MULTILINE), block


@pytest.mark.parametrize("block", [one for one in SHELL if one.note.startswith("not run here")], ids=str)
def test_a_command_that_is_not_run_here_is_sound(block):
    subprocess.run(["bash", "-n"], input=block.text, text=True, check=True)
    folder = (ROOT / block.page).parent
    for path in re.findall(r"(?<![\w/.~-])(?:Examples|deploy|scripts|docs)/[\w./-]+", block.text):
        assert (ROOT / path).exists() or (folder / path).exists(), f"{block}: there is no {path}"
    for command in re.findall(r"^kedastral ([a-z]+)", block.text, re.MULTILINE):
        assert f"`kedastral {command}`" in (ROOT / "docs/commands.md").read_text(), f"{block}: kedastral {command}"


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page_run(page, world):
    folder, environment, addresses = world
    for block in blocks(page):
        text = block.text
        for default, address in addresses.items():
            text = text.replace(default, address)
        if block.language == "yaml" and text.startswith("# kedastral\n"):
            (folder / "kedastral.yaml").write_text(text)
            text = "kedastral check -config kedastral.yaml --offline"
        elif block.language != "sh" or page in GENERATED or block.note not in ("", "runs: until stopped"):
            continue
        if block.note:
            listen = {name: "127.0.0.1:0" for name in ("LISTEN", "SCALER_LISTEN", "SCALER_HTTP_LISTEN")}
            with Program("sh", "-c", "exec " + text, cwd=folder, env={**environment, **listen}) as daemon:
                daemon.wait_for("serving ")
                assert daemon.end() == 0, daemon.output
        else:
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", text], cwd=folder, env=environment, capture_output=True, text=True,
                timeout=120, stdin=subprocess.DEVNULL)
            assert done.returncode == 0, f"{block}\n{text}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("block", [
    block for page in PAGES for block in blocks(page) if block.language == "yaml" and block.text.startswith("# kubernetes\n")
], ids=str)
def test_manifests_on_pages_fit_kubernetes_schemas(block, tmp_path):
    objects = list(yaml.safe_load_all(block.text))
    for one in objects:
        kubernetes_validate.validate(one, "1.33", strict=True)
    [configuration] = [one["data"]["kedastral.yaml"] for one in objects if one["kind"] == "ConfigMap"]
    (tmp_path / "kedastral.yaml").write_text(configuration)
    subprocess.run(
        [PROGRAMS / "kedastral", "check", "-config", tmp_path / "kedastral.yaml", "--offline"], check=True, capture_output=True)
