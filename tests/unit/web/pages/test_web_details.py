"""The page has words in both languages for every evidence name and sentence of the record's checks."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[4] / "chain_service"
STATIC = PACKAGE / "web" / "pages" / "static"
OFFLINE = PACKAGE / "web" / "pages" / "offline" / "src"
CORE = [
    "chainproof/clique",
    "chainproof/clique_votes",
    "chainproof/consensus",
    "chainproof/evidence",
    "chainproof/evidence_cbor",
    "chainproof/headers",
    "chainproof/qbft",
    "chainproof/tries",
    "chainproof/trust",
    "encoding/canonical",
    "encoding/cose",
    "encoding/decoding",
    "encoding/hex_members",
    "encoding/rlp",
    "log/merkle",
    "receipts/receipt",
    "receipts/trust_file",
    "receipts/verify_offline",
    "records/disclosure",
    "registries/histories",
    "registries/permits",
    "verdicts/anchoring_checks",
    "verdicts/candidates",
    "verdicts/judge",
    "verdicts/standing_checks",
]
JOBS = [
    "proofs/receipts",
    "records/records",
    "verifying/attached_receipt",
    "verifying/chain_history",
    "verifying/lookup",
    "verifying/request",
    "verifying/several_papers",
    "verifying/sheets",
]
DOCUMENTS = sorted(
    file for file in (PACKAGE / "documents").rglob("*.py") if file.name not in ("kinds.py", "__init__.py")
)
TELLING = [
    *(PACKAGE / "core" / f"{name}.py" for name in CORE),
    *(PACKAGE / "jobs" / f"{name}.py" for name in JOBS),
    *DOCUMENTS,
]
JUDGES = [
    *(
        PACKAGE / "core" / "verdicts" / f"{name}.py"
        for name in ("judge", "anchoring_checks", "standing_checks", "candidates")
    ),
    *(PACKAGE / "jobs" / "verifying" / f"{name}.py" for name in ("several_papers", "request", "lookup")),
    *(PACKAGE / "documents" / "judging" / f"{name}.py" for name in ("binding", "signatures", "timing")),
]
NOT_TOLD = {
    "{…} {…}",
    "{…} #{…}",
    "handed out",
    "partial disclosure made",
    "read by its organisation",
    "searched by its organisation",
    "the picture of signature",
}
"""Texts with a blank that no verdict tells: subjects, causes in the journal, the beginning of a longer one."""
NAMED = {
    "a {…} in extraData has {…} bytes": ["a validator in extraData has {…} bytes", "a seal in extraData has {…} bytes"],
    "extraData holds bytes where the list of {…}s belongs": [
        "extraData holds bytes where the list of validators belongs",
        "extraData holds bytes where the list of seals belongs",
    ],
}
"""Templates filled with words of the program, and what they say then."""
FILLED = ("evidence ", "the word of a ", "text of at most ")
"""How sentences begin whose middle is a word of the program: they stand nowhere in one piece."""
TYPES = {"bytes | Sequence[Encodable]", "bytes | list[Item]"}
NOT_EVIDENCE = {"assurance", "id", "members", "names", "org", "parse", "status"}


HOMES = {
    "EVIDENCE": "evidence_names.js",
    "RECORD_SENTENCES": "record_sentences.js",
    "DOCUMENT_SENTENCES": "document_sentences.js",
}


def told(name: str) -> set[str]:
    """The keys of one object of the page's words."""
    text = (STATIC / HOMES[name]).read_text(encoding="utf-8")
    body = re.search(rf"const {name} = \{{\n(.*?)\n\}};", text, re.DOTALL)
    assert body is not None
    return set(re.findall(r'^  "?(.+?)"?:(?: [\["]|$)', body[1], re.MULTILINE))


