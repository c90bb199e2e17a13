"""Disclosures as they should be and as they should not, asked of both offline verifiers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from chain_service.core.chainproof.evidence_cbor import BlockProof
from chain_service.core.records.disclosure import reveal
from chain_service.core.records.hashing import log_id
from chain_service.core.records.identifiers import CertificateIdentifier, OrgCode
from support.offline.offline_questions import ISSUED, ZEROS, Change, Question, ask, changed, disclosing, drop, put
from support.worlds import judged_records
from support.worlds.judged_records import certificate
from support.worlds.receipt_world import Issued


def disclosures() -> Iterator[Question]:
    content = ISSUED.content.disclosure
    names = ["certificateNumber", "certificateIdentifier", "holders.0.certificateHolderName", "files"]
    for shown in ([], names[:1], names, list(content.members)):
        partial = reveal(content.record, content.salt, shown).to_json()
        yield disclosing(f"partial with {len(shown)} members", partial)
    partial = reveal(content.record, content.salt, names).to_json()
    for name, change in _PARTIAL_CHANGES.items():
        yield disclosing(f"partial: {name}", changed(partial, change))
    whole = content.to_json()
    for name, change in _WHOLE_CHANGES.items():
        yield disclosing(f"whole: {name}", changed(whole, change))
    text = json.dumps(whole, ensure_ascii=False)
    for name, rewrite in _TEXT_CHANGES.items():
        yield ask(f"text: {name}", disclosure=rewrite(text).encode("utf-8", "surrogatepass"))
    early = OrgCode("114300000061222AAA")
    other = certificate(
        certificateIssuingAuthorityCode=early,
        certificateIdentifier=str(CertificateIdentifier(judged_records.TYPE, "HUNAN1", "20250000001", "001")),
    )
    world = replace(judged_records.World().holding(other), log=log_id(early))
    yield ask("remarks on org code and identifier", Issued(content=world))
    code = str(CertificateIdentifier(judged_records.TYPE, "HUNAN1", "20250000001", "001"))
    foreign = certificate(certificateIssuingAuthorityCode="11430000006122236R", certificateIdentifier=code)
    issued = Issued(content=judged_records.World().holding(foreign))
    claim, blocks = issued.content.claim(), (BlockProof(issued.pooled()),)
    given = replace(ISSUED.receipt(), log=claim.log, proof=claim.proof, blocks=blocks)
    yield ask("another organisation's record", issued, given)


def _nested(depth: int, text: str) -> str:
    return text.replace('"kind"', f'"extension": {{"a": {"[" * depth + "]" * depth}}}, "kind"', 1)


_IDENTIFIER = certificate()["certificateIdentifier"]
_HOLDER = ("record", "holders", 0)
_WHOLE_CHANGES: dict[str, Change] = {
    "another name": put(*_HOLDER, "certificateHolderName", to="另有其人"),
    "another salt": put("salt", to="00" * 32),
    "a short salt": put("salt", to="00" * 31),
    "upper case salt": put("salt", to="AB" * 32),
    "an unknown member": put("record", "surname", to="x"),
    "an unknown empty member": put("record", "surname", to=None),
    "an unknown empty member of a holder": put(*_HOLDER, "surname", to=None),
    "an empty extension": put("record", "extension", to={}),
    "an extension of nothing": put("record", "extension", to={"a": [None, "", {"b": []}]}),
    "an extension named by nothing": put("record", "extension", to={"": None}),
    "an extension named by nothing beside a null": lambda v: v["record"].update(extension={"": None}, title=None),
    "a new extension": put("record", "extension", to={"a": 1}),
    "a fraction": put("record", "extension", to={"a": 1.5}),
    "a whole fraction": put("record", "extension", to={"a": 1.0}),
    "a large number": put("record", "extension", to={"a": 2**53}),
    "a huge number": put("record", "extension", to={"a": 2**70}),
    "a name above the basic plane": put("record", "extension", to={"𠮷": 1}),
    "the special name": put("record", "extension", to={"__proto__": {"a": 1}}),
    "deep": put("record", "extension", to={"a": [[[[[[[1]]]]]]]}),
    "too deep": put("record", "extension", to={"a": [[[[[[[[1]]]]]]]]}),
    "no number": drop("record", "certificateNumber"),
    "an empty number": put("record", "certificateNumber", to=""),
    "a number with blanks around": put("record", "certificateNumber", to=" JY1"),
    "a number with a wide blank around": put("record", "certificateNumber", to="JY1\u3000"),
    "a number with a control character": put("record", "certificateNumber", to="J\u0007Y"),
    "a number with a control character of the second set": put("record", "certificateNumber", to="J\u0085Y"),
    "a number ending in one": put("record", "certificateNumber", to="JY\u0085"),
    "a number ending in a byte order mark": put("record", "certificateNumber", to="JY\ufeff"),
    "a number of 128 wide characters": put("record", "certificateNumber", to="𠮷" * 128),
    "a number of 129": put("record", "certificateNumber", to="𠮷" * 129),
    "a number that is one": put("record", "certificateNumber", to=5),
    "no holders": put("record", "holders", to=[]),
    "a null among the holders": lambda v: v["record"]["holders"].append(None),
    "a holder that is text": lambda v: v["record"]["holders"].append("x"),
    "a day that does not exist": put("record", "certificateIssuedDate", to="2025-02-29"),
    "a leap day": put("record", "certificateIssuedDate", to="2024-02-29"),
    "the year nought": put("record", "certificateIssuedDate", to="0000-01-01"),
    "month thirteen": put("record", "certificateIssuedDate", to="2025-13-01"),
    "expiry before issue": put("record", "certificateExpiringDate", to="2025-05-31"),
    "a date with digits of another script": put("record", "certificateIssuedDate", to="２０２５-06-01"),
    "a line end behind the date": put("record", "certificateIssuedDate", to="2025-06-01\n"),
    "another identifier": put("record", "certificateIdentifier", to="1.2.156.3005.2.1"),
    "a wrong check character": put("record", "certificateIdentifier", to=_IDENTIFIER[:-1] + "?"),
    "another kind": put("record", "kind", to="document"),
    "no kind": drop("record", "kind"),
    "a kind that is a fraction": put("record", "kind", to=1.5),
    "a number that is a fraction": put("record", "certificateNumber", to=1.5),
    "a date that is a fraction": put("record", "certificateIssuedDate", to=1.5),
    "holders that are a fraction": put("record", "holders", to=1.5),
    "a salt that is a fraction": put("salt", to=1.5),
    "a kind that is a list": put("record", "kind", to=["certificate"]),
    "a record that is a list": put("record", to=[]),
    "one member more": put("more", to=1),
    "a file without digests": put("record", "files", 0, "digests", to={}),
    "a file with an unknown digest": put("record", "files", 0, "digests", "md5", to="ab" * 32),
    "an upper case media type": put("record", "files", 0, "mediaType", to="Application/ofd"),
    "seal codes": put("record", "sealCodes", to=["A", "B"]),
    "no seal codes": put("record", "sealCodes", to=[]),
    "a seal code with a blank": put("record", "sealCodes", to=["A B"]),
    "replaces in upper case": put("record", "replaces", to=judged_records.RECORD_ID.upper()),
    "too long": put("record", "extension", to={f"m{n}": "x" * 1000 for n in range(300)}),
}  # fmt: skip
_REVEALED = ("revealed", "certificateNumber")
_PARTIAL_CHANGES: dict[str, Change] = {
    "another value": put(*_REVEALED, "value", to="JY0"),
    "a malformed value": put(*_REVEALED, "value", to=5),
    "another key": put(*_REVEALED, "key", to=ZEROS),
    "a malformed key": put(*_REVEALED, "key", to="zz"),
    "another body key": put("key", to=ZEROS),
    "another issue date": put("open", "certificateIssuedDate", to="2025-06-03"),
    "no expiry": drop("open", "certificateExpiringDate"),
    "an expiry among the covered": lambda v: v["covered"].update(certificateExpiringDate=ZEROS),
    "a covered member less": drop("covered", "certificateTypeName"),
    "a mandatory member less": drop("covered", "certificateNumber"),
    "a covered member more": lambda v: v["covered"].update(certificateName=ZEROS),
    "a covered sector field more": lambda v: v["covered"].update({"extension.a": ZEROS}),
    "a sector field without a name": lambda v: v["covered"].update({"extension.": ZEROS}),
    "holders as a whole": lambda v: v["covered"].update(holders=ZEROS),
    "a third holder": lambda v: v["covered"].update({"holders.2.certificateHolderName": ZEROS}),
    "half a second holder": lambda v: v["covered"].update({"holders.1.certificateHolderName": ZEROS}),
    "an unknown member of a holder": lambda v: v["covered"].update({"holders.0.surname": ZEROS}),
    "a holder numbered 00": lambda v: v["covered"].update({"holders.00.certificateHolderName": ZEROS}),
    "a revealed member that is not listed": put("revealed", "certificateName", to={"value": "x", "key": ZEROS}),
    "a revealed member with more": put(*_REVEALED, "more", to=1),
    "a revealed member that is text": put(*_REVEALED, to="x"),
    "an open member that is null": put("open", "sealCodes", to=None),
    "an unknown open member": put("open", "title", to="x"),
    "open that is a list": put("open", to=[]),
    "covered in upper case": lambda v: v["covered"].update(certificateNumber=v["covered"]["certificateNumber"].upper()),
    "another identifier revealed": put("revealed", "certificateIdentifier", "value", to="1.2"),
    "one member more": put("more", to=1),
    "too many covered members": lambda v: v["covered"].update({f"extension.m{n}": ZEROS for n in range(800)}),
    "many covered members": lambda v: v["covered"].update({f"extension.m{n}": ZEROS for n in range(600)}),
}  # fmt: skip
_TEXT_CHANGES: dict[str, Callable[[str], str]] = {
    "blanks": lambda text: " \n\t" + text.replace(",", " , ") + "\r\n",
    "escapes": lambda text: json.dumps(json.loads(text)),
    "nothing": lambda text: "",
    "cut": lambda text: text[:-1],
    "a byte order mark": lambda text: "\ufeff" + text,
    "trailing": lambda text: text + "1",
    "named twice": lambda text: text.replace('"record"', '"salt": "x", "record"', 1),
    "a member of the record twice": lambda text: text.replace('"kind"', '"kind": "certificate", "kind"', 1),
    "half a pair of surrogates": lambda text: text.replace("云溪", "\\ud842", 1),
    "a raw half": lambda text: text.replace("云溪", "\ud842", 1),
    "a whole pair": lambda text: text.replace("云溪", "\\ud842\\udfb7", 1),
    "a raw control character": lambda text: text.replace("云溪", "\u0001", 1),
    "not a number": lambda text: text.replace('"kind"', '"extension": {"a": NaN}, "kind"', 1),
    "minus nought": lambda text: text.replace('"kind"', '"extension": {"a": -0}, "kind"', 1),
    "infinite": lambda text: text.replace('"kind"', '"extension": {"a": 1e999}, "kind"', 1),
    "a leading nought": lambda text: text.replace('"kind"', '"extension": {"a": 01}, "kind"', 1),
    "a trailing comma": lambda text: text.replace('"kind"', '"extension": {"a": 1,}, "kind"', 1),
    "a list": lambda text: f"[{text}]",
    **{
        f"{depth} levels deep": partial(_nested, depth)
        for depth in (250, 251, 252, 253, 254, 255, 1022, 1024)
    },
    "very deep": lambda text: "[" * 2000 + "]" * 2000,
    "too long": lambda text: text + " " * 2**20,
}  # fmt: skip
