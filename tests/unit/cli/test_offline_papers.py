"""The command line without a chain: the papers of one holder, as the page judges them too."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from chain_service.cli.commands.offline import OfflineVerifier
from chain_service.cli.proven_heads import Heads
from chain_service.core.encoding import rlp
from chain_service.core.log.merkle import InclusionProof, leaf_hash, root_from_inclusion
from chain_service.core.receipts.receipt import encode
from chain_service.core.receipts.receipt import parse as parse_receipt
from chain_service.core.records.hashing import Entry
from chain_service.core.records.states import State
from chain_service.core.verdicts.paper_kinds import take
from chain_service.core.verdicts.verdict import Verdict, gravity
from chain_service.jobs.verifying.request import VerificationRequest
from chain_service.jobs.verifying.several_papers import judge_papers
from support.offline.offline_node import run_with
from support.offline.offline_papers import NOW, forged, holder, question, saved
from support.offline.offline_questions import refreshed

Named = tuple[str, bytes]


def verdict(*papers: Named) -> Verdict:
    trusted = holder()[0].trust
    desk = OfflineVerifier(trusted, None, Heads(None), lambda _: None, judged=True, clock=lambda: NOW)
    given = [take(name, data) for name, data in papers]
    return judge_papers(given, VerificationRequest(), desk.ask, lambda _: None, trusted)


def genuine() -> dict[str, bytes]:
    """Without the PDF that somebody attached something to: no file is read here."""
    return {name: data for name, data in holder()[1].items() if name != "pdf with receipt"}


def test_every_file_of_a_record_is_proven_by_its_one_receipt() -> None:
    papers = genuine()
    for names in permutations(("disclosure", "receipt", "pdf", "ofd")):
        assert verdict(*((name, papers[name]) for name in names)).code == "in_force", names
    changed = ("changed", papers["ofd"] + b"x")
    for place in range(4):
        given = [(name, papers[name]) for name in ("disclosure", "receipt", "pdf")]
        assert verdict(*given[:place], changed, *given[place:]).code == "content_altered"


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("number", [107, 111])
def test_an_end_that_any_receipt_shows_stands(state: State, number: int) -> None:
    issued, papers = holder()
    newest = ("newest", encode(refreshed(issued, State.IN_FORCE, 109)))
    given = [("disclosure", papers["disclosure"]), newest, ("other", encode(refreshed(issued, state, number)))]
    told = state.is_final or number == 111
    for order in permutations(given):
        assert verdict(*order).code == (state.code if told else "in_force")


def test_a_receipt_of_another_chain_among_the_papers_is_not_accused() -> None:
    papers, foreign = genuine(), ("foreign", forged()["receipt of a stranger"])
    for names in ((), ("disclosure",), ("pdf",), ("disclosure", "receipt"), ("disclosure", "receipt", "proof", "pdf")):
        found = verdict(*((name, papers[name]) for name in names), foreign)
        assert (found.answer.value, found.code) == ("indeterminate", "issuer_unknown"), names
        changed = ("changed", forged()["disclosure of another holder"])
        if "receipt" in names:
            assert verdict(*((name, papers[name]) for name in names[1:]), changed, foreign).answer.value == "invalid"


def resealed(data: bytes) -> bytes:
    """The receipt with one bit flipped in the seal of the newest block that vouches for it."""
    receipt = parse_receipt(data)
    block, *others = receipt.blocks
    header = block.evidence.headers[-1]  # no other header names its hash
    extra = rlp.decode_list(header)[12]
    assert isinstance(extra, bytes)
    at = header.index(extra) + len(extra) - 20  # within the number s of the seal, which ends extraData
    changed = header[:at] + bytes([header[at] ^ 1]) + header[at + 1 :]
    evidence = replace(block.evidence, headers=(*block.evidence.headers[:-1], changed))
    return encode(replace(receipt, blocks=(replace(block, evidence=evidence), *others)))


def damaged_receipts(chance: random.Random) -> dict[str, bytes]:
    """The holder's older receipt with one bit flipped in several places, one with an altered seal first."""
    data = genuine()["receipt"]
    bits = chance.sample(range(len(data) * 8), 60)
    found = {"seal": resealed(data)}
    for bit in bits:
        found[f"bit {bit}"] = data[: bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1 :]
    return found


