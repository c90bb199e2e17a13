"""Histories of a chain drawn at random, and receipts that somebody shows of them: honest ones, and forged ones.

A history is a short chain whose validators change, a record that is anchored in it or not, whose state changes and
whose permit may end. Forgers have the keys of every validator that has left, and of one of today's; they seal blocks of
any height and time, over any state, and put them together with honest ones as they like. The log's key is theirs too.
"""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cache
from typing import Any

import orjson

from chain_service.core.chainproof import qbft, storage_layout
from chain_service.core.chainproof.clique import majority_size
from chain_service.core.chainproof.consensus import QBFT
from chain_service.core.chainproof.evidence import Evidence, evidence_from_rpc
from chain_service.core.chainproof.evidence_cbor import BlockProof
from chain_service.core.chainproof.storage_layout import PermitEntry
from chain_service.core.chainproof.trust import FORM_CLIQUE, FORM_QBFT, ChainTrust, Until, ValidatorRange
from chain_service.core.encoding import cose, rlp
from chain_service.core.encoding.canonical import canonical
from chain_service.core.encoding.digests import keccak256
from chain_service.core.log.merkle import root_of
from chain_service.core.receipts import receipt as receipts
from chain_service.core.receipts import trust_file
from chain_service.core.receipts.trust_file import TrustFile
from chain_service.core.receipts.verify_offline import present, verify_offline
from chain_service.core.records.states import State
from chain_service.core.verdicts.verdict import Verdict
from support.chains.clique_simulator import CHAIN_ID, GENESIS_HASH, Validator, World, header_fields
from support.chains.qbft_simulator import qbft_header
from support.offline.offline_questions import without_details
from support.worlds import judged_records
from support.worlds.receipt_world import LOG_KEY, RECORD_ID, ROOTS, TIME, terms

LAST, STEP, AGE = 40, 10, 100
"""The newest block; seconds from block to block; the trust file's age limit."""
TAIL = 4
"""Last blocks of a range that are linked up to its end."""
NOW = TIME + LAST * STEP + 20
SUCCESSIONS: Sequence[Sequence[tuple[int, Sequence[int]]]] = (
    [(0, (0,))],
    [(0, (0, 1, 2, 3))],
    [(0, (0,)), (10, (0, 1)), (20, (0, 1, 2, 3))],
    [(0, (0,)), (20, (1, 2, 3, 4))],
    [(0, (0, 1, 2, 3)), (20, (0, 1, 2, 3, 4))],
    [(0, (0, 1, 2, 3)), (20, (4, 5, 6, 7))],
    [(0, (0, 1, 2, 3)), (20, (0, 4, 5, 6))],
    [(0, (0, 1, 2)), (15, (0, 1, 2, 3)), (35, (1, 2, 3, 4))],
)
"""Who seals from which block on."""
STRANGERS = tuple(Validator.from_number(number) for number in range(90, 97))
CONTENT = judged_records.World()
ROOT = int.from_bytes(root_of(CONTENT.leaves), "big")
OTHER = 7
GRANT = CONTENT.permits[0]
TAKEN = PermitEntry(storage_layout.PERMIT_END, 0, storage_layout.day_number(date(2025, 5, 31)), 0)
"""Ends the permit before the day on which the record says it was issued; to be recorded at some block."""
DISCLOSURE = orjson.dumps(CONTENT.disclosure.to_json())


@cache
def validator(number: int) -> Validator:
    return Validator.from_number(number)


def time_of(block: int) -> int:
    return TIME + STEP * block


@dataclass(frozen=True)
class Words:
    """What the contracts hold of the record; `taken` is the block at which its permit was ended."""

    root: int
    status: int = 0
    taken: int | None = None

    @property
    def permits(self) -> list[PermitEntry]:
        return [GRANT] if self.taken is None else [GRANT, replace(TAKEN, recorded_at=time_of(self.taken))]


