"""Trust files of other chains, with closed ranges, and trust files that are none, asked of both offline verifiers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import cbor2

from chain_service.core.chainproof.evidence import verify_evidence
from chain_service.core.chainproof.trust import (
    FORM_COMETBFT,
    FORM_QBFT,
    ChainTrust,
    ContractEnd,
    PinnedContract,
    Until,
    ValidatorRange,
)
from chain_service.core.encoding import cose
from chain_service.core.receipts import receipt
from chain_service.core.receipts import trust_file as trust
from support.chains.clique_simulator import Validator, validators
from support.offline.offline_questions import (
    ISSUED,
    QBFT,
    ZEROS,
    Change,
    Question,
    ask,
    changed,
    drop,
    put,
    refreshed,
    signed,
)
from support.worlds.receipt_world import DAY, NOW, ROOTS, TIME, Issued, terms, trust_file

STRANGERS = ["0x" + bytes([n] * 20).hex() for n in (1, 2)]


def wrong_trust(thorough: bool = False) -> Iterator[Question]:
    yield from _other_chains()
    yield from _closed_ranges(thorough)
    yield from _badly_signed()
    yield from _first_form()


def _other_chains() -> Iterator[Question]:
    base = ISSUED.chain
    others = tuple(sorted(Validator.from_number(n).address for n in range(50, 54)))
    first = tuple(validator.address for validator in validators(4))
    pins = dict(base.contracts)
    for name, other in {
        "another chain id": replace(base, chain_id=1),
        "another genesis": replace(base, genesis_hash=bytes(32)),
        "other validators": _ranged(base, (0, others)),
        "fewer validators": _ranged(base, (0, first[:3])),
        "validators that took over later": _ranged(base, (0, first), (10, others)),
        "validators that change within the headers": _ranged(base, (0, first), (8, others)),
        "the same validators again": _ranged(base, (0, first), (8, first)),
        "validators that left before": _ranged(base, (0, others), (7, first)),
        "another number of header fields": replace(base, ranges=(replace(base.open, fields=16),)),
        "an epoch": replace(base, epoch=7),
        "an epoch elsewhere": replace(base, epoch=1000),
        "another code hash": replace(
            base, contracts={**pins, "RecordStatus": PinnedContract(pins["RecordStatus"].address, bytes(32))}
        ),
        "another address": replace(
            base, contracts={**pins, "RecordLog": PinnedContract(bytes(20), pins["RecordLog"].code_hash)}
        ),
        "fewer contracts": replace(base, contracts={name: pin for name, pin in pins.items() if name != "SealRegistry"}),
        "the other consensus": replace(base, ranges=(replace(base.open, form=FORM_QBFT),)),
        "a consensus that is not verified here": replace(base, ranges=(_cometbft(0),)),
        "a consensus that is not verified here, later": replace(base, ranges=(base.open, _cometbft(8))),
        "a contract that was closed": replace(
            base, contracts={**pins, "RecordLog": pins["RecordLog"]._replace(until=ContractEnd(6, bytes(32)))}
        ),
        "a contract that another block of this number ended": replace(
            base, contracts={**pins, "RecordLog": pins["RecordLog"]._replace(until=ContractEnd(7, bytes(32)))}
        ),
    }.items():
        yield ask(f"trust: {name}", trust=signed(trust_file(other)))
        # Issued after the block: it knows who could seal then.
        yield ask(f"trust: {name}, issued since", trust=signed(trust_file(other, issued=TIME + 60)))


def _ranged(base: ChainTrust, *ranges: tuple[int, tuple[bytes, ...]], until: Until | None = None) -> ChainTrust:
    """The chain with these validators from these blocks on; `until` is the end of the first range."""
    made = [replace(base.open, from_block=begin, validators=who) for begin, who in ranges]
    return replace(base, ranges=(replace(made[0], until=until), *made[1:]))


def _cometbft(begin: int) -> ValidatorRange:
    return ValidatorRange(begin, (bytes(range(32)),), FORM_COMETBFT, 20, None, (10,), "city-1", max(begin, 1) - 1)


def _closed_ranges(thorough: bool) -> Iterator[Question]:
    """Who sealed has left since, wholly or in part; the end is known or not, near or far, and may be contradicted."""
    others = tuple(sorted(Validator.from_number(n).address for n in range(50, 54)))
    for issued in (ISSUED, QBFT, Issued("clique", 1)):
        chain = issued.chain
        first = chain.open.validators
        block = verify_evidence(issued.first, chain)
        for kind, after in {
            "all left": others,
            "one joined": tuple(sorted((*first, others[0]))),
            "all but one stayed": tuple(sorted((*first[1:], *others[:2]))),
            "one stayed": tuple(sorted((first[0], *others[1:]))),
        }.items():
            for end in (7, 8, 9, 99, 107) if thorough else (8, 107):
                untils = [None, Until(end, bytes(32), TIME + end)]
                if thorough:
                    untils += [Until(end, bytes(32), TIME + end - 1), Until(end, bytes(32), TIME + 50)]
                    untils += [Until(end, block.block_hash, TIME + end)]
                for until in untils:
                    trusted = signed(trust_file(_ranged(chain, (0, first), (end + 1, after), until=until)))
                    name = f"{issued.consensus} of {len(first)}, {kind} after {end}, {until}"
                    yield ask(name, issued, trust=trusted)
                    yield ask(f"{name}, about the past", issued, trust=trusted, now=NOW + DAY, at=TIME + 8)
                    yield ask(f"{name}, refreshed", issued, refreshed(issued), trust=trusted, now=TIME + 200)
                    withdrawn = refreshed(issued, 2)
                    yield ask(f"{name}, withdrawn", issued, withdrawn, trust=trusted, now=TIME + 200)
    denied = receipt.refreshed(ISSUED.receipt(), ISSUED.newer(107, without=(ISSUED.head,)))
    yield ask("a newer block that denies the head", receipt=denied, now=TIME + 200)
    for limit in (400 * DAY, 31 * DAY):
        yield ask(f"{limit // DAY} days later", receipt=refreshed(ISSUED), now=TIME + limit)


def _badly_signed() -> Iterator[Question]:
    good = terms(ISSUED.chain)
    for name, signers in {"two signers": ROOTS[:2], "a root of the past too": ROOTS, "all": ROOTS[:3]}.items():
        yield ask(f"trust: {name}", trust=trust.sign(good, signers))
    data = trust.sign(good, ROOTS[:3])
    message = cbor2.loads(data).value
    payload = json.loads(message[2])
    for name, change in _TERM_CHANGES.items():
        body = json.dumps(changed(payload, change), separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()
        yield ask(f"trust: {name}", trust=_resigned(message, body))
    yield ask("trust: not canonical", trust=_resigned(message, json.dumps(payload).encode()))
    yield ask("trust: one signature", trust=_tagged([*message[:3], message[3][:1]]))
    yield ask("trust: a signature twice", trust=_tagged([*message[:3], [message[3][0], message[3][0]]]))
    yield ask(
        "trust: another payload",
        trust=_tagged([*message[:2], message[2].replace(b'"version":1', b'"version":2'), message[3]]),
    )
    yield ask(
        "trust: a bad signature among three",
        trust=_tagged([*message[:3], [*message[3][:2], [message[3][2][0], {}, bytes(64)]]]),
    )
    yield ask("trust: a receipt", trust=receipt.encode(ISSUED.receipt()))
    yield ask("trust: nothing", trust=b"")


def _tagged(message: list[Any]) -> bytes:
    return b"\xd8\x62" + cbor2.dumps(message, canonical=True)


def _resigned(message: list[Any], payload: bytes) -> bytes:
    signatures = []
    for root in ROOTS[:3]:
        header = cbor2.dumps({1: -8, 4: cose.key_id(root.public_key)}, canonical=True)
        signed = cbor2.dumps(["Signature", message[0], header, b"", payload], canonical=True)
        signatures.append([header, {}, root.sign(signed)])
    return _tagged([message[0], {}, payload, signatures])


def _first_form() -> Iterator[Question]:
    """Trust files of the form before, whole and changed."""
    for issued in (ISSUED, QBFT):
        message = cbor2.loads(signed(issued.trust)).value
        value = json.loads(message[2])
        (only,) = value.pop("ranges")
        del value["form"]
        for pin in value["contracts"].values():
            del pin["version"]
        value["consensus"] = only["form"][4:-2]
        value["validators"] = [{"fromBlock": 0, "addresses": only["validators"]}]
        value["headers"] = [{"fromBlock": 0, "fields": only["fields"]}]
        for name, change in {
            "as it was": lambda v: None,
            "with an epoch": put("epoch", to=7),
            "with a later range": lambda v: v["validators"].append({"fromBlock": 50, "addresses": STRANGERS}),
            "with the same range again": lambda v: v["validators"].append(v["validators"][0] | {"fromBlock": 50}),
            "with fields that change": lambda v: v["headers"].append({"fromBlock": 50, "fields": 21}),
            "with fields that begin late": put("headers", 0, "fromBlock", to=2),
            "with validators that begin late": put("validators", 0, "fromBlock", to=2),
            "with an end": put("validators", 0, "until", to=9),
            "with a surprise": put("surprise", to=1),
            "with versions": lambda v: [pin.update(version="1.0.0") for pin in v["contracts"].values()],
            "with the new form": put("form", to=trust.FORM),
            "with its own form": put("form", to=trust.FIRST_FORM),
            "with no headers": drop("headers"),
            "with no consensus": drop("consensus"),
            "with another consensus": put("consensus", to="cometbft"),
            "with ranges": put("ranges", to=[only]),
            "out of order": lambda v: v["validators"][0]["addresses"].reverse(),
        }.items():
            body = json.dumps(changed(value, change), separators=(",", ":"), sort_keys=True, ensure_ascii=False)
            trusted = _resigned(message, body.encode())
            yield ask(f"first form {name}: {issued.consensus}", issued, trust=trusted)
            yield ask(f"first form {name}: {issued.consensus}, new", issued, refreshed(issued), trust=trusted, now=NOW)


def _upper(addresses: list[str]) -> None:
    addresses[0] = "0x" + addresses[0][2:].upper()


def _begin_with(until: Any, value: Any) -> None:
    """A range like the first stands before it and ends so; the first begins at block 10."""
    value["ranges"].insert(0, value["ranges"][0] | {"until": until})
    value["ranges"][1].update(fromBlock=10)


_TERM_CHANGES: dict[str, Change] = {
    "signed again": lambda v: None,
    "a version of nought": put("version", to=0),
    "a version that is text": put("version", to="1"),
    "a surprise": put("surprise", to=1),
    "no curve": drop("curve"),
    "another curve": put("curve", to="secp256r1"),
    "another consensus": put("ranges", 0, "form", to="evm-ibft/1"),
    "another form": put("form", to="chain-service/trust/3"),
    "a form that is null": put("form", to=None),
    "no form": drop("form"),
    "other slots": put("contracts", "RecordLog", "slots", "_rootAt", to=2),
    "an unknown contract": lambda v: v["contracts"].update(Other=v["contracts"]["RecordLog"]),
    "no header count": drop("ranges", 0, "fields"),
    "a header count of 18": put("ranges", 0, "fields", to=18),
    "ranges that begin late": put("ranges", 0, "fromBlock", to=2),
    "no ranges": put("ranges", to=[]),
    "no validators": put("ranges", 0, "validators", to=[]),
    "validators that are none": put("ranges", 0, "validators", to=["0x"]),
    "validators out of order": lambda v: v["ranges"][0]["validators"].reverse(),
    "a validator twice": lambda v: v["ranges"][0]["validators"].append(v["ranges"][0]["validators"][0]),
    "an upper case address": lambda v: _upper(v["ranges"][0]["validators"]),
    "an open range that ended": put("ranges", 0, "until", to={"block": 5, "hash": "0x" + ZEROS, "time": 1}),
    "an end that is null": put("ranges", 0, "until", to=None),
    "a range twice": lambda v: v["ranges"].append(v["ranges"][0]),
    "a chain id text on Clique": put("ranges", 0, "chainIdText", to="x"),
    **{
        f"a first range that {name}": partial(_begin_with, until)
        for name, until in {
            "ends": {"block": 9, "hash": "0x" + ZEROS, "time": TIME + 9},
            "ends too early": {"block": 8, "hash": "0x" + ZEROS, "time": TIME + 9},
            "ends too late": {"block": 10, "hash": "0x" + ZEROS, "time": TIME + 9},
            "ends never": {"block": 9, "hash": "0x" + ZEROS, "time": 253_402_300_800},
            "ends without time": {"block": 9, "hash": "0x" + ZEROS},
            "ends with more": {"block": 9, "hash": "0x" + ZEROS, "time": 9, "more": 1},
            "ends with a short hash": {"block": 9, "hash": "0x00", "time": 9},
            "ends with text": "9",
        }.items()
    },
    "a power": put("ranges", 0, "validators", 0, to={"key": "0x" + ZEROS, "power": 1}),
    "another version of a contract": put("contracts", "RecordLog", "version", to="1.0.1"),
    "a contract without version": drop("contracts", "RecordLog", "version"),
    "a contract that ended": put("contracts", "RecordLog", "until", to={"block": 9, "hash": "0x" + ZEROS}),
    "a contract that ended at no block": put("contracts", "RecordLog", "until", to={"hash": "0x" + ZEROS}),
    "a short genesis hash": put("genesisHash", to="0x00"),
    "a fraction for a hash": put("genesisHash", to=1.5),
    "a fraction for a form": put("ranges", 0, "form", to=1.5),
    "a fraction for a version": put("version", to=1.5),
    "an object for a form": put("ranges", 0, "form", to={"a": 1}),
    "an epoch of nought": put("epoch", to=0),
    "other slots more": put("contracts", "RecordLog", "slots", "_other", to=2),
    "no age limit": put("ageLimitSeconds", to=0),
    "a negative period": put("trustingPeriodSeconds", to=-1),
    "expired when issued": lambda v: v.update(expires=v["issued"]),
    "no threshold": put("threshold", to=0),
    "a threshold of four": put("threshold", to=4),
    "a threshold of three": put("threshold", to=3),
    "root keys out of order": lambda v: v["rootKeys"].reverse(),
    "an upper case root key": lambda v: v["rootKeys"].__setitem__(0, v["rootKeys"][0].upper()),
    "an age limit of a day": put("ageLimitSeconds", to=86400),
    "an epoch that is text": put("epoch", to="7"),
}  # fmt: skip
