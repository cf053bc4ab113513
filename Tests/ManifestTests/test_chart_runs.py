"""What the chart renders, run on this machine: the programs with the variables, the files and the Secrets of their pods, until KEDA's
call gets a plan and the pod of `helm test` passes."""
import json
import re
import socket
import subprocess
import time

import pytest
import yaml
from chart import program, rendered
from cluster import EXAMPLE, PROGRAMS, environment, of_kind

ADDRESS = re.compile(r"kedastral-(\w+)\.scaling\.svc:(\d+)|kedastral-(forecaster):(\d+)")
PASSWORDS = {"redis-auth": "writers", "redis-reader": "readers", "http-token": "a token"}


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Installation:
    """The processes of the objects' pods, one for each Deployment."""

    def __init__(self, folder, objects):
        self.folder, self.objects = folder, objects
        self.deployments = of_kind(objects, "Deployment")
        self.ports = {
            port["name"] + deployment["metadata"]["name"]: free_port()
            for deployment in self.deployments for port in self.container(deployment)["ports"]}
        names = ["keda-operator.keda.svc", "prometheus"]
        subprocess.run([EXAMPLE / "make-certificates.sh", folder, *names], check=True, capture_output=True)
        now = int(time.time()) // 60 * 60
        lines = [f"{now - 60 * k},100\n" for k in range(120, -30, -1)]
        (folder / "load.csv").write_text("timestamp,value\n" + "".join(lines))
        self.processes, self.logs = [], []

    @staticmethod
    def container(deployment):
        return deployment["spec"]["template"]["spec"]["containers"][0]

    def folder_of(self, volume):
        """The folder with the files of a pod's volume; certificates are those of make-certificates.sh."""
        source = volume.get("secret", {}).get("secretName") or volume.get("configMap", {}).get("name") or volume["name"]
        folder = self.folder / source
        # Programs that run already read these files.
        if folder.exists():
            return folder
        folder.mkdir()
        if "secret" in volume:
            name = volume["secret"]["secretName"]
            if "items" in volume["secret"]:
                for item in volume["secret"]["items"]:
                    (folder / item["path"]).write_text(PASSWORDS[name])
            elif "tls" in name or "certificate" in name:
                for file, made in (("ca.crt", "ca.crt"), ("tls.crt", "server.crt"), ("tls.key", "server.key")):
                    (folder / file).write_text((self.folder / made).read_text())
        if "configMap" in volume:
            [one] = [one for one in of_kind(self.objects, "ConfigMap") if one["metadata"]["name"] == volume["configMap"]["name"]]
            text = yaml.safe_load(one["data"]["kedastral.yaml"])
            text.get("defaults", {}).pop("source", None)
            # The load comes from a file here; whether the sources are accepted is tested by test_chart.py.
            for workload in text["workloads"]:
                workload |= {"source": {"type": "csv", "path": str(self.folder / "load.csv")}, "model": "baseline"}
            (folder / "kedastral.yaml").write_text(yaml.safe_dump(text))
        return folder

    def here(self, text, pod, container):
        """A value of a pod as it is on this machine: mounted paths and addresses of Services."""
        volumes = {volume["name"]: volume for volume in pod.get("volumes", [])}
        for mount in container.get("volumeMounts", []):
            text = text.replace(mount["mountPath"], str(self.folder_of(volumes[mount["name"]])))
        return ADDRESS.sub(lambda match: f"localhost:{self.port(match[1] or match[3], int(match[2] or match[4]))}", text)

    def port(self, name, port):
        """The port here behind a port of a Service."""
        [service] = [one for one in of_kind(self.objects, "Service") if one["metadata"]["name"] == f"kedastral-{name}"]
        [target] = [one["targetPort"] for one in service["spec"]["ports"] if one["port"] == port]
        [chosen] = [
            one["metadata"]["name"] for one in self.deployments
            if service["spec"]["selector"].items() <= one["spec"]["template"]["metadata"]["labels"].items()]
        return self.ports[target + chosen]

    def start(self, **replaced):
        for deployment in self.deployments:
            container = self.container(deployment)
            pod = deployment["spec"]["template"]["spec"]
            settings = {name: self.here(value, pod, container) for name, value in environment(container).items()}
            name = deployment["metadata"]["name"]
            for variable, port in (("LISTEN", "http"), ("SCALER_LISTEN", "grpc"), ("SCALER_HTTP_LISTEN", "http")):
                if variable in settings:
                    settings[variable] = f"127.0.0.1:{self.ports[port + name]}"
            settings |= {key: value for key, value in replaced.items() if key in settings}
            log = open(self.folder / f"{name}.log", "w+")
            self.logs.append(log)
            self.processes.append(subprocess.Popen(
                [PROGRAMS / program(container["name"]), *container.get("args", [])], env=settings, stdout=log, stderr=log))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()
        for log in self.logs:
            log.close()

    def eventually(self, *command):
        deadline = time.monotonic() + 60
        while (done := subprocess.run([PROGRAMS / "kedastral", *command], capture_output=True, text=True)).returncode != 0:
            written = "".join(open(log.name).read() for log in self.logs)
            assert time.monotonic() < deadline, done.stderr + written
            assert all(process.poll() is None for process in self.processes), written
            time.sleep(0.2)
        return done.stdout

    def run_helm_test(self):
        [pod] = of_kind(self.objects, "Pod")
        assert pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
        for container in pod["spec"]["containers"]:
            yield [self.here(word, pod["spec"], container) for word in container["args"]]


@pytest.mark.parametrize("name, workload", [
    ("minimal", "shop"), ("all-in-one", "shop"), ("existing-certificates", "shop"), ("go-workloads", "web-api"), ("redis", "shop")])
def test_keda_gets_a_plan_and_helm_test_passes(name, workload, tmp_path):
    objects = rendered(name)
    with Installation(tmp_path, objects) as installation:
        commands = list(installation.run_helm_test())
        assert all(
            subprocess.run([PROGRAMS / "kedastral", *map(fast, words)], capture_output=True).returncode != 0 for words in commands)
        replaced = {}
        if name == "redis":
            (tmp_path / "users.acl").write_text(
                "user default on >writers ~* &* +@all\nuser reader on >readers ~* &* +@read +@connection +@pubsub\n")
            port = free_port()
            log = open(tmp_path / "redis.log", "w")
            installation.logs.append(log)
            installation.processes.append(subprocess.Popen(
                ["redis-server", "--port", str(port), "--save", "", "--dir", tmp_path, "--aclfile", tmp_path / "users.acl"],
                stdout=log, stderr=log))
            replaced["REDIS_ADDR"] = f"127.0.0.1:{port}"
        installation.start(**replaced)
        # As KEDA calls, with the certificate of its TriggerAuthentication.
        certificate = []
        if of_kind(objects, "TriggerAuthentication", "ClusterTriggerAuthentication"):
            certificate = [
                f"--tls-ca-file={tmp_path}/ca.crt", f"--tls-cert-file={tmp_path}/client.crt", f"--tls-key-file={tmp_path}/client.key"]
        address = f"localhost:{installation.port('scaler', 50051)}"
        answer = installation.eventually("query", address, "--workload", workload, "-o", "json", *certificate)
        assert json.loads(answer)["metrics"][0]["replicas"] >= 1
        if certificate:
            refused = subprocess.run(
                [PROGRAMS / "kedastral", "query", address, "--workload", workload, certificate[0]], capture_output=True, text=True)
            assert refused.returncode != 0, "a caller without a certificate is served"
        for words in commands:
            installation.eventually(*map(fast, words))


def fast(word):
    return word.replace("--timeout=30s", "--timeout=2s")
