"""The objects of docs/recipes.md: each is one that its definition accepts, and that Kedastral's scaler answers.

KEDA's formulas are computed by a reader of our own, which has the few operators that the page uses; KEDA evaluates them with expr."""
import copy
import json
import re
import subprocess
import sys

import jsonschema
import kubernetes_validate
import pytest
import yaml
from cluster import PROGRAMS, ROOT
from crds import problems, scaled_object_problems
from test_chart import OTHERS, policies

sys.path.insert(0, str(ROOT / "Tests/DocumentTests"))
from programs import Program, eventually, free_port  # noqa: E402

PAGE = (ROOT / "docs/recipes.md").read_text()
ROWS = re.findall(r"^\| (`.*?`) \|", (ROOT / "docs/keda.md").read_text().partition("## Trigger metadata")[2], re.MULTILINE)
KEYS = {key for row in ROWS for key in re.findall(r"`(\w+)`", row)}
# What KEDA's own scalers require in these recipes, and what else the recipes set there.
TRIGGERS = {
    "prometheus": ({"serverAddress", "query", "threshold"}, {"ignoreNullValues"}),
    "kafka": ({"bootstrapServers", "consumerGroup", "topic", "lagThreshold"}, set()),
    "cpu": ({"value"}, set()),
}
PAUSES = {"paused", "paused-replicas", "paused-scale-in", "paused-scale-out"}


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


[CONFIGURATION] = [text for text in blocks("yaml") if text.startswith("# kedastral\n")]
WORKLOADS = {one["name"]: one["policy"] for one in yaml.safe_load(CONFIGURATION)["workloads"]}


def page_objects():
    """Each object of the page with the heading above it; the ScaledObject in Knative's annotation as one more."""
    heading, found = "", []
    for match in re.finditer(r"^## ([^\n]*)$|^```yaml\n(# (?:keda|cluster)\n.*?)^```", PAGE, re.DOTALL | re.MULTILINE):
        heading = match[1] or heading
        for one in yaml.safe_load_all(match[2] or ""):
            if one is None:
                continue
            found.append((heading, one))
            if one["kind"] == "Service":
                annotations = one["spec"]["template"]["metadata"]["annotations"]
                written = json.loads(annotations["autoscaling.knative.dev/scaled-object-override"])
                limit = int(annotations["autoscaling.knative.dev/max-scale"])
                found.append((heading, knative_scaled_object(written, one["metadata"]["name"], limit)))
    return found


def knative_scaled_object(written, name, limit):
    """The ScaledObject that Knative's extension makes of the annotation for a revision."""
    spec = {**written["spec"], "scaleTargetRef": {"name": f"{name}-00001-deployment"}, "maxReplicaCount": limit}
    return {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": name}, "spec": spec}


OBJECTS = page_objects()
SCALED = [pytest.param(one, id=heading) for heading, one in OBJECTS if one["kind"] == "ScaledObject"]


# MARK: Formulas

TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?)|([A-Za-z_]\w*)|(\?\?|[-+*/()]))")


def computed(formula, values):
    """The formula's value, where a trigger that failed is None; arithmetic with None is an error, as in KEDA."""
    formula = formula.strip()
    words, position = [], 0
    while position < len(formula):
        match = TOKEN.match(formula, position)
        assert match, f"{formula!r} has something at {position} that this test does not compute"
        words.append(match)
        position = match.end()

    def peek():
        return words[0][3] if words else None

    def atom():
        match = words.pop(0)
        if match[1]:
            return float(match[1])
        if match[2]:
            return values[match[2]]
        assert match[3] == "(", match[0]
        inside = sum_of()
        assert words.pop(0)[3] == ")"
        return inside

    # In expr `??` binds tighter than the arithmetic operators.
    def first_known():
        found = atom()
        while peek() == "??":
            words.pop(0)
            other = atom()
            found = other if found is None else found
        return found

    def product():
        found = first_known()
        while peek() in ("*", "/"):
            found = found * first_known() if words.pop(0)[3] == "*" else found / first_known()
        return found

    def sum_of():
        found = product()
        while peek() in ("+", "-"):
            found = found + product() if words.pop(0)[3] == "+" else found - product()
        return found

    result = sum_of()
    assert not words, f"{formula!r} does not end where it should"
    return result


