"""The CustomResourceDefinitions: structural schemas, their defaults, and the objects that they accept and reject."""
import copy
import re

import jsonschema
import pytest
import yaml
from crds import DEFINITIONS, FOLDER, NAMES, complete, problems, rules, schema

POLICY = yaml.safe_load("""
apiVersion: kedastral.io/v1alpha1
kind: ForecastPolicy
metadata: {name: web, namespace: shop}
spec:
  scaleTargetRef: {name: web}
  metric: rps
  dataSourceRef: {name: prometheus}
  capacity: {targetPerPod: 100}
""")
# As a user of the Go implementation writes them.
GO_POLICY = yaml.safe_load("""
apiVersion: kedastral.io/v1alpha1
kind: ForecastPolicy
metadata: {name: web-api, namespace: shop}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web-api}
  metric: http_requests
  dataSourceRef: {name: prometheus}
  model:
    type: sarima
    sarima: {p: 1, d: 1, q: 1, seasonalP: 1, seasonalD: 1, seasonalQ: 1, seasonalPeriod: 24}
    arima: {p: 0, d: 0, q: 0}
  forecast: {horizon: 30m, step: 1m, interval: 30s, window: 30m}
  capacity:
    targetPerPod: 100
    headroom: 1.2
    quantileLevel: p90
    minReplicas: 2
    maxReplicas: 20
    upMaxFactorPerStep: 2.0
    downMaxPercentPerStep: 50
  leadTime: 10m
""")
FULL = yaml.safe_load("""
apiVersion: kedastral.io/v1alpha1
kind: ForecastPolicy
metadata: {name: web, namespace: shop}
spec:
  scaleTargetRef: {apiVersion: argoproj.io/v1alpha1, kind: Rollout, name: web}
  metric: rps
  dataSourceRef: {kind: ClusterDataSource, name: prometheus}
  query: sum(rate(http_requests_total[1m]))
  sourceConfig: {partialResponse: refuse, bootstrap: 'https://archive.shop/load.csv'}
  model: {type: byom, byomURL: 'http://model.shop:8080'}
  forecast: {settleTime: 3m, maxSampleAge: 10m, bridge: 20m, timeZone: Europe/Berlin, window: 1d12h}
  capacity:
    targetPerPod: 12.5
    shortageCost: 30
    minReplicas: 0
    prewarmSteps: 2
    rounding: ceil
    reactiveFloor: true
    accuracyGate: 0.5
    activationThreshold: 0
  schedules: [{begins: "30 8 * * mon-fri", duration: 2h, minReplicas: 5}]
  calendar:
    country: DE-BY
    days:
      - {name: Black Friday, date: "2026-11-27", before: 6h, after: 1d}
      - {name: sale, start: "2026-12-01 18:00", end: "2026-12-01 22:00", load: 2.5}
      - {name: bridge day, date: "2026-12-28", like: sunday}
  covariates: [{name: frontend, query: sum(frontend)}]
  otherMetrics:
    - {metric: queue, query: sum(queue), model: {type: arima}, capacity: {targetPerPod: 10, quantileLevel: '0.9'}}
    - {metric: kafka, sourceConfig: {scaledObject: web, trigger: lag}, dataSourceRef: {name: keda}, capacity: {targetPerPod: 5}}
  leadTime: auto
  leadTimeQuery: max(startup)
  mode: load
  select: at-lead
  dryRun: true
  scaledObject: none
  pollingInterval: 15
  fallback: {failureThreshold: 5, replicas: 4, behavior: static}
  behavior: {scaleDown: {stabilizationWindowSeconds: 0}}
status:
  observedGeneration: 3
  workload: shop_web
  scaledObjectName: web
  autoscalerName: web
  minReplicas: 4
  lastForecastTime: '2026-01-01T00:00:00Z'
  currentLoad: 12.5
  currentReplicas: 2
  desiredReplicas: 3
  conditions:
    - {type: Ready, status: 'True', observedGeneration: 3, lastTransitionTime: '2026-01-01T00:00:00Z', reason: Planned, message: ''}
""")
HEADROOM = yaml.safe_load("""
apiVersion: kedastral.io/v1alpha1
kind: HeadroomPolicy
metadata: {name: placeholders, namespace: shop}
spec:
  scaleTargetRef: {name: placeholders}
  nodeStartup: 3m
  placeholder: {cpu: "1", memory: 2Gi}
  maxReplicas: 20
  policies:
    - {name: web, requests: {cpu: 500m, memory: 512Mi}}
    - {name: api, namespace: other, requests: {cpu: "0.5"}}
""")
SOURCE = yaml.safe_load("""
apiVersion: kedastral.io/v1alpha1
kind: DataSource
metadata: {name: prometheus, namespace: shop}
spec:
  type: prometheus
  config: {url: 'http://prometheus.monitoring:9090', query: 'sum(rate(http_requests_total[1m]))'}
""")
CLUSTER_SOURCE = yaml.safe_load("""
apiVersion: kedastral.io/v1alpha1
kind: ClusterDataSource
metadata: {name: prometheus}
spec:
  type: prometheus
  config: {url: 'https://prometheus.monitoring:9090'}
  secretRefs:
    token: {namespace: monitoring, name: prometheus, key: token}
    tls: {namespace: monitoring, name: prometheus-client}
  configMapRef: {namespace: monitoring, name: authorities}
""")


