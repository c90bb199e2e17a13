"""The rules of the repository: how large things may be, what lies where, and what no file may say."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import testing
from support.source import (
    PACKAGE,
    ROOT,
    assert_none,
    imports,
    python,
    tracked,
    tree,
    where,
)

MOST_LINES = 600
MOST_LINES_OF_A_FUNCTION = 50
MOST_FILES = 15
"""Modules of a folder, in Python, JavaScript and Solidity: as many as somebody takes in at a glance."""


def test_folders_are_small_and_none_is_empty() -> None:
    written = (path for path in tracked(".py", ".js", ".mjs", ".sol") if path.name != "__init__.py")
    held = Counter(path.parent for path in written)
    assert_none(where(folder, 1, f"{count} modules") for folder, count in held.items() if count > MOST_FILES)
    rooms = {path.parent for path in python(PACKAGE) if path.name == "__init__.py"}
    filled = {folder for path in held for folder in (path, *path.parents)}
    assert_none(where(room, 1, "an empty room") for room in rooms - filled)


def test_no_exception_vanishes() -> None:
    """No bare `except`, and no handler that does nothing at all."""
    assert_none(
        where(path, node.lineno, "an exception vanishes here")
        for path in python(PACKAGE, "scripts", "tests")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or all(isinstance(one, ast.Pass) or is_ellipsis(one) for one in node.body))
    )


def is_ellipsis(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node.value.value is ...


TABLES = {"error_codes.py"}
"""One table, a row for each code: cut in two, nobody would know where to look."""


def test_files_are_short() -> None:
    assert_none(
        where(path, lines, f"{lines} lines")
        for path in (*python(PACKAGE, "scripts", "tests"), *tracked(".js", ".mjs", ".sol"))
        if (lines := path.read_text(encoding="utf-8").count("\n")) >= MOST_LINES and path.name not in TABLES
    )


def test_functions_are_short() -> None:
    assert_none(
        where(path, node.lineno, f"{node.name} has {length} lines")
        for path in python(PACKAGE, "scripts", "tests")
        for node in ast.walk(tree(path))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) >= MOST_LINES_OF_A_FUNCTION
    )


def test_every_module_says_what_it_is() -> None:
    assert_none(
        where(path, 1, "no docstring")
        for path in python(PACKAGE, "scripts", "tests")
        if tree(path).body and ast.get_docstring(tree(path)) is None
    )


UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
TICKET = re.compile(r"\b(issues?|tickets?|PR|pull request)\s*#?\d+\b|(?<![\w&/])(?<!PKCS )#\d+\b(?!\w)", re.IGNORECASE)
MACHINE = re.compile(r"(?<![\w.$}])/(?:home|root|work|Users)/\w")
REGISTRY = re.compile(
    r"https?://[\w.-]*(?:registry|pypi|npmjs|mirror|artifactory|nexus|proxy|index)[\w.-]*[:/]|"
    r"https?://(?:10|127|172\.(?:1[6-9]|2\d|3[01])|192\.168)\.[\d.]+:\d+/(?:simple|npm|repository)",
    re.IGNORECASE,
)


def texts() -> Iterator[tuple[Path, int, str]]:
    """Every line of every text file of the repository."""
    for path in tracked():
        try:
            content = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        yield from ((path, number, line) for number, line in enumerate(content.splitlines(), 1))


def test_no_two_test_files_have_one_name() -> None:
    """pytest imports them by it."""
    names = Counter(path.name for path in python("tests") if path.name != "conftest.py")
    assert_none(name for name, count in names.items() if count > 1)


ELSEWHERE = {"unit/scripts", "integration/scripts", "integration/crash"}
"""Tests of the scripts, and of whole instances that are killed."""


def test_tests_mirror_the_rooms_of_the_package() -> None:
    """`tests/unit/core/log` and `tests/integration/chain` test `core/log` and `chain`."""
    folders = {path.relative_to(ROOT / "tests").parent for path in python("tests") if path.name.startswith("test_")}
    assert_none(
        f"tests/{folder}: there is no {PACKAGE}/{Path(*folder.parts[1:])}"
        for folder in folders
        if folder.parts[:1] in (("unit",), ("integration",))
        and str(folder) not in ELSEWHERE
        and not (ROOT / PACKAGE / Path(*folder.parts[1:])).is_dir()
    )


def test_no_test_module_imports_another() -> None:
    """What two of them need stands below `tests/support`, or in a `conftest.py` that both see."""
    names = {path.stem for path in python("tests") if path.name.startswith("test_")}
    assert_none(
        where(path, line, f"imports {name}")
        for path in python("tests")
        for line, name in imports(path)
        if names & set(name.split("."))
    )


OLD_WORDS = {
    r"strangers?": "not a trusted validator, unknown signer, unlisted node: what it is",
    r"vouch(es|ed)?": "sealed by, signed by, covered by",
    r"trust anchors?|签章信任根(?!目录)": "root certificate 根证书; the directory is the trust store 签章信任根目录",
    r"at hand": "available",
    r"handed? in": "presented",
    r"too soon": "violates the Clique signer limit",
    r"exactly so many": "needs N, got M",
    r"head_block": "newest_block: a head is a log's",
    r"pooled (proof|evidence)": "batch evidence",
    r"the_door|births|told_by|need_sound|stranded|untold": "a word of the glossary",
    r"_?hasten|_stir": "_retry_now, _wake",
    r"tells? of the events|loses what it acknowledged|nobody (could|meant)|papers given": "plain technical English",
    r"查验": "核验",
    r"存证证明|收录证明": "上链证明 (JSON), 包含证明 (inclusion)",
    r"作恶|担保|背书|所不识": "双重签署; 由……签署; 不支持",
}
"""What names, messages, comments and documents no longer say, and what is said instead (docs/glossary.md)."""
OLD_WORDS_STAND_IN = ("docs/glossary.md", "docs/decisions/", "CHANGELOG.md")


def test_one_word_stands_for_one_thing() -> None:
    banned = {re.compile(rf"(?<![A-Za-z])(?:{old})(?![A-Za-z])", re.IGNORECASE): now for old, now in OLD_WORDS.items()}
    assert_none(
        where(path, line, f"{match[0]!r}: {now}")
        for path, line, text in texts()
        if (name := path.relative_to(ROOT).as_posix()).startswith((PACKAGE, "scripts", "docs", "README.md"))
        and path.suffix in {".py", ".js", ".md", ".html"}
        and not name.startswith(OLD_WORDS_STAND_IN)
        for old, now in banned.items()
        if (match := old.search(text))
    )


def test_nothing_is_marked_unfinished() -> None:
    assert_none(where(path, line, text.strip()[:80]) for path, line, text in texts() if UNFINISHED.search(text))


def test_no_file_names_a_ticket() -> None:
    prose = (".py", ".md", ".sol", ".toml", ".sh", ".js", ".html", ".yml", ".yaml")
    assert_none(
        where(path, line, text.strip()[:80])
        for path, line, text in texts()
        if path.suffix in prose and TICKET.search(text)
    )


def test_no_file_knows_the_machine_it_was_written_on_or_where_packages_come_from() -> None:
    assert_none(
        where(path, line, text.strip()[:100])
        for path, line, text in texts()
        if MACHINE.search(text) or REGISTRY.search(text)
    )


def test_the_parts_of_the_long_run_are_all_tests() -> None:
    parts = [folder for part in testing.PARTS for folder in part]
    assert len(set(parts)) == len(parts)
    assert_none(
        f"{name} is in {places} parts"
        for path in python("tests")
        if path.name.startswith("test_")
        if (places := sum(Path(folder) in (name := path.relative_to(ROOT), *name.parents) for folder in parts)) != 1
    )
