"""The rules of the house, read from the source: who may import whom, and who may touch what."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.source import (
    PACKAGE,
    ROOT,
    assert_none,
    below,
    calls,
    dotted,
    imports,
    module_name,
    modules,
    needs,
    part,
    paths_from,
    python,
    tree,
    where,
)

ADAPTERS = ("chain", "documents", "nodes", "remote", "store")
RANKS = {
    "errors": 0,
    "error_codes": 1,
    "problem_details": 2,
    "files": 1,
    "core": 1,
    **dict.fromkeys(ADAPTERS, 2),
    "jobs": 3,
    "app": 4,
    "web": 5,
    "cli": 6,
}
"""A module imports downwards only. The adapters do not know each other; the command line starts the web."""
CONFIG_READERS = {"jobs", "app", "web", "cli"}
DOORS = {"web", "cli"}
BELOW_JOBS = {"store", "chain", "documents", "remote"}
"""What doors reach through jobs only; `cli` runs the trial chain of `nodes` itself."""


def layer_of(name: str) -> str | None:
    parts = name.split(".")
    return parts[1] if parts[0] == PACKAGE and len(parts) > 1 else None


def test_imports_lead_downwards_only() -> None:
    def wrong(mine: str, theirs: str) -> bool:
        if mine == theirs or theirs == "__version__":
            return False
        if theirs == "config":
            return mine not in CONFIG_READERS
        if mine == "config":
            return theirs != "errors"
        if mine in ADAPTERS and theirs in ADAPTERS:
            return True
        if mine in DOORS and theirs in BELOW_JOBS:
            return True
        return RANKS[theirs] >= RANKS[mine]

    assert_none(
        where(path, line, f"{part(path)} imports {name}")
        for path in python(PACKAGE)
        if part(path) != "__init__"
        for line, name in imports(path)
        if (theirs := layer_of(name)) is not None and wrong(part(path), theirs)
    )


def test_the_rooms_of_a_floor_import_each_other_without_a_circle() -> None:
    """A room is a folder of a floor, or a module that lies on the floor itself."""
    drawn: dict[str, set[str]] = {}
    for name in modules():
        mine = name.split(".")[1:3]
        for other in needs(name):
            theirs = other.split(".")[1:3]
            if len(mine) == len(theirs) == 2 and mine[0] == theirs[0] and mine != theirs:
                drawn.setdefault(".".join(mine), set()).add(".".join(theirs))
    while drawn:
        free = [room for room, others in drawn.items() if not others & drawn.keys()]
        assert free, f"these import each other: {sorted(drawn)}"
        for room in free:
            del drawn[room]


def test_verifying_reaches_nothing_that_writes_to_the_chain() -> None:
    writing = {f"{PACKAGE}.jobs.{room}" for room in ("anchoring", "sending", "indexing")}
    reached = paths_from(below("jobs.verifying"))
    assert_none(how for name, how in reached.items() if name.rpartition(".")[0] in writing)


def test_the_web_never_reaches_the_registrar() -> None:
    reached = paths_from(below("web"))
    assert_none(how for name, how in reached.items() if name == f"{PACKAGE}.chain.registrar")


def test_no_module_hands_on_names_of_another() -> None:
    """Whoever wants a name imports it from where it is defined; a package's `__init__` says what it is."""
    bound = {
        name: {
            alias.asname or alias.name
            for node in tree(path).body
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for alias in node.names
        }
        for name, path in modules().items()
    }
    assert_none(
        where(path, line, f"imports {name} from a module that only imports it")
        for path in python(PACKAGE, "scripts", "tests")
        for line, name in imports(path)
        if name not in modules() and (parts := name.rpartition("."))[0] in bound and parts[2] in bound[parts[0]]
    )


def test_no_two_classes_have_one_name() -> None:
    named: dict[str, set[str]] = {}
    for path in python(PACKAGE):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                named.setdefault(node.name, set()).add(module_name(path).removeprefix(f"{PACKAGE}."))
    assert_none(f"{name}: {sorted(places)}" for name, places in named.items() if len(places) > 1)


FORMS = {f"FORM_{name.upper()}" for name in ("clique", "qbft", "cometbft")} | {
    f"evm-{name}/1" for name in ("clique", "qbft", "cometbft")
}
FORMS_NAMED_IN = {f"core/chainproof/{name}.py" for name in ("trust", "clique", "qbft")}