def changed(one, path, value):
    """A copy with one field set, or removed."""
    one = copy.deepcopy(one)
    *way, last = path.split(".")
    place = one
    for key in way:
        place = place.setdefault(key, {})
    if value is None:
        place.pop(last, None)
    else:
        place[last] = value
    return one


@pytest.mark.parametrize("one", [POLICY, GO_POLICY, FULL], ids=["least", "go", "full"])
def test_policies_are_accepted(one):
    assert problems("forecastpolicies", one) == []


def test_sources_are_accepted():
    assert problems("datasources", SOURCE) == []
    assert problems("clusterdatasources", CLUSTER_SOURCE) == []


@pytest.mark.parametrize("path,value,expected", [
    ("spec.nodeStartup", None, "'nodeStartup' is a required property"),
    ("spec.nodeStartup", "soon", "does not match"),
    ("spec.placeholder", {}, "a placeholder requests cpu or memory, or both"),
    ("spec.placeholder", {"cpu": "one"}, "does not match"),
    ("spec.policies", [], "non-empty|too short"),
    ("spec.policies", [{"name": "web"}], "'requests' is a required property"),
    ("spec.maxReplicas", 0, "minimum"),
    ("spec.dryRun", True, "unexpected"),
])
def test_wrong_headroom_policies_are_rejected(path, value, expected):
    assert problems("headroompolicies", HEADROOM) == []
    found = problems("headroompolicies", changed(HEADROOM, path, value))
    assert any(re.search(expected, one) for one in found), found


@pytest.mark.parametrize("path,value,expected", [
    ("spec.scaleTargetRef.name", None, "'name' is a required property"),
    ("spec.metric", "", "non-empty|too short"),
    ("spec.capacity", None, "'capacity' is a required property"),
    ("spec.capacity.targetPerPod", 0, "targetPerPod and headroom must be positive"),
    ("spec.capacity.minReplicas", 101, "minReplicas must not exceed maxReplicas"),
    ("spec.capacity.minReplicas", -1, "minimum"),
    ("spec.capacity.minreplicas", 1, "unexpected"),
    ("spec.capacity.quantileLevel", "90 %", "does not match"),
    ("spec.capacity.downMaxPercentPerStep", 101, "maximum"),
    ("spec.model", {"type": "prophet"}, "is not one of"),
    ("spec.model", {"type": "byom"}, "the model byom needs byomURL"),
    ("spec.model", {"type": "byom", "byomURL": "file:///etc/passwd"}, "does not match"),
    ("spec.forecast.step", "1 minute", "does not match"),
    ("spec.leadTime", "-5m", "does not match"),
    ("spec.leadTimeQuery", "max(startup)", "leadTimeQuery is used with leadTime auto only"),
    ("spec.sourceConfig", {"bootstrap": "/etc/passwd"}, "bootstrap must be an http or https URL"),
    ("spec.dataSourceRef.kind", "Secret", "is not one of"),
    ("spec.sourceConfig", {"url": "http://other"}, "belong to the data source"),
    ("spec.schedules", [{"begins": "0 8 * * *", "duration": "1h"}], "a schedule needs minReplicas or maxReplicas"),
    ("spec.schedules", [{"begins": "0 8 * * *", "duration": "1h", "minReplicas": 3, "maxReplicas": 2}], "must not exceed"),
    ("spec.calendar", {"days": [{"name": "sale"}]}, "either date, or start and end"),
    ("spec.calendar", {"days": [{"name": "sale", "date": "2026-11-27", "like": "sunday", "load": 2}]}, "exclude each other"),
    ("spec.calendar", {"holidaysFile": "/etc/passwd"}, "unexpected"),
    ("spec.covariates", [{"name": "sales", "schedule": "/etc/passwd", "query": "x"}], "unexpected"),
    ("spec.covariates", [{"name": "frontend"}], "required"),
    ("spec.otherMetrics", [{"metric": "queue", "capacity": {"targetPerPod": -1}}], "minimum"),
    ("spec.otherMetrics", [{"metric": "queue", "capacity": {"targetPerPod": 1}, "sourceConfig": {"url": "x"}}], "belong to the data"),
    ("spec.fallback.behavior", "none", "is not one of"),
    ("spec.apply", "minReplica", "is not one of"),
    ("spec", {**POLICY["spec"], "apply": "minReplicas", "mode": "load"}, "needs mode: replicas"),
    ("metadata.name", "x" * 190, "must not have more than 189 characters"),
])
def test_wrong_policies_are_rejected(path, value, expected):
    found = problems("forecastpolicies", changed(POLICY, path, value))
    assert len(found) == 1 and re.search(expected, found[0]), found


