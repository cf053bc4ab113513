"""The files that describe the project to its host and to contributors say what is there."""
import re
import subprocess

import pytest
import yaml
from programs import ROOT


def make_targets():
    text = (ROOT / "Makefile").read_text()
    return set(re.findall(r"^([a-z-]+):", text, re.MULTILINE))


def test_make_help_explains_every_target():
    shown = subprocess.run(["make", "-C", ROOT, "--no-print-directory", "help"], check=True, capture_output=True, text=True)
    lines = dict(line.split(maxsplit=1) for line in shown.stdout.splitlines())
    assert set(lines) == make_targets() and all(len(text) > 10 for text in lines.values())


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", ".github/pull_request_template.md", ".github/workflows/ci.yml"])
def test_make_targets_that_a_page_names_exist(page):
    named = set(re.findall(r"\bmake ([a-z-]+)\b", (ROOT / page).read_text())) - {"sure"}
    assert named <= make_targets(), named - make_targets()


def test_ci_runs_all_tests_and_the_lint_in_a_container_with_swift():
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    commands = [step.get("run", "") for job in workflow["jobs"].values() for step in job["steps"]]
    assert "make test" in commands and "make lint" in commands
    assert all(job["container"].startswith("swift:") for job in workflow["jobs"].values())


def test_issue_forms_have_what_the_host_requires():
    for form in ROOT.glob(".github/ISSUE_TEMPLATE/*.yml"):
        content = yaml.safe_load(form.read_text())
        assert content["name"] and content["description"] and content["body"], form
        fields = [field for field in content["body"] if field["type"] != "markdown"]
        assert all(field["id"] and field["attributes"]["label"] for field in fields), form


def test_documented_targets_exist_and_need_no_system_library():
    package = (ROOT / "Package.swift").read_text()
    [configuration] = yaml.safe_load((ROOT / ".spi.yml").read_text())["builder"]["configs"]
    for target in [configuration["target"], *configuration["documentation_targets"]]:
        declaration = re.search(rf'\.target\(\s*name: "{target}"(?:, dependencies: \[([^\]]*)\])?', package)
        assert declaration, target
        assert set(re.findall(r'"(\w+)"', declaration[1] or "")) <= {"KedastralCore", "KedastralModels"}, target


def test_the_notice_names_files_that_exist():
    paths = re.findall(r"\b(?:Sources|Examples|Tests|proto)/[\w./-]*\w", (ROOT / "NOTICE").read_text())
    assert len(paths) > 3 and all((ROOT / path).exists() for path in paths), paths


def test_the_licence_is_whole():
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text and "END OF TERMS AND CONDITIONS" in text


def test_files_that_contributors_are_sent_to_exist():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    for path in re.findall(r"`((?:Sources|Tests|scripts|docs|Fuzz)/[\w./-]+|scripts/[\w-]+)", text):
        assert (ROOT / path).exists(), path
