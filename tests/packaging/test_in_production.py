"""The tests that the page "in production" names for its promises exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "in-production.md"
pytestmark = pytest.mark.skipif(not PAGE.is_file(), reason="the documents are not beside these tests")


def test_every_test_that_is_named_exists():
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE.read_text(encoding="utf-8"))
    assert len(named) >= 25
    for file, test in named:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        assert test in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, f"{file}::{test}"


def test_every_command_that_is_named_exists():
    commands = set(re.findall(r"`make (\w+)`", PAGE.read_text(encoding="utf-8")))
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    assert {"test", "stress", "fuzz", "sanitize", "conformance"} <= commands <= targets


def test_every_promise_names_a_test():
    """Each section except the last, which lists commands."""
    for section in PAGE.read_text(encoding="utf-8").split("\n## ")[1:-1]:
        assert "::test_" in section, section.splitlines()[0]


def test_the_readme_leads_here():
    assert "docs/in-production.md" in (ROOT / "README.md").read_text(encoding="utf-8")