@pytest.mark.parametrize("name,one", [("datasources", SOURCE), ("clusterdatasources", CLUSTER_SOURCE)])
@pytest.mark.parametrize("path,value,expected", [
    ("spec.type", "csv", "is not one of"),
    ("spec.config.bearerTokenFile", "/var/run/secrets/kubernetes.io/serviceaccount/token", "files of the forecaster cannot be named"),
    ("spec.config.caFile", "/etc/ssl/ca.pem", "files of the forecaster cannot be named"),
    ("spec.config.timeout", 10, "is not of type 'string'"),
    ("spec.config.bootstrap", "/etc/passwd", "bootstrap must be an http or https URL"),
])
def test_wrong_sources_are_rejected(name, one, path, value, expected):
    found = problems(name, changed(one, path, value))
    assert len(found) == 1 and re.search(expected, found[0]), found


def test_two_kinds_of_credentials_are_rejected():
    refs = {"token": {"name": "a"}, "basicAuth": {"name": "b"}}
    assert problems("datasources", changed(SOURCE, "spec.secretRefs", refs)) == [
        "self.spec.secretRefs: token and basicAuth cannot be combined"]


def test_keda_s_metrics_service_needs_a_client_certificate():
    found = problems("datasources", changed(SOURCE, "spec.type", "keda"))
    assert len(found) == 1 and "name its Secret in secretRefs.tls" in found[0]
    assert problems("clusterdatasources", changed(CLUSTER_SOURCE, "spec.type", "keda")) == []


def test_references_of_the_whole_cluster_name_a_namespace():
    found = problems("clusterdatasources", changed(CLUSTER_SOURCE, "spec.secretRefs.token.namespace", None))
    assert len(found) == 1 and "'namespace' is a required property" in found[0]


def test_defaults():
    spec = complete(copy.deepcopy(POLICY), schema("forecastpolicies"))["spec"]
    assert spec["model"] == {"type": "auto"}
    assert spec["forecast"] == {"horizon": "30m", "step": "1m", "interval": "30s", "window": "8d"}
    assert spec["capacity"] == {
        "targetPerPod": 100, "headroom": 1.2, "quantileLevel": "0", "minReplicas": 1, "maxReplicas": 100,
        "upMaxFactorPerStep": 2, "downMaxPercentPerStep": 50}
    assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    assert spec["fallback"] == {"enabled": True, "failureThreshold": 3, "behavior": "currentReplicasIfHigher"}
    assert (spec["leadTime"], spec["apply"], spec["scaledObject"], spec["dryRun"]) == ("10m", "scaledObject", "managed", False)


def nodes(node):
    yield node
    for child in node.get("properties", {}).values():
        yield from nodes(child)
    for key in ("items", "additionalProperties"):
        if key in node:
            yield from nodes(node[key])


@pytest.mark.parametrize("name", NAMES)
def test_schemas_are_structural_and_bounded(name):
    """What an API server demands: a type for each node, valid defaults, and bounds, without which rules cost too much."""
    for node in nodes(schema(name)):
        assert "type" in node, node
        assert not {"$ref", "allOf", "anyOf", "oneOf", "not", "definitions"} & set(node)
        assert not ("properties" in node and "additionalProperties" in node)
        if "default" in node:
            jsonschema.Draft202012Validator(node).validate(complete(copy.deepcopy(node["default"]), node))
    for node in nodes(schema(name)["properties"]["spec"]):
        if node["type"] == "string":
            assert "maxLength" in node or "enum" in node, node
        if node["type"] == "array":
            assert "maxItems" in node, node
        if "additionalProperties" in node:
            assert "maxProperties" in node, node


@pytest.mark.parametrize("name", NAMES)
def test_definitions(name):
    spec = DEFINITIONS[name]["spec"]
    version = spec["versions"][0]
    assert DEFINITIONS[name]["metadata"]["name"] == f'{spec["names"]["plural"]}.{spec["group"]}'
    assert spec["names"]["plural"] == name and version["subresources"] == {"status": {}}
    assert {column["name"] for column in version["additionalPrinterColumns"]} >= {"Ready", "Age"}
    assert {"forecastpolicies": ["fp"], "headroompolicies": ["hrp"], "datasources": ["ds"], "clusterdatasources": ["cds"]}[name] == spec["names"]["shortNames"]


def test_each_rule_has_been_tried():
    tried = {rule["rule"] for name, one in [("forecastpolicies", FULL), ("headroompolicies", HEADROOM), ("datasources", changed(SOURCE, "spec.secretRefs", {}))]
             for _, _, rule in rules(complete(copy.deepcopy(one), schema(name)), schema(name))}
    written = {rule["rule"] for name in NAMES for node in nodes(schema(name)) for rule in node.get("x-kubernetes-validations", [])}
    assert tried == written


def test_the_folder_lists_every_definition():
    assert yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"] == sorted(f"{name}.yaml" for name in NAMES)
