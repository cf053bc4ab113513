"""The commands of docs/kubernetes.md, in the order of the page.

helm renders the chart as it would install it. A cluster and a registry are not there: stand-ins take the place of docker and of the
verbs that need a cluster, and check that what they are pointed to is among the objects that were installed."""
import json
import re
import subprocess
import sys

import policies
import pytest
import yaml
from chart import helm
from cluster import ROOT, kubectl
from crds import DEFINITIONS, NAMES, problems

PAGE = (ROOT / "docs/kubernetes.md").read_text()
STAND_IN = '''#!{python}
import os
import sys
# What a stand-in runs itself is the real program.
os.environ["PATH"] = os.environ["PATH"].partition(":")[2]
sys.path.insert(0, {folder!r})
import test_kubernetes_page
sys.exit(getattr(test_kubernetes_page, "as_" + {name!r})(sys.argv[1:]))
'''


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def options(words):
    """(words without options, options by name); each option that these commands use has a value, but for the given ones."""
    plain, found, words = [], {}, list(words)
    while words:
        word = words.pop(0)
        if word in ("--create-namespace", "--take-ownership", "--all-namespaces"):
            found[word] = ""
        elif word.startswith("--"):
            found[word] = words.pop(0)
        else:
            plain.append(word)
    return plain, found


def installed(path="cluster.yaml"):
    with open(path) as file:
        return [one for one in yaml.safe_load_all(file) if one]


def plural(one):
    return {definition["spec"]["names"]["kind"]: name for name, definition in DEFINITIONS.items()}[one["kind"]]


def as_docker(words):
    verb, *rest = words
    if verb == "build":
        plain, given = options(rest)
        target = f"AS {given['--target']}\n" in (ROOT / "deploy/Dockerfile").read_text()
        return 0 if plain == ["."] and given["--file"] == "deploy/Dockerfile" and target else 1
    return 0 if verb == "push" else 1


def as_helm(words):
    verb, *rest = words
    described = helm(verb, "--help").stdout
    if unknown := [word for word in rest if word.startswith("--") and f"{word} " not in described]:
        sys.exit(f"helm {verb} has no {unknown}")
    if verb in ("lint", "template"):
        done = helm(*words)
    elif verb in ("install", "upgrade"):
        done = helm("template", *(word for word in rest if word not in ("--create-namespace", "--take-ownership")))
        if done.returncode == 0:
            with open("cluster.yaml", "w") as file:
                file.write(done.stdout)
    else:
        [release], given = options(rest)
        names = {one["metadata"]["labels"]["app.kubernetes.io/instance"] for one in installed()}
        return 0 if verb in ("test", "rollback", "uninstall") and names == {release} and "--namespace" in given else 1
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    return done.returncode


def as_kubectl(words):
    plain, given = options(words)
    match plain:
        case ["create" | "delete", "namespace", "kedastral"]:
            return 0
        case ["apply"] if "--filename" in given:
            with open(given["--filename"]) as file:
                return 0 if all(not problems(plural(one), one) for one in yaml.safe_load_all(file)) else 1
        case ["get", "forecastpolicies" | "forecastpolicies,datasources"]:
            return 0 if given.get("--namespace") == "shop" or "--all-namespaces" in given else 1
        case ["patch", "forecastpolicy", name]:
            with open("policy.yaml") as file:
                policy = list(yaml.safe_load_all(file))[-1]
            policy["spec"] |= json.loads(given["--patch"])["spec"]
            return 0 if policy["metadata"]["name"] == name and not problems("forecastpolicies", policy) else 1
        case ["delete", "customresourcedefinition", *names]:
            return 0 if set(names) == {f"{name}.kedastral.io" for name in NAMES} else 1
        case ["apply"]:
            done = subprocess.run([kubectl(), "kustomize", given["--kustomize"]], capture_output=True, text=True)
            sys.stderr.write(done.stderr)
            objects = list(yaml.safe_load_all(done.stdout))
            policies.objects_fit_kubernetes_schemas(objects, "1.33")
            return 0 if objects and done.returncode == 0 else 1
        case ["diff"]:
            return 0 if list(yaml.safe_load_all(sys.stdin.read())) else 1
        case ["rollout", "status", name] | ["port-forward", name, _] | ["scale", name]:
            kind, _, name = name.partition("/")
            found = [
                one for one in installed() if (one["kind"].lower(), one["metadata"]["name"]) == (kind, name)
                and one["metadata"]["namespace"] == given["--namespace"]]
            if plain[0] == "port-forward" and found:
                port = int(plain[2].partition(":")[2])
                return 0 if port in [one["port"] for one in found[0]["spec"]["ports"]] else 1
            return 0 if found else 1
    return 1


@pytest.fixture
def world(tmp_path):
    """A folder with the files of the page, and the environment of its commands."""
    (tmp_path / "deploy").symlink_to(ROOT / "deploy")
    files = [(re.match(r"# (\S+\.yaml)\n", text), text) for text in blocks("yaml")]
    for name, text in files:
        if name:
            (tmp_path / name[1]).write_text(text)
    (tmp_path / "kedastral.yaml").write_text((ROOT / "deploy/kustomize/kedastral.yaml").read_text())
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("docker", "helm", "kubectl"):
        text = STAND_IN.format(python=sys.executable, folder=str(ROOT / "Tests/ManifestTests"), name=name)
        (programs / name).write_text(text)
        (programs / name).chmod(0o755)
    return tmp_path, {"PATH": f"{programs}:/usr/local/bin:/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}


def test_the_commands_of_the_page_work_in_its_order(world):
    folder, environment = world
    commands = blocks("sh")
    assert len(commands) >= 6
    for text in commands:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text], cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, f"{text}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"


@pytest.mark.parametrize("command", [
    "kubectl --namespace kedastral rollout status deployment/kedastral-bananas",
    "kubectl --namespace other rollout status deployment/kedastral-scaler",
    "kubectl --namespace kedastral port-forward service/kedastral-scaler 1:1",
    "helm uninstall other --namespace kedastral",
    "helm uninstall kedastral --namespace kedastral --bananas",
    "docker build --file deploy/Dockerfile --target bananas --tag x .",
])
def test_the_stand_ins_refuse_what_is_not_there(world, command):
    folder, environment = world
    install = "helm install kedastral deploy/helm/kedastral --namespace kedastral --values values.yaml"
    run = dict(cwd=folder, env=environment, shell=True, capture_output=True, timeout=60)
    assert subprocess.run(install, **run).returncode == 0
    assert subprocess.run(command, **run).returncode != 0


def test_measured_results_are_those_of_the_benchmarks():
    benchmarks = (ROOT / "docs/benchmarks.md").read_text()
    sizing = PAGE.partition("## Sizing\n")[2].partition("\n## ")[0]
    for number in ("179,481", "37.2", "62.7", "14.7", "30.4", "365", "186", "281 KiB", "391 KiB", "59.443", "0.188"):
        assert number in benchmarks
    for number in ("179,481", "14.7 %", "30.4 %", "365 MB", "186 MB", "281 to 391 KiB"):
        assert number in sizing


def test_values_that_the_page_names_exist():
    table = (ROOT / "deploy/helm/kedastral/README.md").read_text()
    named = re.findall(r"`((?:forecaster|scaler|metrics|triggerAuthentication|networkPolicy|httpToken|tests)\.[\w.]+)", PAGE)
    assert len(named) > 10
    for name in named:
        assert f"`{name}`" in table or f"`{name}." in table, name