def unspoken(tree: ast.AST) -> Iterator[ast.AST]:
    """What is no sentence of the program: docstrings, the pieces of a template, what is logged, patterns."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield from (part for value in node.values for part in ast.walk(value))
        elif isinstance(node, ast.Call) and ast.unparse(node.func).startswith(("log.", "re.")):
            yield from ast.walk(node)


def sentences(file: Path) -> Iterator[str]:
    """Every text of words in the module, with {…} for what varies: any of them may come to be told."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    left_out = {id(node) for node in unspoken(tree)}
    for node in ast.walk(tree):
        text = ""
        if id(node) in left_out:
            continue
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "{…}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        if " " in text.strip() and text.isprintable() and not re.search(r"[\u4e00-\u9fff]|\(\?P<", text):
            yield text


def evidence_names(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names: list[ast.expr | None] = node.keys if isinstance(node, ast.Dict) else []
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "evidence":
            names = [node.slice]
        yield from (str(name.value) for name in names if isinstance(name, ast.Constant) and "_" not in str(name.value))


@pytest.mark.parametrize("file", TELLING, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_every_sentence_has_its_chinese(file: Path) -> None:
    said = {one for sentence in set(sentences(file)) - TYPES for one in NAMED.get(sentence, [sentence])}
    assert said - told("RECORD_SENTENCES") - told("DOCUMENT_SENTENCES") - NOT_TOLD == set()


def test_nothing_is_translated_that_nobody_says() -> None:
    """Each fixed piece of a sentence stands somewhere in the program, of Python or of the offline page."""
    python = "\n".join(
        node.value
        for file in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    written = python + "\n".join(file.read_text(encoding="utf-8") for file in OFFLINE.rglob("*.js"))
    filled = {sentence for given in NAMED.values() for sentence in given}
    idle = {
        sentence
        for sentence in (told("RECORD_SENTENCES") | told("DOCUMENT_SENTENCES")) - filled
        if not sentence.startswith(FILLED)
        and any(piece not in written for piece in sentence.split("{…}") if len(piece.strip()) > 3)
    }
    assert idle == set()


def test_every_sentence_of_the_offline_page_has_its_chinese() -> None:
    judging = [
        file for file in sorted(OFFLINE.rglob("*.js")) if file.parent.name != "page" and file.name != "tables.js"
    ]
    written = "\n".join(file.read_text(encoding="utf-8") for file in judging)
    calls = (
        r"(?:refuse|new (?:Refused|Mismatch|Unsigned|Equivocation|CannotTell|UnknownSealers))\(\s*(`[^`]*`|\"[^\"]*\")"
    )
    details = r"\bdetail: (`[^`]*`|\"[^\"]*\")"
    said = [found[1:-1] for found in re.findall(calls, written) + re.findall(details, written)]
    assert len(said) > 200
    asked = sorted({re.sub(r"\$\{[^}]*\}", "42", sentence) for sentence in said})
    assert [sentence for sentence, told in zip(asked, in_chinese(asked), strict=True) if told is None] == []


@pytest.mark.parametrize("file", JUDGES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_every_evidence_name_has_words(file: Path) -> None:
    assert set(evidence_names(file)) - told("EVIDENCE") - NOT_EVIDENCE == set()


def in_chinese(asked: list[str]) -> list[str | None]:
    """What the page tells instead of these sentences; None for those that it does not know."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    script = f"import {{ inChinese }} from {json.dumps(str(STATIC / 'details.js'))};"
    script += f"console.log(JSON.stringify({json.dumps(asked)}.map(inChinese)));"
    command = [node, "--input-type=module", "--no-warnings", "-e", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found: list[str | None] = json.loads(done.stdout)
    return found


def test_the_date_of_a_revocation_list_is_called_a_date() -> None:
    text = (STATIC / HOMES["EVIDENCE"]).read_text(encoding="utf-8")
    for name in ("revokedAt", "listOf"):
        label = re.search(rf'^  {name}: \["(.+?)", "(.+?)"\]', text, re.MULTILINE)
        assert label is not None and label[1].endswith("时间"), label


def test_templates_put_back_what_varies() -> None:
    asked = {
        "salt must be 64 lower-case hex digits": "salt 须为 64 位小写十六进制",
        "the file is empty": "文件为空",
        "the seal is nested more than 24 deep": "印章的嵌套超过 24 层",
        "an annotation of page 2": "第 2 页的注释",
        "annotation 印 on page 2": "第 2 页上的注释 印",
        "the form field unknown": "表单域 unknown",
        "nothing known": None,
    }
    assert in_chinese(list(asked)) == list(asked.values())


def test_no_sentence_is_told_twice() -> None:
    assert not told("RECORD_SENTENCES") & told("DOCUMENT_SENTENCES")
