"""setup.sh, cleanup.sh and run-local.sh: polite refusals, and dry runs that touch nothing."""
import os
import pathlib
import re
import signal
import stat
import subprocess
import time

import pytest
from cluster import EXAMPLE, PROGRAMS, VARIANTS, of_kind


@pytest.fixture
def tools(tmp_path):
    """A folder for PATH with the system's small tools, and stand-ins for the large ones that leave a trace."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in "bash sh env dirname mktemp rm cat grep sed base64 tr date".split():
        source = next(p for p in (pathlib.Path("/usr/bin") / name, pathlib.Path("/bin") / name) if p.exists())
        (folder / name).symlink_to(source)

    def add(*names):
        for name in names:
            file = folder / name
            file.write_text(f'#!/bin/sh\necho "{name} $*" >>{tmp_path}/called\n')
            file.chmod(file.stat().st_mode | stat.S_IXUSR)
        return {"PATH": str(folder), "HOME": str(tmp_path)}

    add.called = tmp_path / "called"
    return add


def run(script, *arguments, env=None):
    return subprocess.run([EXAMPLE / script, *arguments], capture_output=True, text=True, timeout=60, env=env)


def test_setup_names_all_tools_that_are_missing_and_begins_nothing(tools):
    done = run("setup.sh", env=tools("kubectl"))
    assert done.returncode == 1
    assert "please install: docker minikube openssl" in done.stderr
    assert not tools.called.exists()


@pytest.mark.parametrize("tool", ["minikube", "kind"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_dry_run_prints_every_step_and_runs_none(tools, tool, variant):
    done = run("setup.sh", "--dry-run", "--with", tool, variant, env=tools("docker", "kubectl", "openssl", tool))
    assert done.returncode == 0, done.stderr
    assert not tools.called.exists()
    steps = [line for line in done.stdout.splitlines() if line.startswith("+ ")]
    # Only the cluster of the example is ever spoken to.
    context = {"minikube": "kedastral-demo", "kind": "kind-kedastral-demo"}[tool]
    assert all(f"--context {context} " in line for line in steps if line.startswith("+ kubectl"))
    # All images of the manifests that are ours are built.
    built = set(re.findall(r"--tag (\S+)", done.stdout))
    ours = {c["image"] for one in of_kind(variant, "Deployment") for c in one["spec"]["template"]["spec"]["containers"]}
    assert built == {image for image in ours if image.endswith(":dev")}
    # All secrets that the manifests mention are made.
    made = set(re.findall(r"<<secret (\S+)>>", done.stdout))
    pods = [one["spec"]["template"]["spec"] for one in of_kind(variant, "Deployment", "StatefulSet", "Job")]
    mentioned = {v["secret"]["secretName"] for pod in pods for v in pod.get("volumes", []) if "secret" in v}
    assert mentioned <= made


def test_setup_refuses_what_it_does_not_know(tools):
    assert run("setup.sh", "bananas", env=tools()).returncode == 2
    assert "bananas" in run("setup.sh", "--with", "bananas", env=tools()).stderr


@pytest.mark.parametrize("arguments", [[], ["--keep-cluster"]])
def test_cleanup_by_dry_run_touches_nothing(tools, arguments):
    done = run("cleanup.sh", "--dry-run", *arguments, env=tools("kubectl", "minikube", "kind"))
    assert done.returncode == 0, done.stderr
    assert not tools.called.exists()
    assert all("kedastral-demo" in line for line in done.stdout.splitlines())


def test_cleanup_without_a_cluster_says_so(tools):
    done = run("cleanup.sh", env=tools())
    assert (done.returncode, done.stdout) == (0, "# there is no cluster kedastral-demo\n")


@pytest.mark.parametrize("arguments, word", [(["--speed", "7"], "divisor"), (["--for", "ever"], "seconds")])
def test_run_local_explains_what_it_cannot_do(arguments, word):
    done = run("run-local.sh", *arguments)
    assert done.returncode == 1 and word in done.stderr and done.stderr.count("\n") == 1


def children(pid):
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == pid:
                found.append(int(entry.name))
    return found


def test_the_whole_example_runs_here_and_ctrl_c_ends_all_of_it(tmp_path):
    """Everything real but KEDA: both HPAs get wishes from plans that went through Redis, and nothing is left behind."""
    bystander = subprocess.Popen(["sleep", "600"])
    log = open(tmp_path / "log", "w")
    process = subprocess.Popen(
        [EXAMPLE / "run-local.sh", "--speed", "60", "--for", "240", "--binaries", PROGRAMS], stdout=log, stderr=log,
        env={**os.environ, "TMPDIR": str(tmp_path)}, start_new_session=True)
    try:
        wishes = re.compile(r"api-app (\d+) at \d+ requests/s   worker-app (\d+) at \d+ requests/s")
        deadline = time.monotonic() + 120
        seen = []
        # Before the first hour api-app needs 3 pods; its spike needs 15, wished for ahead of it.
        while not any(int(api) >= 10 for api, _ in seen):
            assert process.poll() is None and time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.2)
            seen = wishes.findall((tmp_path / "log").read_text())
        assert all(1 <= int(api) <= 20 and 1 <= int(worker) <= 15 for api, worker in seen)
        started = children(process.pid)
        assert len(started) >= 10
    finally:
        os.killpg(process.pid, signal.SIGINT)
        try:
            assert process.wait(timeout=30) == 130
        finally:
            log.close()
            untouched = bystander.poll() is None
            bystander.kill()
            bystander.wait()
    assert untouched
    assert not any(pathlib.Path(f"/proc/{pid}").exists() for pid in started)
    assert [one.name for one in tmp_path.iterdir()] == ["log"]