@cache
def proof(words: Words, whole: bool) -> tuple[bytes, Evidence]:
    """State root, and nodes and slots: all that judging the record needs, or what a refresh shows."""
    org, type_code, claim = CONTENT.disclosure.org, CONTENT.disclosure.type_code, CONTENT.claim()
    head = storage_layout.head_slot(claim.log, claim.proof.size)
    status, shift = storage_layout.status_slot(claim.log, claim.proof.index)
    storage: dict[str, dict[bytes, int]] = {name: {keccak256(name.encode()): 1} for name in storage_layout.POSITIONS}
    storage[storage_layout.RECORD_LOG][head] = words.root
    storage[storage_layout.RECORD_STATUS][status] = words.status << shift
    storage[storage_layout.ORGANISATIONS][storage_layout.log_key_slot(org, 0)] = int.from_bytes(
        LOG_KEY.public_key, "big"
    )
    for n, entry in enumerate(words.permits):
        storage[storage_layout.ORGANISATIONS][storage_layout.permit_slot(org, type_code, n)] = entry.to_word()
    world = World(storage, other_accounts=2)
    wanted = {storage_layout.RECORD_LOG: [head], storage_layout.RECORD_STATUS: [status]}
    if whole:
        entries = [storage_layout.permit_slot(org, type_code, n) for n in range(len(words.permits) + 1)]
        wanted[storage_layout.ORGANISATIONS] = [storage_layout.log_key_slot(org, 0), *entries]
    proofs = [world.proof_json(name, slots) for name, slots in wanted.items()]
    return world.root, evidence_from_rpc(CHAIN_ID, GENESIS_HASH, [], proofs, FORM_CLIQUE)


CONTRACTS = World({name: {} for name in storage_layout.POSITIONS}, other_accounts=2).trust().contracts


