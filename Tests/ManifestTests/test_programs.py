"""What the manifests and images hand to programs, tried on the programs themselves."""
import os
import re
import shutil
import socket
import subprocess
import time

import pytest
import yaml
from cluster import EXAMPLE, KUBERNETES, PROGRAMS, ROOT, VARIANTS, environment, find


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **options)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", ["api-app-forecaster", "worker-app-forecaster", "kedastral-scaler"])
def test_the_daemons_accept_their_settings(variant, name):
    """All settings are checked before anything starts, so one that is wrong on purpose must be the only complaint."""
    container = find(variant, "Deployment", name)["spec"]["template"]["spec"]["containers"][0]
    program = "kedastral-scaler" if name == "kedastral-scaler" else "kedastral-forecaster"
    settings = environment(container)
    known = set(re.findall(r"`([A-Z][A-Z0-9_]+)`", (ROOT / "docs/settings.md").read_text()))
    assert set(settings) <= known
    done = run(PROGRAMS / program, env={**settings, "LOG_LEVEL": "wrong-on-purpose"})
    assert done.returncode == 2
    complaints = [line for line in done.stderr.splitlines() if not line.startswith("see ")]
    assert len(complaints) == 1 and "wrong-on-purpose" in complaints[0], done.stderr


def test_the_image_has_the_libraries_that_the_programs_load():
    dockerfile = (ROOT / "deploy/Dockerfile").read_text()
    installed = set(re.findall(r"^      ([a-z0-9.+-]+) \\$", dockerfile, re.MULTILINE))
    wanted = set()
    for program in ("kedastral", "kedastral-forecaster", "kedastral-scaler", "multi-app-demo"):
        dynamic = run("readelf", "--dynamic", PROGRAMS / program).stdout
        for name in re.findall(r"\(NEEDED\).*\[(.+)\]", dynamic):
            # The Swift runtime is linked into the images' programs, and glibc is the base image's.
            if not re.match(r"lib(swift|Foundation|_Foundation|dispatch|BlocksRuntime|c\.so|m\.so)|ld-linux", name):
                path = re.search(rf"{re.escape(name)} => (\S+)", run("ldd", PROGRAMS / program).stdout).group(1)
                wanted.add(package_of(path))
    assert wanted, "the programs load shared libraries"
    assert wanted - installed - {"libgcc-s1"} == set(), "missing in deploy/Dockerfile"
    assert installed - wanted - {"ca-certificates", "tzdata", "libstdc++6"} == set(), "not needed in deploy/Dockerfile"


def package_of(path):
    # dpkg may know the file by its place before /usr and / were merged.
    for candidate in (os.path.realpath(path), os.path.realpath(path).removeprefix("/usr"), path):
        found = run("dpkg-query", "--search", candidate)
        if found.returncode == 0:
            return found.stdout.split(":")[0]
    pytest.fail(f"no package has {path}")


def test_the_dockerfile_is_clean():
    hadolint = ROOT / ".venv/bin/hadolint"
    # Versions follow Debian's security updates, so they are not pinned.
    done = run(hadolint, "--ignore", "DL3008", ROOT / "deploy/Dockerfile")
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("rules", [["check", "rules", "kedastral.rules.yml"], ["test", "rules", "kedastral.rules.test.yml"]])
def test_alert_rules(rules):
    done = run("promtool", *rules, cwd=ROOT / "deploy/alerts")
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_unit_test_in_which_it_fires():
    rules = yaml.safe_load((ROOT / "deploy/alerts/kedastral.rules.yml").read_text())
    tests = yaml.safe_load((ROOT / "deploy/alerts/kedastral.rules.test.yml").read_text())
    fired = {one["alertname"] for test in tests["tests"] for one in test.get("alert_rule_test", []) if one.get("exp_alerts")}
    alerts = {rule["alert"] for group in rules["groups"] for rule in group["rules"] if "alert" in rule}
    assert alerts == fired


def test_prometheus_configuration(tmp_path):
    """Debian's promtool has no discovery by Kubernetes, so its place is taken by a fixed target; the rest is checked."""
    configuration = yaml.safe_load((KUBERNETES / "base/monitoring/prometheus.yml").read_text())
    discovery = configuration["scrape_configs"][0].pop("kubernetes_sd_configs")
    assert discovery == [{"role": "pod", "namespaces": {"own_namespace": True}}]
    configuration["scrape_configs"][0]["static_configs"] = [{"targets": ["127.0.0.1:1"]}]
    file = tmp_path / "prometheus.yml"
    file.write_text(yaml.safe_dump(configuration))
    done = run("promtool", "check", "config", "--syntax-only", file)
    assert done.returncode == 0, done.stdout + done.stderr


