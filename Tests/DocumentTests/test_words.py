"""The list of words that texts do not use: it finds its phrases, and lets plain English pass."""
import importlib.machinery
import importlib.util
import pathlib

import pytest
from programs import ROOT


@pytest.fixture(scope="module")
def lint():
    loader = importlib.machinery.SourceFileLoader("lint_words", str(ROOT / "scripts/lint-words"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("lint_words", loader))
    loader.exec_module(module)
    return module


def hits(lint, text, name="text.md"):
    shown = lint.prose(pathlib.Path(name), text)
    return [" ".join(match[0].split()) for pattern, _ in lint.words() for match in pattern.finditer(shown)]


@pytest.mark.parametrize("text", [
    "one value a step", "two bytes a\nsample, one actor a workload", "'x' is no duration", "it erred more of late",
    "the store is away", "a round that came to nothing", "it goes on from the plan", "it takes up the state",
    "the plan before stays", "what was asked, of whom", "pods are asked for early", "KEDA is told", "a load that nothing foretells",
    "the load of now", "nobody is served", "it makes no sense", "a table for people", "these figures", "the Go reference",
    "the seed's example", "a restless load", "flags go before the file", "the rooms", "waited in vain",
])
def test_a_phrase_of_the_list_is_found(lint, text):
    assert hits(lint, text), text


@pytest.mark.parametrize("text", [
    "wait for a step", "it forecasts a workload", "a step of the plan", "there is no plan", "it is no longer than that",
    "five minutes away", "throw it away", "it goes on the page", "it takes up to a minute", "the step before the last",
    "once a second", "the day before", "API reference", "a reference to the loop", "room for more", "figure out",
    "units are told apart by size", "no forecast for workload 'nobody'", "outcome.figures.podHours",
    "`is no` in code, and a [link](nobody.md)", "```sh\nnobody\n```\n", "ask for help",
])
def test_plain_english_passes(lint, text):
    assert not hits(lint, text), text


def test_of_swift_comments_and_strings_are_read_and_code_is_not(lint):
    swift = '/// It is\n/// away.\nlet nobody = told("it is told \\(nobody)") // see `nobody`\nlet url = "http://x" + "no//nobody is"'
    assert hits(lint, swift, "File.swift") == ["is away", "told", "nobody"]