def words_of(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of every name, attribute and constant text in the code of a module."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Name):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute):
            yield node.lineno, node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def test_whoever_tells_one_consensus_from_another_asks_it() -> None:
    """`core.chainproof.consensus.Consensus` has the differences; nobody else names a form of consensus."""
    assert_none(
        where(path, line, f"names {word}")
        for path in python(PACKAGE)
        if path.relative_to(ROOT / PACKAGE).as_posix() not in FORMS_NAMED_IN
        for line, word in words_of(path)
        if word in FORMS
    )


ENGINES = {"geth", "besu"}
ENGINE_IMPORTERS = {"engines.engine": ENGINES, "engines.geth": {"geth_binary"}, "growth": {"geth"}}
"""Who names an engine's module; a trial chain grows with go-ethereum only, by its import of blocks."""


def test_whoever_tells_one_engine_from_another_asks_it() -> None:
    """`nodes.network.engines.engine.NodeEngine` has the differences; nobody else compares an engine's name."""
    assert_none(
        where(path, node.lineno, "compares the name of an engine")
        for path in python(PACKAGE)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Compare)
        and any(isinstance(one, ast.Constant) and one.value in ENGINES for one in (node.left, *node.comparators))
    )
    named = {
        name.removeprefix(f"{PACKAGE}.nodes.network."): {
            other.rpartition(".")[2]
            for other in needs(name)
            if other.startswith(f"{PACKAGE}.nodes.network.engines.") and not other.endswith(".engine")
        }
        for name in modules()
    }
    assert {name: engines for name, engines in named.items() if engines} == ENGINE_IMPORTERS


def test_no_module_stands_for_an_interface() -> None:
    assert_none(
        where(path, line, f"imports {name}")
        for path in python(PACKAGE)
        for line, name in imports(path)
        if name == "types.ModuleType"
    )


@pytest.mark.parametrize(
    ("libraries", "layers"),
    [
        ({"web3", "eth_account", "eth_keys"}, {"chain", "nodes"}),
        ({"eth", "trie"}, {"nodes"}),
        ({"alembic", "psycopg", "sqlite3"}, {"store", "nodes"}),
        ({"fastapi", "starlette", "uvicorn"}, {"web"}),
        ({"typer", "rich"}, {"cli"}),
        ({"pydantic_settings"}, {"config"}),
        ({"asn1crypto", "gmssl_pyx", "lxml", "pyhanko", "pyhanko_certvalidator"}, {"documents"}),
    ],
    ids=lambda names: "-".join(sorted(names)),
)
def test_a_library_is_imported_by_its_own_layers_only(libraries: set[str], layers: set[str]) -> None:
    assert_none(
        where(path, line, f"imports {name}")
        for path in python(PACKAGE)
        for line, name in imports(path)
        if name.split(".")[0] in libraries and part(path) not in layers
    )


def test_sql_is_spoken_in_the_store_only() -> None:
    """Elsewhere a connection is passed along, and that is all that may be imported to name it."""
    assert_none(
        where(path, line, f"imports {name}")
        for path in python(PACKAGE)
        if part(path) != "store"
        for line, name in imports(path)
        if name.split(".")[0] == "sqlalchemy" and not (part(path) == "jobs" and name == "sqlalchemy.Connection")
    )


def test_adapters_are_built_where_an_instance_is_opened_or_made() -> None:
    """`app.py` opens an instance; `jobs/instance` makes one and sets its keys apart, without any App to be given."""
    builders = {"app.py", "jobs/instance/initialise.py", "jobs/instance/separation.py"}
    assert_none(
        where(path, line, f"builds {name}")
        for path in python(PACKAGE)
        if part(path) not in ADAPTERS and path.relative_to(ROOT / PACKAGE).as_posix() not in builders
        for line, name in calls(path)
        if name.rpartition(".")[2] in {"Database", "Keystore", "Rpc"} or name in {"create_engine", "Keystore.create"}
    )


def test_nothing_but_the_settings_reads_the_environment() -> None:
    read = re.compile(r"(^|\.)(environ|environb|getenv|getenvb|putenv)(\.|$)")
    names = (
        (path, node.lineno, dotted(node))
        for path in python(PACKAGE)
        for node in ast.walk(tree(path))
        if isinstance(node, (ast.Attribute, ast.Name)) and part(path) != "config"
    )
    assert_none(where(path, line, name) for path, line, name in names if read.search(name))
    assert_none(
        where(path, line, name)
        for path in python(PACKAGE)
        for line, name in imports(path)
        if name in {"os.environ", "os.getenv", "os.environb"}
    )


def test_what_is_true_depends_on_no_clock_chance_file_or_socket() -> None:
    libraries = {
        "asyncio", "http", "os", "pathlib", "random", "requests", "secrets", "shutil", "socket", "subprocess",
        "tempfile", "threading", "time", "urllib", "urllib3", "uuid",
    }  # fmt: skip
    clocks = re.compile(r"(^|\.)(now|utcnow|today|open|urandom|getrandbits|token_bytes)$")
    pure = [path for path in python(PACKAGE) if part(path) in {"core", "documents"}]
    assert pure
    assert_none(
        where(path, line, f"imports {name}")
        for path in pure
        for line, name in imports(path)
        if name.split(".")[0] in libraries
    )
    assert_none(
        where(path, line, f"calls {name}") for path in pure for line, name in calls(path) if clocks.search(name)
    )