class Redis:
    """A Redis that the cluster's own script starts, with an overlay's settings."""

    def __init__(self, folder, overlay=None, secrets=()):
        self.port = 65_535
        # A node of a cluster talks to others on a port 10,000 above its own.
        while self.port > 55_535:
            with socket.socket() as one:
                one.bind(("127.0.0.1", 0))
                self.port = one.getsockname()[1]
        for name in ("config", "overlay", "run", "data"):
            (folder / name).mkdir()
        base = (KUBERNETES / "base/redis/redis.conf").read_text()
        (folder / "config/redis.conf").write_text(base.replace("dir /data", f"dir {folder}/data"))
        if overlay:
            text = overlay.read_text().replace("6379", str(self.port)).replace("/data/", f"{folder}/data/")
            for path in secrets:
                text = text.replace(path, str(folder))
            (folder / "overlay" / overlay.name).write_text(text)
        port = "" if overlay and "tls-port" in overlay.read_text() else f"port {self.port}\n"
        (folder / "overlay/port.conf").write_text(f"{port}bind 127.0.0.1\n")
        (folder / "password").write_text("secret of the test")
        places = {
            "CONFIG_DIR": f"{folder}/config", "OVERLAY_DIR": f"{folder}/overlay", "RUN_DIR": f"{folder}/run",
            "PASSWORD_FILE": f"{folder}/password", "PATH": os.environ["PATH"],
        }
        self.log = open(folder / "log", "w+")
        script = KUBERNETES / "base/redis/start-redis.sh"
        self.process = subprocess.Popen(["sh", script], env=places, stdout=self.log, stderr=subprocess.STDOUT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.log.close()

    def ask(self, *command, user="default", password="secret of the test", options=()):
        """What redis-cli prints, once the server can be reached."""
        deadline = time.monotonic() + 20
        while True:
            assert self.process.poll() is None, open(self.log.name).read()
            environment = {"PATH": os.environ["PATH"]}
            if password:
                environment["REDISCLI_AUTH"] = password
            done = run("redis-cli", "-p", str(self.port), *options, "--user", user, *command, env=environment)
            text = done.stdout + done.stderr
            if "Connection refused" not in text or time.monotonic() > deadline:
                return text.strip()
            time.sleep(0.05)


def test_redis_lets_nobody_in_without_the_password(tmp_path):
    with Redis(tmp_path) as redis:
        assert redis.ask("ping") == "PONG"
        assert "NOAUTH" in redis.ask("ping", password=None)
        assert "maxmemory" in redis.ask("config", "get", "maxmemory")
        arguments = (tmp_path / "log").read_text() + open(f"/proc/{redis.process.pid}/cmdline").read()
        assert "secret of the test" not in arguments


def test_the_users_of_the_acl_variant_may_do_their_work_and_no_more(tmp_path):
    users = (KUBERNETES / "overlays/acl/users.acl").read_text()
    for name in ("password", "writer", "reader"):
        users = users.replace(f"@{name}@", f"{name}-secret")
    (tmp_path / "users.acl").write_text(users)
    with Redis(tmp_path, KUBERNETES / "overlays/acl/acl.conf", ["/run/secrets/redis-acl"]) as redis:
        def writer(*command):
            return redis.ask(*command, user="writer", password="writer-secret")

        def reader(*command):
            return redis.ask(*command, user="reader", password="reader-secret")

        script = "redis.call('SET', KEYS[1], ARGV[1]); redis.call('PUBLISH', 'forecast:updates:0', 'x'); return 1"
        assert redis.ask("ping", password="password-secret") == "PONG"
        assert writer("eval", script, "1", "forecast:api-app", "plan") == "1"
        assert reader("getrange", "forecast:api-app", "0", "10") == "plan"
        assert "forecast:api-app" in reader("scan", "0")
        assert "NOPERM" in reader("set", "forecast:api-app", "forged")
        assert "NOPERM" in reader("eval", script, "1", "forecast:api-app", "forged")
        assert "NOPERM" in reader("publish", "forecast:updates:0", "forged")
        assert "NOPERM" in writer("set", "other", "x")
        assert "NOPERM" in writer("flushall")
        assert "WRONGPASS" in redis.ask("ping", user="reader", password="writer-secret")


def test_the_tls_variant_wants_a_certificate_of_its_authority(tmp_path):
    made = run(EXAMPLE / "make-certificates.sh", tmp_path, "redis")
    assert made.returncode == 0, made.stderr
    shutil.copy(tmp_path / "server.crt", tmp_path / "tls.crt")
    shutil.copy(tmp_path / "server.key", tmp_path / "tls.key")
    with Redis(tmp_path, KUBERNETES / "overlays/tls/tls.conf", ["/run/secrets/redis-tls"]) as redis:
        authority = ["--tls", "--cacert", str(tmp_path / "ca.crt")]
        client = [*authority, "--cert", str(tmp_path / "client.crt"), "--key", str(tmp_path / "client.key")]
        assert redis.ask("ping", options=["-h", "localhost", *client]) == "PONG"
        assert "PONG" not in redis.ask("ping", options=["-h", "localhost", *authority])
        assert "PONG" not in redis.ask("ping")


def test_the_cluster_variants_settings_start_a_node(tmp_path):
    with Redis(tmp_path, KUBERNETES / "overlays/cluster/cluster.conf") as redis:
        assert "cluster_enabled:1" in redis.ask("info", "cluster")


def plans_reach_the_scaler(tmp_path, forecaster, scaler):
    """Runs a forecaster on a small file and a scaler, and waits until the scaler answers with what went through Redis."""
    trace = tmp_path / "load.csv"
    now = int(time.time()) // 60 * 60
    trace.write_text("timestamp,value\n" + "".join(f"{now - 60 * k},100\n" for k in range(120, -30, -1)))
    ports = []
    for _ in range(3):
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            ports.append(one.getsockname()[1])
    source = {"WORKLOAD": "api-app", "METRIC": "rps", "ADAPTER": "csv", "ADAPTER_PATH": str(trace), "MODEL": "baseline"}
    source |= {"TARGET_PER_POD": "50", "HEADROOM": "1.2", "STORAGE": "redis", "LISTEN": f"127.0.0.1:{ports[0]}"}
    listen = {"STORAGE": "redis", "SCALER_LISTEN": f"127.0.0.1:{ports[1]}", "SCALER_HTTP_LISTEN": f"127.0.0.1:{ports[2]}"}
    logs = [open(tmp_path / name, "w+") for name in ("forecaster.log", "scaler.log")]
    daemons = [
        subprocess.Popen([PROGRAMS / program], env=settings, stdout=log, stderr=subprocess.STDOUT)
        for program, settings, log in (
            ("kedastral-forecaster", source | forecaster, logs[0]), ("kedastral-scaler", listen | scaler, logs[1]))
    ]
    try:
        deadline = time.monotonic() + 30
        while True:
            asked = run(PROGRAMS / "kedastral", "query", f"127.0.0.1:{ports[1]}", "-workload", "api-app", "-o", "json")
            if asked.returncode == 0:
                break
            written = "".join(open(log.name).read() for log in logs)
            assert time.monotonic() < deadline and all(one.poll() is None for one in daemons), asked.stderr + written
            time.sleep(0.2)
        assert yaml.safe_load(asked.stdout)["metrics"][0]["replicas"] == 3
    finally:
        for one in daemons:
            one.kill()
            one.wait()
        for log in logs:
            log.close()


def test_the_daemons_work_as_the_acl_variants_users(tmp_path):
    users = (KUBERNETES / "overlays/acl/users.acl").read_text()
    for name in ("password", "writer", "reader"):
        users = users.replace(f"@{name}@", f"{name}-secret")
        (tmp_path / f"{name}-file").write_text(f"{name}-secret")
    (tmp_path / "users.acl").write_text(users)
    with Redis(tmp_path, KUBERNETES / "overlays/acl/acl.conf", ["/run/secrets/redis-acl"]) as redis:
        assert redis.ask("ping", password="password-secret") == "PONG"
        plans_reach_the_scaler(tmp_path, *(
            {"REDIS_ADDR": f"127.0.0.1:{redis.port}", "REDIS_USERNAME": user, "REDIS_PASSWORD_FILE": f"{tmp_path}/{user}-file"}
            for user in ("writer", "reader")))
        assert "NOPERM" not in (tmp_path / "forecaster.log").read_text() + (tmp_path / "scaler.log").read_text()
        assert redis.ask("acl", "log", password="password-secret") == ""


def test_the_daemons_show_their_certificate_in_the_tls_variant(tmp_path):
    made = run(EXAMPLE / "make-certificates.sh", tmp_path, "redis")
    assert made.returncode == 0, made.stderr
    shutil.copy(tmp_path / "server.crt", tmp_path / "tls.crt")
    shutil.copy(tmp_path / "server.key", tmp_path / "tls.key")
    with Redis(tmp_path, KUBERNETES / "overlays/tls/tls.conf", ["/run/secrets/redis-tls"]) as redis:
        container = find("tls", "Deployment", "kedastral-scaler")["spec"]["template"]["spec"]["containers"][0]
        settings = {k: v for k, v in environment(container).items() if k.startswith("REDIS_")}
        places = {
            "rediss://redis:6379": f"rediss://localhost:{redis.port}",
            "/run/secrets/redis/password": f"{tmp_path}/password",
            "/run/secrets/redis-tls/ca.crt": f"{tmp_path}/ca.crt",
            "/run/secrets/redis-tls/tls.crt": f"{tmp_path}/client.crt",
            "/run/secrets/redis-tls/tls.key": f"{tmp_path}/client.key",
        }
        settings = {name: places[value] for name, value in settings.items()}
        plans_reach_the_scaler(tmp_path, settings, settings)
