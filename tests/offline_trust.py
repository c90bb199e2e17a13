"""Trust files of other chains, and trust files that are none, asked of both offline verifiers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import cbor2
from clique_simulator import Validator, validators
from offline_questions import ISSUED, Change, Question, ask, changed, drop, put, signed
from receipt_world import ROOTS, terms, trust_file

from chain_service.core import cose, receipts, trust
from chain_service.core.chain_trust import PinnedContract, ValidatorRange


def wrong_trust() -> Iterator[Question]:
    yield from _other_chains()
    yield from _badly_signed()


def _other_chains() -> Iterator[Question]:
    base = ISSUED.chain
    others = tuple(sorted(Validator.from_number(n).address for n in range(50, 54)))
    first = tuple(validator.address for validator in validators(4))
    pins = dict(base.contracts)
    for name, other in {
        "another chain id": replace(base, chain_id=1),
        "another genesis": replace(base, genesis_hash=bytes(32)),
        "other validators": replace(base, validators=(ValidatorRange(0, others),)),
        "fewer validators": replace(base, validators=(ValidatorRange(0, first[:3]),)),
        "validators that took over later": replace(
            base, validators=(ValidatorRange(0, first), ValidatorRange(10, others))
        ),
        "validators that change within the headers": replace(
            base, validators=(ValidatorRange(0, first), ValidatorRange(8, others))
        ),
        "the same validators again": replace(base, validators=(ValidatorRange(0, first), ValidatorRange(8, first))),
        "validators that left before": replace(base, validators=(ValidatorRange(0, others), ValidatorRange(7, first))),
        "another number of header fields": replace(base, headers=(base.headers[0]._replace(fields=16),)),
        "an epoch": replace(base, epoch=7),
        "an epoch elsewhere": replace(base, epoch=1000),
        "another code hash": replace(
            base, contracts={**pins, "RecordStatus": PinnedContract(pins["RecordStatus"].address, bytes(32))}
        ),
        "another address": replace(
            base, contracts={**pins, "RecordLog": PinnedContract(bytes(20), pins["RecordLog"].code_hash)}
        ),
        "fewer contracts": replace(base, contracts={name: pin for name, pin in pins.items() if name != "SealRegistry"}),
        "the other consensus": replace(base, form="evm-qbft/1"),
    }.items():
        yield ask(f"trust: {name}", trust=signed(trust_file(other)))


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
    yield ask("trust: a receipt", trust=receipts.encode(ISSUED.receipt()))
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


def _upper(addresses: list[str]) -> None:
    addresses[0] = "0x" + addresses[0][2:].upper()


_TERM_CHANGES: dict[str, Change] = {
    "signed again": lambda v: None,
    "a version of nought": put("version", to=0),
    "a version that is text": put("version", to="1"),
    "a surprise": put("surprise", to=1),
    "no curve": drop("curve"),
    "another curve": put("curve", to="secp256r1"),
    "another consensus": put("consensus", to="ibft"),
    "other slots": put("contracts", "RecordLog", "slots", "_rootAt", to=2),
    "an unknown contract": lambda v: v["contracts"].update(Other=v["contracts"]["RecordLog"]),
    "no header counts": drop("headers"),
    "a header count of 18": put("headers", 0, "fields", to=18),
    "header counts that begin late": put("headers", 0, "fromBlock", to=2),
    "validators that begin late": put("validators", 0, "fromBlock", to=2),
    "no validators": put("validators", 0, "addresses", to=["0x"]),
    "validators out of order": lambda v: v["validators"][0]["addresses"].reverse(),
    "a validator twice": lambda v: v["validators"][0]["addresses"].append(v["validators"][0]["addresses"][0]),
    "an upper case address": lambda v: _upper(v["validators"][0]["addresses"]),
    "a short genesis hash": put("genesisHash", to="0x00"),
    "a fraction for a hash": put("genesisHash", to=1.5),
    "a fraction for a consensus": put("consensus", to=1.5),
    "a fraction for a version": put("version", to=1.5),
    "an object for a consensus": put("consensus", to={"a": 1}),
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
