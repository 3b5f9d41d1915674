"""A plugin for pytest that runs SciPy's tests of a module with convlab's functions instead of SciPy's.

It writes a report: the failed tests, and for each function the number of calls that convlab ran or passed to SciPy.
"""

import functools
import importlib
import inspect
import json
from collections import Counter
from pathlib import Path

calls, handed_on = Counter(), Counter()
passed, failed = [], []


def pytest_addoption(parser):
    parser.addoption("--in-place", choices=["ndimage", "signal"], help="whose functions to replace")
    parser.addoption("--report", help="where to write what came of it")


def counted(name, function, counter):
    @functools.wraps(function)
    def call(*args, **kwargs):
        counter[name] += 1
        return function(*args, **kwargs)

    return call


def pytest_collection_modifyitems(config, items):
    """Replace the functions after the import of the test module, which looks them up in SciPy's tables."""
    module = config.getoption("--in-place")
    theirs = importlib.import_module(f"scipy.{module}")
    ours = importlib.import_module(f"convlab.{module}")
    originals = importlib.import_module("convlab.ndimage._calls").ORIGINALS
    replaced = {}
    for name in ours.SERVED:
        replaced[getattr(theirs, name)] = counted(name, getattr(ours, name), calls)
        originals[name] = counted(name, originals[name], handed_on)
    for holder in {theirs, *(item.module for item in items)}:
        for name, value in list(vars(holder).items()):
            if inspect.isfunction(value) and value in replaced:
                setattr(holder, name, replaced[value])
    for item in items:
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        for parameter, value in parameters.items():
            if inspect.isfunction(value) and value in replaced:
                parameters[parameter] = replaced[value]


def pytest_runtest_logreport(report):
    name = report.nodeid.split("::", 1)[1]
    if report.failed:
        failed.append(name)
    elif report.when == "call" and report.passed:
        passed.append(name)


def pytest_sessionfinish(session):
    report = {"failed": failed, "passed": passed, "calls": calls, "handed on": handed_on}
    Path(session.config.getoption("--report")).write_text(json.dumps(report), encoding="utf-8")