def replicas(one, **values):
    """The replicas that KEDA and the HPA make of the triggers' values, or of the fallback when all have failed."""
    spec = one["spec"]
    modifiers = spec["advanced"]["scalingModifiers"]
    value = computed(modifiers["formula"], values)
    wanted = spec["fallback"]["replicas"] if value is None else -(-value // float(modifiers["target"]))
    return min(max(wanted, spec["minReplicaCount"]), spec["maxReplicaCount"])


def with_formula(start):
    [found] = [one for _, one in OBJECTS if one["kind"] == "ScaledObject"
               and one["spec"].get("advanced", {}).get("scalingModifiers", {}).get("formula", "").startswith(start)]
    return found


@pytest.mark.parametrize(("formula", "forecast", "reactive", "expected"), [
    ("forecast", 9, 4, 9), ("forecast", None, 4.2, 5), ("forecast", None, None, 6), ("forecast", 99, 4, 40),
    ("reactive", 9, 4, 4), ("reactive", 9, None, 9), ("reactive", None, None, 6), ("reactive", 9, 0.2, 2),
])
def test_a_failed_metric_is_replaced_by_the_other_one(formula, forecast, reactive, expected):
    assert replicas(with_formula(formula), forecast=forecast, reactive=reactive) == expected


@pytest.mark.parametrize(("own", "other", "expected"), [(10, 20, 20), (10, None, 16), (None, 20, 22), (None, None, 18), (80, 60, 90)])
def test_a_region_has_pods_for_its_own_load_and_for_half_of_the_other_one(own, other, expected):
    assert replicas(with_formula("(own"), own=own, other=other) == expected


@pytest.mark.parametrize("formula", ["forecast ? 1 : 2", "forecast &", "(forecast", "forecast )"])
def test_a_formula_that_is_not_computed_is_an_error(formula):
    with pytest.raises((AssertionError, IndexError)):
        computed(formula, {"forecast": 1.0})


# MARK: Objects

def rules_of_keda(one):
    """What KEDA's admission webhook and scalers require beyond the schema."""
    spec, found = one["spec"], []
    triggers = spec["triggers"]
    names = [trigger.get("name") for trigger in triggers]
    if len(set(names)) != len(names):
        found.append("two triggers have one name")
    if modifiers := spec.get("advanced", {}).get("scalingModifiers"):
        used = set(re.findall(r"[A-Za-z_]\w*", modifiers["formula"]))
        if used != set(names):
            found.append(f"the formula uses {sorted(used)}, the triggers are {names}")
        if any(trigger["type"] in ("cpu", "memory") for trigger in triggers):
            found.append("a formula has no value for cpu and memory")
        if "fallback" in spec and not re.fullmatch(r"[1-9]\d*", modifiers["target"]):
            found.append("a fallback requires a whole number as target")
        if "??" in modifiers["formula"] and spec.get("fallback", {}).get("behavior") != "scalingModifiers":
            found.append("a failed trigger is nil only with behavior: scalingModifiers")
    elif spec.get("fallback", {}).get("behavior") == "scalingModifiers":
        found.append("behavior: scalingModifiers requires a formula")
    for trigger in triggers:
        if trigger["type"] in ("external", "external-push"):
            if unknown := set(trigger["metadata"]) - KEYS - {"scalerAddress", "enableTLS"}:
                found.append(f"unknown metadata {sorted(unknown)}")
            if trigger.get("metricType", "AverageValue") != "AverageValue":
                found.append("metricType must be AverageValue")
        else:
            required, optional = TRIGGERS[trigger["type"]]
            if required - set(trigger["metadata"]) or set(trigger["metadata"]) - required - optional:
                found.append(f"metadata of {trigger['type']}")
    return found


@pytest.mark.parametrize("one", SCALED)
def test_every_scaled_object_is_one_that_keda_accepts(one):
    assert not scaled_object_problems(one)
    assert not rules_of_keda(one)


@pytest.mark.parametrize(("change", "problem"), [
    (lambda spec: spec["advanced"]["scalingModifiers"].update(formula="forecast ?? other"), "the formula uses"),
    (lambda spec: spec["advanced"]["scalingModifiers"].update(target="1.5"), "whole number"),
    (lambda spec: spec["fallback"].update(behavior="static"), "only with behavior"),
    (lambda spec: spec["triggers"][0]["metadata"].update(leadtime="5m"), "unknown metadata"),
    (lambda spec: spec["triggers"][0].update(metricType="Value"), "AverageValue"),
    (lambda spec: spec.pop("advanced"), "requires a formula"),
    (lambda spec: spec["triggers"][1]["metadata"].pop("threshold"), "metadata of prometheus"),
])
def test_a_mistake_in_a_recipe_is_found(change, problem):
    broken = copy.deepcopy(with_formula("forecast"))
    change(broken["spec"])
    assert any(problem in found for found in rules_of_keda(broken))


@pytest.mark.parametrize("one", [pytest.param(one, id=heading) for heading, one in OBJECTS if one["kind"] != "ScaledObject"])
def test_every_other_object_fits_its_schema(one):
    key = {"Service": "KnativeService"}.get(one["kind"], one["kind"])
    if key == "ForecastPolicy":
        assert not problems("forecastpolicies", one)
    elif key in OTHERS:
        schema = {"type": "object", **copy.deepcopy(OTHERS[key])}
        schema["properties"] |= {name: {} for name in ("apiVersion", "kind", "metadata")}
        jsonschema.Draft202012Validator(policies.strict(schema)).validate(one)
    else:
        kubernetes_validate.validate(one, kubernetes_validate.latest_version(), strict=True)


def test_limits_of_a_recipe_are_those_of_its_workload():
    for heading, one in OBJECTS:
        if one["kind"] == "ScaledObject" and heading not in ("Several regions", "Nodes ahead of pods"):
            [workload] = {trigger["metadata"]["workload"] for trigger in one["spec"]["triggers"] if trigger["type"] == "external"}
            policy = WORKLOADS[workload]
            assert (one["spec"]["minReplicaCount"], one["spec"]["maxReplicaCount"]) == (policy["min"], policy["max"]), heading


def test_autoscalers_and_policies_of_a_recipe_have_the_limits_of_their_workload():
    found = [one for _, one in OBJECTS if one["kind"] in ("HorizontalPodAutoscaler", "ForecastPolicy")]
    assert len(found) == 3
    for one in found:
        spec = one["spec"]
        limits = spec.get("capacity", spec)
        policy = WORKLOADS[spec["scaleTargetRef"]["name"]]
        assert (limits["minReplicas"], limits["maxReplicas"]) == (policy["min"], policy["max"])
        assert one["kind"] == "HorizontalPodAutoscaler" or limits["targetPerPod"] == policy["targetPerPod"]
        for metric in spec.get("metrics", []):
            if metric["type"] == "External":
                assert metric["external"]["target"] == {"type": "AverageValue", "averageValue": "1"}


def test_every_recipe_of_the_table_has_an_object_or_a_command():
    rows = re.findall(r"\| \[(.+?)\]\(#(.+?)\) \|", PAGE)
    headings = re.findall(r"^## (.*)$", PAGE, re.MULTILINE)
    assert len(rows) > 10 and {name for name, _ in rows} == set(headings)
    for name, anchor in rows:
        assert anchor == re.sub(r"[^\w -]", "", name.lower()).replace(" ", "-")
        section = PAGE.partition(f"## {name}\n")[2].partition("\n## ")[0]
        assert re.search(r"```(yaml\n# (keda|cluster)|sh)\n", section), name


def test_commands_set_annotations_of_keda_on_an_object_of_the_page():
    names = {one["metadata"]["name"] for _, one in OBJECTS if one["kind"] == "ScaledObject"}
    lines = [line for text in blocks("sh") for line in text.splitlines()]
    assert len(lines) >= 4
    for line in lines:
        match = re.fullmatch(
            r"kubectl --namespace shop annotate scaledobject (\S+) autoscaling\.keda\.sh/([\w-]+?)(?:=(\w+) --overwrite|-)", line)
        assert match and match[1] in names and match[2] in PAUSES, line
        if match[3]:
            assert re.fullmatch(r"\d+" if match[2] == "paused-replicas" else "true|false", match[3]), line
    assert {name for name in PAUSES if f"`autoscaling.keda.sh/{name}: " in PAGE} == PAUSES


@pytest.fixture(scope="module")
def scaler(tmp_path_factory):
    """The address of a scaler that runs the page's configuration, with a constant load in place of its queries."""
    folder = tmp_path_factory.mktemp("recipes")
    rows = "\n".join(f"{1_699_999_980 + 60 * minute},10" for minute in range(3000))
    (folder / "load.csv").write_text(f"timestamp,value\n{rows}\n")
    configuration = yaml.safe_load(CONFIGURATION)
    for one in [configuration["defaults"], *configuration["workloads"]]:
        one["source"] = {"type": "csv", "path": str(folder / "load.csv")}
    configuration["defaults"] |= {"model": "baseline", "window": "1d", "interval": "1s"}
    (folder / "kedastral.yaml").write_text(yaml.safe_dump(configuration))
    http, grpc = free_port(), free_port()
    words = [PROGRAMS / "kedastral", "run", "-config", folder / "kedastral.yaml", "-listen", f"127.0.0.1:{http}",
             "-scaler-listen", f"127.0.0.1:{grpc}"]
    with Program(*words) as program:
        program.wait_for("serving ")
        yield f"127.0.0.1:{grpc}", program


@pytest.mark.parametrize("one", SCALED)
def test_the_scaler_answers_the_triggers_of_every_recipe(one, scaler):
    address, program = scaler
    for trigger in one["spec"]["triggers"]:
        if trigger["type"] != "external":
            continue
        metadata = {name: value for name, value in trigger["metadata"].items() if name not in ("scalerAddress", "enableTLS")}
        words = [PROGRAMS / "kedastral", "query", address, "-o", "json", "-workload", metadata.pop("workload", one["metadata"]["name"])]
        words += [word for name, value in metadata.items() for word in ("--metadata", f"{name}={value}")]

        def answer():
            done = subprocess.run(words, capture_output=True, text=True, timeout=20)
            return json.loads(done.stdout) if done.returncode == 0 else None
        found = eventually(answer, program)
        # The load is constant, so that no placeholder is needed.
        assert found["metrics"][0]["value"] >= 1 or "headroom" in metadata, found
        assert found["metrics"][0]["target"] == 1, found
