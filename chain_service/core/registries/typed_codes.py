"""Codes as a person types them, in the form in which they are registered: for looking up what they name, no more.

Full-width characters, blanks, kinds of dashes and, where a code has capitals only, lower case are put right:

    typed_org_code("９１４３ 0000mb1c2d3e4f") == typed_org_code("91430000MB1C2D3E4F")

What is hashed, signed or put on chain is never changed: it is parsed as it is written (`parse_org_code` and its like).
What cannot be a code is told with its cause, by the text alone; that says nothing of what is registered.
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass

from chain_service.core.encoding.comparison import narrowed
from chain_service.core.encoding.text import Text
from chain_service.core.records.identifiers import (
    CATALOG_PATTERN,
    ORG_ALPHABET,
    ORG_PATTERN,
    CatalogCode,
    OrgCode,
    TypeCode,
    is_org_code,
    org_code_checks,
)
from chain_service.core.registries.seals import SEAL_CODE_PATTERN
from chain_service.errors import MalformedRecord, NotFound

LONGEST = 200
"""Characters of a text that is looked at."""
_UPPER = str.maketrans(string.ascii_lowercase, string.ascii_uppercase)
_CAPITALS = string.digits + string.ascii_uppercase


@dataclass(frozen=True)
class _Grammar:
    """How codes of a kind are written."""

    name: Text
    pattern: re.Pattern[str]
    alphabet: str
    shortest: int
    longest: int
    form: Text
    capitals: bool = True
    """Whether a small letter can only mean its capital."""


_ORG = _Grammar(
    Text("统一社会信用代码", "unified social credit code"),
    re.compile(ORG_PATTERN),
    ORG_ALPHABET,
    18,
    18,
    Text("第 3 至 8 位须为数字", "its characters 3 to 8 must be digits"),
)
_TYPE = _Grammar(
    Text("证照类型代码", "certificate type code"),
    re.compile(ORG_PATTERN + "[0-9]{3}"),
    ORG_ALPHABET,
    21,
    21,
    Text("第 3 至 8 位和末三位须为数字", "its characters 3 to 8 and its last three must be digits"),
)
_CATALOG = _Grammar(
    Text("目录代码", "catalog code"),
    re.compile(CATALOG_PATTERN),
    _CAPITALS + "/",
    8,
    41,
    Text(
        "须形如 307001/000012：六位数字（不以 0 开头），可再接至多 14 位，斜线，1 至 20 位",
        "it is written as 307001/000012: six digits, the first not 0, up to 14 more characters, a slash, 1 to 20 more",
    ),
)
_SEAL = _Grammar(
    Text("印章编码", "seal code"),
    re.compile(SEAL_CODE_PATTERN),
    string.digits + string.ascii_letters + "._-",
    1,
    64,
    Text("须以字母或数字开头", "it begins with a letter or digit"),
    capitals=False,
)


def typed_org_code(text: str, *, field: str = "org") -> OrgCode:
    """The organisation's code that was meant. Raises MalformedRecord (`code_mistyped`)."""
    return OrgCode(_read(_ORG, text, field))


def typed_type_code(text: str, *, field: str = "type") -> TypeCode:
    """The certificate type's code that was meant. Raises MalformedRecord (`code_mistyped`)."""
    return TypeCode(_read(_TYPE, text, field))


def sought_org_code(text: str) -> OrgCode:
    """The same, of an organisation that is looked up. Raises NotFound (`organisation_unknown`): there is none."""
    return OrgCode(_sought(_ORG, text, "organisation_unknown"))


def sought_catalog_code(text: str) -> CatalogCode:
    """The code of the catalog entry that is looked up. Raises NotFound (`catalog_unknown`)."""
    return CatalogCode(_sought(_CATALOG, text, "catalog_unknown"))


def sought_seal_code(text: str) -> str:
    """The code of the seal that is looked up; its case is kept, as two seals may differ in it.

    Raises NotFound (`seal_unknown`).
    """
    return _sought(_SEAL, text, "seal_unknown")


def unknown_organisation(code: str) -> NotFound:
    """That no organisation has this code, and whether a character of it may be wrong: legal early codes fail, too."""
    unknown = NotFound("no organisation of this code is registered", code="organisation_unknown", org=code)
    if is_org_code(code) and not org_code_checks(code):
        unknown.errors = (
            MalformedRecord(
                "the code's check character does not fit: one of its characters may be wrong",
                zh="该代码的校验码不符，可能有字符输错，请逐字核对",
                code="code_mistyped",
                field="code",
            ),
        )
    return unknown


def _read(grammar: _Grammar, text: str, field: str) -> str:
    code = text if len(text) > LONGEST else narrowed(text).replace("。", ".")
    if grammar.capitals:
        code = code.translate(_UPPER)
    if len(code) <= LONGEST and grammar.pattern.fullmatch(code):
        return code
    cause = _cause(grammar, code)
    raise MalformedRecord(
        f"{field} is no {grammar.name.en}: {cause.en}",
        zh=f"所填不是{grammar.name.zh}（{field}）：{cause.zh}",
        code="code_mistyped",
        field=field,
    )


def _sought(grammar: _Grammar, text: str, unknown: str) -> str:
    try:
        return _read(grammar, text, "code")
    except MalformedRecord as mistyped:
        missing = NotFound(mistyped.message, zh=mistyped.zh, code=unknown)
        missing.errors = (mistyped,)
        raise missing from None


def _cause(grammar: _Grammar, code: str) -> Text:
    """Why the text cannot be such a code: a wrong character, its length, or its form."""
    wrong = next((at for at, character in enumerate(code[:LONGEST]) if character not in grammar.alphabet), None)
    if wrong is not None:
        shown = f"{code[wrong]!r}" if code[wrong].isprintable() else f"U+{ord(code[wrong]):04X}"
        zh = f"第 {wrong + 1} 位（不计空格）不应有 {shown}"
        en = f"its character {wrong + 1} (not counting blanks), {shown}, cannot stand there"
        if grammar.alphabet == ORG_ALPHABET:
            zh += "，代码中不使用字母 I、O、S、V、Z"
            en += "; the letters I, O, S, V and Z never occur"
        return Text(zh, en)
    if not grammar.shortest <= len(code) <= grammar.longest:
        if grammar.shortest == grammar.longest:
            should = Text(f"{grammar.longest} 位", f"{grammar.longest} characters")
        else:
            should = Text(
                f"{grammar.shortest} 至 {grammar.longest} 位", f"{grammar.shortest} to {grammar.longest} characters"
            )
        return Text(f"应为 {should.zh}，所填为 {len(code)} 位", f"it has {should.en}, not {len(code)}")
    return grammar.form