@dataclass(frozen=True)
class History:
    """What really happened. Blocks by number; None: never."""

    form: str
    succession: int
    anchored: int | None
    changes: tuple[tuple[int, State], ...] = ()
    taken: int | None = None
    """The block in which it was recorded that the issuer was not permitted on the day of issue."""

    def words(self, block: int) -> Words:
        root = OTHER if self.anchored is None or block < self.anchored else ROOT
        known = [state for begin, state in self.changes if begin <= block]
        taken = self.taken if self.taken is not None and self.taken <= block else None
        return Words(root if self.anchored is None or root == ROOT else 0, int(known[-1]) if known else 0, taken)

    def among(self, block: int) -> tuple[Validator, ...]:
        numbers = next(who for begin, who in reversed(SUCCESSIONS[self.succession]) if begin <= block)
        return tuple(sorted(map(validator, numbers), key=lambda one: one.address))

    def headers(self, first: int, last: int) -> list[bytes]:
        """Blocks of the honest chain, linked.

        Only headers of one proof are ever compared: what one begins with has no parent, but for a range's last blocks,
        whose hashes a trust file may state.
        """
        begin = first
        for end in (begin - 1 for begin, _ in SUCCESSIONS[self.succession] if begin):
            if end - TAIL < first <= end:
                begin = end - TAIL + 1
        made: list[bytes] = []
        for block in range(begin, last + 1):
            among = self.among(block)
            parent = self.hash_of(made[-1]) if made else bytes(32)
            sealers = among[-self.enough(len(among)) :] if self.form == FORM_QBFT else [among[block % len(among)]]
            root = proof(self.words(min(block, LAST)), True)[0]
            made.append(header(self.form, block, time_of(block), root, sealers, among, parent))
        return made[first - begin :]

    def enough(self, count: int) -> int:
        return qbft.quorum_size(count) if self.form == FORM_QBFT else majority_size(count)

    def hash_of(self, raw: bytes) -> bytes:
        return QBFT.block_hash(raw) if self.form == FORM_QBFT else keccak256(raw)

    def evidence(self, block: int, whole: bool) -> Evidence:
        """Of an honest block, by its seals, or by the end of its range where they are too few."""
        last = block if self.form == FORM_QBFT else block + majority_size(len(self.among(block))) - 1
        if self.among(last) != self.among(block):
            last = next(begin for begin, _ in SUCCESSIONS[self.succession] if begin > block) - 1
        return put(self.form, proof(self.words(block), whole)[1], self.headers(block, last))

    def trust(self, until: int = LAST, ends: bool = True) -> ChainTrust:
        """The chain's trust as it was known at a block, with or without the ends of its ranges."""
        begun = [one for one in SUCCESSIONS[self.succession] if one[0] <= until]
        ranges = []
        for place, (begin, _) in enumerate(begun):
            end = None
            if ends and place + 1 < len(begun):
                last = begun[place + 1][0] - 1
                end = Until(last, self.hash_of(self.headers(last, last)[0]), time_of(last))
            addresses = tuple(one.address for one in self.among(begin))
            ranges.append(ValidatorRange(begin, addresses, self.form, 20 if self.form == FORM_QBFT else 15, end))
        return ChainTrust(CHAIN_ID, GENESIS_HASH, tuple(ranges), CONTRACTS)

    def gives(self, verdict: dict[str, Any], now: int, at: int | None) -> bool:
        """The oracle: whether this history gives a valid verdict with these times."""
        if self.anchored is None or verdict["includedBy"] is None or verdict["statusAsOf"] is None:
            return False
        included, as_of = (moment(verdict[name]) for name in ("includedBy", "statusAsOf"))
        asked = now if at is None else at
        # 1. it is not said to be older than it is, and was there when it is asked about
        if included < time_of(self.anchored) or asked < time_of(self.anchored):
            return False
        # 2. its state then was that of being in force, and then is recent enough
        block = min((as_of - TIME) // STEP, LAST)
        if self.words(block).status or block < self.anchored or not as_of <= asked <= as_of + AGE:
            return False
        # 3. nobody had recorded, before it was anchored, that its issuer was not permitted
        return self.taken is None or self.taken > self.anchored


@cache
def known_validators() -> dict[bytes, Validator]:
    """Everyone who ever seals, by address."""
    return {one.address: one for one in (*map(validator, range(8)), *STRANGERS)}


def moment(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


@cache
def _sealed(
    form: str, block: int, time: int, root: bytes, sealers: tuple[bytes, ...], among: tuple[bytes, ...], parent: bytes
) -> bytes:
    known = known_validators()
    if form == FORM_QBFT:
        who, listed = [known[one] for one in sealers], [known[one] for one in among]
        return qbft_header(block, who, listed, root, timestamp=time, parent_hash=parent)
    (sealer,) = sealers
    in_turn = sealer in among and block % len(among) == among.index(sealer)
    fields = header_fields(block, parent, root, timestamp=time, difficulty=2 if in_turn else 1)
    return rlp.encode(known[sealer].seal(fields))


def header(
    form: str,
    block: int,
    time: int,
    root: bytes,
    sealers: Sequence[Validator],
    among: Sequence[Validator],
    parent: bytes,
) -> bytes:
    """A sealed header: by one validator on Clique, by all of `sealers` on QBFT."""
    who, listed = tuple(one.address for one in sealers), tuple(one.address for one in among)
    return _sealed(form, block, time, root, who, listed, parent)


def put(form: str, shown: Evidence, headers: Sequence[bytes]) -> Evidence:
    return replace(shown, form=form, headers=tuple(headers))


@dataclass(frozen=True)
class Shown:
    """What a verifier is asked, and what may come of it."""

    name: str
    history: History
    trusted: TrustFile
    trust: bytes
    receipt: bytes
    now: int = NOW
    at: int | None = None
    accept_stale: bool = False
    honest: bool = False
    """Nothing in it is forged and all that belongs to it is there: it must never be called invalid while in force."""
    good: bool = False
    """And the trust file is the newest, the state fresh: it has to be valid."""
    disclosure: bytes = field(default=DISCLOSURE, repr=False)

    def verdict(self) -> Verdict:
        return verify_offline(
            self.receipt,
            present(self.disclosure),
            self.trusted,
            now=self.now,
            at=self.at,
            accept_stale=self.accept_stale,
        )

    def speaks(self, verdict: dict[str, Any]) -> bool:
        """Whether the trust file knows of no other validators between the state shown and the moment asked about."""
        as_of, asked = moment(verdict["statusAsOf"]), self.now if self.at is None else self.at
        begins = [time_of(one.from_block) for one in self.trusted.chain.ranges]
        return not any(as_of < begin <= asked for begin in begins)

    def case(self) -> dict[str, Any]:
        """The question and the answer as JSON, byte strings in base64, for another verifier to be asked."""
        parts = {name: base64.b64encode(getattr(self, name)).decode() for name in ("receipt", "disclosure", "trust")}
        told = without_details(json.loads(json.dumps(self.verdict().to_json())))
        stated = {"name": self.name, "files": [], "now": self.now, "at": self.at, "acceptStale": self.accept_stale}
        return {**stated, **parts, "expected": told}


@cache
def file_of(history: History, kind: str) -> tuple[TrustFile, bytes]:
    """A trust file: the newest, one that has expired, one from before the last change, one of the form before."""
    changes = [begin for begin, _ in SUCCESSIONS[history.succession] if begin]
    known = changes[-1] - 1 if kind.startswith("stale") and changes else LAST
    issued = time_of(known) - 5
    expires = issued + 1 if kind.endswith("expired") else NOW + 400
    stated = terms(
        history.trust(known, ends=kind != "endless"), age_limit=AGE, issued=issued, expires=expires, trusting_period=250
    )
    data = trust_file.sign(stated, ROOTS[:2])
    if kind == "first form":
        data = _first_form(stated)
    return trust_file.parse(data), data


def _first_form(stated: Any) -> bytes:
    value = orjson.loads(stated.to_payload())
    value["consensus"] = stated.chain.form[4:-2]
    value["validators"] = [{"fromBlock": one["fromBlock"], "addresses": one["validators"]} for one in value["ranges"]]
    value["headers"] = [{"fromBlock": 0, "fields": value["ranges"][0]["fields"]}]
    del value["form"], value["ranges"]
    for contract in value["contracts"].values():
        del contract["version"]
    payload, body, signatures = canonical(value), cose.encode({3: "application/json"}), []
    for root in ROOTS[:2]:
        protected = cose.encode({1: -8, 4: cose.key_id(root.public_key)})
        signatures.append([protected, {}, root.sign(cose.signed_bytes_of_many(body, protected, payload))])
    return b"\xd8\x62" + cose.encode([body, {}, payload, signatures])


KINDS = ("newest", "newest", "newest", "expired", "stale", "stale expired", "endless", "first form")


@dataclass
class Drawing:
    """Draws what is shown from one history."""

    draw: random.Random
    history: History
    kind: str

    def __post_init__(self) -> None:
        self.trusted, self.trust = file_of(self.history, self.kind)
        chain = self.trusted.chain
        current = list(chain.open.validators)
        left = {address for one in chain.ranges for address in one.validators} - set(current)
        if self.kind.endswith("expired"):
            left |= set(current)  # whoever sealed when the file was made may have lost the keys since
        elif len(current) > 1:
            left.add(self.draw.choice(current))
        self.keys = [one for address, one in known_validators().items() if address in left]

    def forged(self, whole: bool, *, backdated: bool = False) -> Evidence:
        """A block that forgers sealed, over a state that they would like.

        `backdated`: in a range that has ended, as the chain was then, but with the record in it.
        """
        draw, history, ranges = self.draw, self.history, self.trusted.chain.ranges
        block = draw.randint(1, ranges[-1].from_block - 1 if backdated and len(ranges) > 1 else LAST + 3)
        true = history.words(min(block, LAST))
        if backdated:
            time, words = time_of(block), replace(true, root=ROOT, status=0)
        else:
            time = draw.choice([time_of(block), NOW - 5, NOW - 60, time_of(draw.randint(0, LAST))])
            status, taken = draw.choice([0, 0, 0, int(State.WITHDRAWN)]), draw.choice([None, None, true.taken, 5])
            words = draw.choice([Words(ROOT, status, taken), Words(ROOT), Words(OTHER), Words(0), true])
        root, shown = proof(words, whole)
        within = next(one for one in reversed(ranges) if one.from_block <= block)
        among = [known_validators()[address] for address in within.validators]
        able = [one for one in among if one in self.keys]
        hands = draw.choice([able, able, able, self.keys, [*able, *STRANGERS]]) or list(STRANGERS)
        count = history.enough(len(among))
        if history.form == FORM_QBFT:
            listed = among if draw.random() < 0.8 else sorted(hands, key=lambda one: one.address)
            return put(history.form, shown, [header(history.form, block, time, root, hands, listed, bytes(32))])
        raws: list[bytes] = []
        for place in range(count):
            parent = keccak256(raws[-1]) if raws else bytes(32)
            who = hands[place % len(hands)]
            raws.append(header(history.form, block + place, time + place, root, [who], among, parent))
        return put(history.form, shown, raws)

    def shown(self, number: int) -> Shown:
        draw, history = self.draw, self.history
        begin = 1 if history.anchored is None else history.anchored
        kind = draw.choice(["honest", "honest", "mixed", "backdated", "forged"])
        blocks: list[Evidence] = []
        whole = False
        first = second = None
        if kind == "honest" and history.anchored is not None:
            first = history.anchored
            blocks = [history.evidence(first, True)]
            whole = draw.random() < 0.7
            if first < LAST and draw.random() < 0.8:
                second = draw.choice([LAST, draw.randint(first + 1, LAST)])
                blocks.append(history.evidence(second, whole))
        elif kind == "backdated":
            blocks = [self.forged(True, backdated=True), history.evidence(LAST, True)]
        else:
            for place in range(draw.choice([1, 2, 2])):
                if kind == "forged" or draw.random() < 0.5:
                    blocks.append(self.forged(place == 0 or draw.random() < 0.7))
                else:
                    blocks.append(history.evidence(draw.randint(begin, LAST), place == 0 or draw.random() < 0.7))
        issued = time_of(first) if first is not None else draw.choice([NOW, NOW, time_of(begin)])
        now = NOW if draw.random() < 0.9 else NOW + draw.choice([50, 300])
        at = None if draw.random() < 0.7 else draw.randint(TIME, now)
        fresh = at is None and now == NOW and self.kind == "newest" and whole and second == LAST
        honest = first is not None
        accept = draw.random() < 0.1 and not self.kind.endswith("expired")
        return Shown(
            name=f"history {number}: {kind}, {self.kind}",
            history=history,
            trusted=self.trusted,
            trust=self.trust,
            receipt=self.receipt(blocks, issued),
            now=now,
            at=at,
            accept_stale=accept,
            honest=honest,
            good=honest and fresh and not history.words(LAST).status and history.taken is None,
        )

    def receipt(self, blocks: Sequence[Evidence], issued: int) -> bytes:
        claim = CONTENT.claim()
        made = receipts.issue(
            chain_id=CHAIN_ID,
            contract=CONTRACTS[storage_layout.RECORD_LOG].address,
            record_id=RECORD_ID,
            issued_at=issued,
            log=claim.log,
            proof=claim.proof,
            entry=claim.entry,
            signer=LOG_KEY,
            blocks=tuple(map(BlockProof, blocks)),
        )
        return receipts.encode(made)


def draw_history(draw: random.Random) -> History:
    anchored = None if draw.random() < 0.2 else draw.randint(1, LAST - 2)
    changes: list[tuple[int, State]] = []
    if draw.random() < 0.4:
        held = sorted(draw.sample(range(2, LAST + 1), 3))
        states = (State.SUSPENDED, State.IN_FORCE, State.WITHDRAWN)[draw.choice([0, 0, 2]) :]
        changes = [(block, state) for block, state in zip(held, states, strict=False) if block > (anchored or 0)]
    return History(
        form=draw.choice([FORM_CLIQUE, FORM_QBFT]),
        succession=draw.randrange(len(SUCCESSIONS)),
        anchored=anchored,
        changes=tuple(changes),
        taken=draw.randint(2, LAST) if draw.random() < 0.35 else None,
    )


def drawn(count: int, first: int = 0) -> Iterator[Shown]:
    """So many questions, each of a history of its own, the same ones in every run."""
    for number in range(first, first + count):
        about = random.Random(f"history {number}")
        history = draw_history(about)
        kind = about.choice(KINDS)
        yield Drawing(random.Random(f"question {number}"), history, kind).shown(number)


def cases(count: int) -> Iterator[dict[str, Any]]:
    """Questions with Python's answers, for another verifier."""
    for one in drawn(count):
        yield one.case()
