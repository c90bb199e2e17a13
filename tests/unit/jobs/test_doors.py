"""Every public job is reached by a door: a route, a page, a command, or a worker that a command starts."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache

from support.source import PACKAGE, modules, tree

Definition = tuple[str, str]
"""A module and the name of what it defines at its top."""


@cache
def defined_in(name: str) -> dict[str, ast.stmt]:
    """What a module defines at its top: functions, classes and constants by their names."""
    found: dict[str, ast.stmt] = {}
    for node in tree(modules()[name]).body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found[node.name] = node
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found.update(
                (part.id, node) for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)
            )
    return found


@cache
def imported_names(name: str) -> dict[str, str]:
    """What each imported name of a module stands for, whether it is imported at the top or inside a function."""
    return {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(tree(modules()[name]))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def uses(name: str, node: ast.AST) -> Iterator[Definition]:
    """The definitions of jobs that a piece of a module's code names."""
    known, own = imported_names(name), defined_in(name)
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
            module = known.get(part.value.id, "")
            if module in modules() and part.attr in defined_in(module):
                yield module, part.attr
        elif isinstance(part, ast.Constant) and part.value in modules():
            yield str(part.value), "main"  # it is run as a process of its own
        elif isinstance(part, ast.Name):
            module, _, found = known.get(part.id, "").rpartition(".")
            if module in modules():
                yield module, found
            elif part.id in own:
                yield name, part.id


def room(name: str) -> str:
    """`jobs` of `chain_service.jobs.workers`."""
    return name.partition(".")[2].partition(".")[0]


def reached_from_the_doors() -> set[Definition]:
    """Every definition that a route, page, command or the composition root comes to, through others or at once."""
    doors = {name: path for name, path in modules().items() if room(name) in ("web", "cli", "app")}
    reached = {use for name, path in doors.items() for use in uses(name, tree(path))}
    waiting = list(reached)
    while waiting:
        module, name = waiting.pop()
        if room(module) == "jobs" and (node := defined_in(module).get(name)) is not None:
            found = set(uses(module, node)) - reached
            reached |= found
            waiting += found
    return reached


def test_every_public_job_has_a_door() -> None:
    """What no route, page, command or worker comes to is there for its own tests only."""
    reached = reached_from_the_doors()
    jobs = {
        (name, job)
        for name in modules()
        if room(name) == "jobs"
        for job, node in defined_in(name).items()
        if isinstance(node, ast.FunctionDef) and not job.startswith("_")
    }
    assert len(jobs) > 100
    assert sorted(jobs - reached) == []


def test_a_job_that_only_tests_call_would_be_found() -> None:
    """The search follows names, not spellings: a job of the same name elsewhere opens no door."""
    reached = reached_from_the_doors()
    assert (f"{PACKAGE}.jobs.auditing.readings", "list_readings") in reached
    assert (f"{PACKAGE}.jobs.auditing.readings", "list_alerts") not in reached
    assert (f"{PACKAGE}.jobs.parsing.worker", "main") in reached