def test_a_damaged_receipt_is_not_excused_by_the_genuine_ones_beside_it(tmp_path: Path) -> None:
    papers = genuine()
    beside = [("disclosure",), ("disclosure", "receipt refreshed"), ("receipt refreshed", "proof", "disclosure", "pdf")]
    damaged = damaged_receipts(random.Random(4))
    asked = [[("damaged", data), *((name, papers[name]) for name in names)] for data in damaged.values()
             for names in beside]  # fmt: skip
    answers = iter(run_with("papers", tmp_path, [question(one) for one in asked]))
    for place, data in damaged.items():
        told = [verdict(("damaged", data), *((name, papers[name]) for name in names)) for names in beside]
        shown = [next(answers) for _ in beside]
        for mine, page in zip(told, shown, strict=True):
            assert "valid" not in (mine.answer.value, page["verdict"]), (place, mine.code, page["code"])
        for codes in ([one.code for one in told], [one["code"] for one in shown]):
            # a place that was altered is another record's, as far as can be told once the genuine one is known
            softer = [code for code in codes[1:] if gravity(code) > gravity(codes[0])]
            assert set(softer) <= {"papers_do_not_match"}, (place, codes)
    codes = [verdict(("damaged", damaged["seal"]), *((name, papers[name]) for name in names)).code for names in beside]
    assert codes == ["trust_stale"] * 3


def test_page_and_command_line_take_the_same_papers_of_one_holder_for_valid(tmp_path: Path) -> None:
    chance = random.Random(20_265)
    papers, changed = list(genuine().items()), list(forged().items())
    right = [chance.sample(papers, chance.randint(1, 6)) for _ in range(60)]
    wrong = [[*chance.sample(papers, chance.randint(0, 5)), chance.choice(changed)] for _ in range(60)]
    for one in wrong:
        chance.shuffle(one)
    right = [one for one in right if {name for name, _ in one} != {"trust file"}]
    answers = run_with("papers", tmp_path, [question(one) for one in right + wrong])
    for place, (one, answer) in enumerate(zip(right + wrong, answers, strict=True)):
        told = answer["verdict"], verdict(*one).answer.value
        names = [name for name, _ in one]
        if place < len(right):
            assert told in (("valid", "valid"), ("indeterminate", "indeterminate")), names
        else:
            assert "valid" not in told, names


def test_papers_that_an_editor_or_a_mail_program_rewrote_are_the_same_papers(tmp_path: Path) -> None:
    papers = genuine()
    asked: list[list[Named]] = []
    for name, data in papers.items():
        for form, rewritten in saved(data).items():
            beside = [(other, papers[other]) for other in ("disclosure", "receipt", "pdf") if other != name]
            asked += [[(f"{name}, {form}", rewritten), *beside], [*beside, (f"{name}, {form}", rewritten)]]
    answers = run_with("papers", tmp_path, [question(one) for one in asked])
    for one, answer in zip(asked, answers, strict=True):
        assert (verdict(*one).code, answer["code"]) == ("in_force", "in_force"), [name for name, _ in one]


def test_rewriting_a_paper_excuses_nothing_in_it(tmp_path: Path) -> None:
    papers = genuine()
    names = ("disclosure of another holder", "partial of another number", "proof of another path")
    changed = {name: forged()[name] for name in names} | {"receipt": resealed(papers["receipt"])}
    asked = [[(name, data), *((other, papers[other]) for other in ("disclosure", "receipt refreshed", "pdf"))]
             for name, one in changed.items() for data in (one, *saved(one).values())]  # fmt: skip
    for one, answer in zip(asked, run_with("papers", tmp_path, [question(one) for one in asked]), strict=True):
        plain = verdict((one[0][0], changed[one[0][0]]), *one[1:])
        assert plain.answer.value != "valid"
        assert (verdict(*one).code, answer["code"]) == (plain.code, plain.code), one[0][0]


