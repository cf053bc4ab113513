"""The CustomResourceDefinitions, and what an API server does with their schemas: it sets defaults, validates, and applies rules."""
import copy

import celpy
import jsonschema
import yaml
from celpy.adapter import json_to_cel
from cluster import ROOT
from test_manifests import CRD, strict

FOLDER = ROOT / "deploy/crds"
NAMES = ("forecastpolicies", "headroompolicies", "datasources", "clusterdatasources")
DEFINITIONS = {name: yaml.safe_load((FOLDER / f"{name}.yaml").read_text()) for name in NAMES}


def schema(name):
    return DEFINITIONS[name]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]


def complete(one, node):
    """The value with the schema's defaults."""
    if node.get("type") == "object" and isinstance(one, dict):
        for key, child in node.get("properties", {}).items():
            if key not in one and "default" in child:
                one[key] = copy.deepcopy(child["default"])
            if key in one:
                complete(one[key], child)
    if node.get("type") == "array" and isinstance(one, list):
        for item in one:
            complete(item, node["items"])
    return one


def numbers(one, node):
    """Numbers as CEL has them: `number` is a double, whatever is written."""
    if node.get("type") == "number" and isinstance(one, int):
        return float(one)
    if isinstance(one, dict):
        return {key: numbers(value, node.get("properties", {}).get(key, {})) for key, value in one.items()}
    if isinstance(one, list):
        return [numbers(item, node.get("items", {})) for item in one]
    return one


def rules(one, node, path="self"):
    """The rules that apply to a value and its parts: (path, value, rule)."""
    for rule in node.get("x-kubernetes-validations", []):
        yield path, one, rule
    if isinstance(one, dict):
        for key, child in node.get("properties", {}).items():
            if key in one:
                yield from rules(one[key], child, f"{path}.{key}")
    if isinstance(one, list):
        for index, item in enumerate(one):
            yield from rules(item, node["items"], f"{path}[{index}]")


def evaluate(rule, value):
    environment = celpy.Environment()
    return bool(environment.program(environment.compile(rule)).evaluate({"self": json_to_cel(value)}))


def problems(name, one):
    """Everything for which an API server would reject an object."""
    one = numbers(complete(copy.deepcopy(one), schema(name)), schema(name))
    shape = strict(schema(name))
    shape["properties"]["metadata"] = {"type": "object"}
    found = [f"{error.json_path}: {error.message}" for error in jsonschema.Draft202012Validator(shape).iter_errors(one)]
    # A server applies rules to objects of the right shape alone.
    return found or [f"{path}: {rule['message']}" for path, value, rule in rules(one, schema(name))
                     if not evaluate(rule["rule"], value)]


def scaled_object_problems(one):
    """Everything for which KEDA's definition would reject a ScaledObject."""
    shape = strict(CRD["spec"]["versions"][0]["schema"]["openAPIV3Schema"])
    shape["properties"]["metadata"] = {"type": "object"}
    found = [f"{error.json_path}: {error.message}" for error in jsonschema.Draft202012Validator(shape).iter_errors(one)]
    if not found and one["spec"].get("minReplicaCount", 0) > one["spec"].get("maxReplicaCount", 100):
        found = ["minReplicaCount must not exceed maxReplicaCount"]
    return found