def test_nothing_happens_on_import_but_definitions() -> None:
    """A module of the package opens, connects and starts nothing when it is imported."""
    acts = re.compile(r"(^|\.)(open|connect|create_engine|run|start|Popen|urlopen|request|Thread|Settings)$")
    assert_none(
        where(path, node.lineno, f"calls {name} on import")
        for path in python(PACKAGE)
        for statement in tree(path).body
        if isinstance(statement, (ast.Expr, ast.Assign, ast.AnnAssign))
        for node in ast.walk(statement)
        if isinstance(node, ast.Call) and acts.search(name := dotted(node.func))
    )


WRITERS = re.compile(
    r"(^|\.)(mkstemp|NamedTemporaryFile|write_text|write_bytes|O_EXCL|fsync|fchmod|hardlink_to|os\.replace|rename)$"
)
WRITING = {
    ("cli/invocation.py", "path.write_bytes"),  # an output that may be a device
    ("cli/main.py", "open"),  # the null device
    ("nodes/network/running/supervisor.py", "ledger.lock.open"),  # a lock without contents
}


def written(node: ast.AST) -> str | None:
    """The name by which this writes a file, opens one for writing anew, or moves one."""
    if isinstance(node, (ast.Attribute, ast.Name)):
        return name if WRITERS.search(name := dotted(node)) else None
    if not isinstance(node, ast.Call):
        return None
    name = dotted(node.func)
    modes = {
        value.value for value in (*node.args, *(k.value for k in node.keywords)) if isinstance(value, ast.Constant)
    }
    if name.rpartition(".")[2] == "open" and modes & {"w", "x", "wb", "xb", "wt", "xt"}:
        return name
    return name if name.endswith(".replace") and len(node.args) == 1 and not node.keywords else None


def test_files_are_written_in_one_place() -> None:
    """`chain_service/files.py` writes whole, durable files; appending to a log is not writing one."""
    assert_none(
        where(path, node.lineno, name)  # type: ignore[attr-defined]
        for path in python(PACKAGE)
        if path.relative_to(ROOT / PACKAGE).as_posix() != "files.py"
        for node in ast.walk(tree(path))
        if (name := written(node)) and (path.relative_to(ROOT / PACKAGE).as_posix(), name) not in WRITING
    )


DECODERS = {"loads", "b64decode", "urlsafe_b64decode", "fromhex", "fromisoformat"}
DECODING = {
    "core/encoding/canonical.py",
    "core/encoding/cose.py",
    "core/encoding/decoding.py",
    "core/encoding/digests.py",  # after a pattern
    "core/receipts/receipt.py",  # after a pattern
    "web/schemas/requests.py",  # after a pattern
    # documents: what a pattern has let through, or with its ValueError caught; `test_document_fuzzing` feeds them
    "documents/facts.py",  # what the process that parses wrote
    "documents/kinds.py",
    "documents/ofd/references.py",
    "documents/pdf/coverage.py",
    # the instance's own files and the node's answers, each wrapped where it is read
    "chain/keystore.py",
    "chain/deployment.py",
    "chain/contracts.py",
    "chain/rpc.py",
    "chain/sender.py",
    "core/verdicts/paper_kinds.py",  # tells kinds apart and hands on the bytes
    # what was checked or made here
    "core/records/record.py",
    "core/records/schema.py",
    "jobs/parsing/trust_directory.py",
    "jobs/verifying/candidates.py",
    "jobs/verifying/several_papers.py",
    "jobs/records/records.py",
    "jobs/sending/refusals.py",
    "jobs/anchoring/submit_records.py",
    "jobs/validators.py",
}
"""Where text is decoded; others ask `core.encoding.canonical.read_json` or a function of `core.encoding.decoding`."""


def test_foreign_text_is_decoded_at_the_boundary_of_its_format() -> None:
    assert_none(
        where(path, node.lineno, f"{node.func.attr} of foreign text")
        for path in python(PACKAGE)
        if part(path) != "nodes"
        and str(path.relative_to(ROOT / PACKAGE)) not in DECODING
        and "migrations" not in path.parts
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in DECODERS
        and not (node.args and isinstance(node.args[0], ast.Constant))
    )


ASN1_READERS = {"certificates.py", "der.py", "ocsp.py", "revocation.py", "seals.py", "signed_data.py"}
"""Where asn1crypto reads foreign bytes by itself; everybody else asks `der.load`. `test_asn1_doors` feeds each."""


def test_foreign_asn1_is_read_at_its_boundaries() -> None:
    found = {
        path.name
        for path in python(PACKAGE)
        if part(path) == "documents"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and dotted(node.func).endswith(".load") and dotted(node.func) != "der.load"
    }
    assert found == ASN1_READERS