def test_a_damaged_trust_file_is_called_damaged_by_page_and_command_line_alike(tmp_path: Path) -> None:
    papers = genuine()
    trust = papers["trust file"]
    damaged = {
        "cut off": (trust[:-40], "unreadable"),
        "no message": (trust[:2] + b"\x00", "unreadable"),
        "another limit": (trust.replace(b'"ageLimitSeconds":3', b'"ageLimitSeconds":4'), "proof_invalid"),
        "an unknown member": (trust.replace(b'"version":', b'"versiom":'), "unreadable"),
        "a later form": (trust.replace(b"chain-service/trust/2", b"chain-service/trust/3"), "issuer_unknown"),
        "another signature": (trust[:-1] + bytes([trust[-1] ^ 1]), "proof_invalid"),
    }
    beside: list[list[Named]] = [[], [(name, papers[name]) for name in ("disclosure", "receipt")]]
    asked = [([*others, ("t", data)], code) for data, code in damaged.values() for others in beside]
    assert trust not in [data for data, _ in damaged.values()]
    answers = run_with("papers", tmp_path, [question(given) for given, _ in asked])
    for (given, code), answer in zip(asked, answers, strict=True):
        assert (verdict(*given).code, answer["code"]) == (code, code), given[-1][1][-60:]


def test_a_trust_file_alone_is_told_as_what_it_is() -> None:
    trust = genuine()["trust file"]
    found = verdict(("t", trust))
    assert (found.answer.value, found.code) == ("indeterminate", "trust_file_alone")
    assert "信任文件" in found.message.zh and "离线核验" in found.next_step.zh
    assert verdict(("t", trust), ("again", trust)).code == "trust_file_alone"
    assert verdict(("t", trust), ("receipt", genuine()["receipt"])).code != "trust_file_alone"


def false_proofs() -> dict[str, tuple[bytes, str]]:
    """Proofs that agree with themselves and not with the receipt, and what each beside the genuine papers gives."""
    genuine_one = json.loads(holder()[1]["proof"])

    def proof(**changes: Any) -> bytes:
        made = json.loads(json.dumps(genuine_one)) | changes
        place = InclusionProof(made["index"], made["size"], tuple(map(bytes.fromhex, made["path"])))
        root = root_from_inclusion(leaf_hash(Entry(bytes.fromhex(made["entry"]))), place)
        made["anchor"] |= {"root": root.hex(), "size": made["size"]}
        return json.dumps(made).encode()

    path = genuine_one["path"]
    return {
        "as it is": (proof(), "in_force"),
        "another path": (proof(path=["11" * 32, *path[1:]]), "proof_invalid"),
        "another entry": (proof(entry="22" * 32), "record_mismatch"),
        "an older log": (proof(size=8, path=path[:3]), "finality_unproven"),
        "a receipt as text": (
            json.dumps(parse_receipt(holder()[1]["receipt"]).to_json()).encode(),
            "finality_unproven",
        ),
    }


@pytest.mark.parametrize("kind", ["as it is", "another path", "another entry", "an older log", "a receipt as text"])
def test_no_proof_is_believed_that_the_receipt_beside_it_does_not_bear_out(kind: str, tmp_path: Path) -> None:
    """A receipt proves its own head; a proof of the record that says otherwise is named, in both verifiers."""
    data, code = false_proofs()[kind]
    papers = [("disclosure", genuine()["disclosure"]), ("receipt", genuine()["receipt"]), ("proof", data)]
    for order in permutations(papers):
        assert verdict(*order).code == code, [name for name, _ in order]
    (answer,) = run_with("papers", tmp_path, [question(papers)])
    # the page compares a proof with the receipt first, the command line with the disclosure
    assert answer["code"] in ((code, "proof_invalid") if code == "record_mismatch" else (code,))
