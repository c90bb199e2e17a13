"""The trust file: everything that has to be known beforehand to verify a receipt, signed, versioned and small.

COSE_Sign (RFC 9052 §4.1) over canonical JSON (RFC 8785). A person compares the first one's fingerprint; each successor
is signed by enough of its predecessor's root keys, and by enough of its own. Versions only rise.

    tag 98 ([<<{3: "application/json"}>>, {}, payload, [+ [<<{1: -8, 4: key id}>>, {}, signature]]])

    {"form": "chain-service/trust/2", "version", "chainId", "genesisHash", "epoch", "curve", "ageLimitSeconds",
     "trustingPeriodSeconds", "issued", "expires", "rootKeys", "threshold",
     "ranges": [{"fromBlock", "form", "fields", "validators": [address], "until"?: {"block", "hash", "time"}}],
     "contracts": {name: {"address", "codeHash", "version", "slots", "until"?: {"block", "hash"}}}}

A range of the form "evm-cometbft/1" has [{"key", "power"}] for validators, and "chainIdText" and "base". What ranges
mean is told in `core.chainproof.trust`, how a verdict follows in `core.receipts.verify_offline`. The form before has
no `form`, and `consensus`, `validators` and `headers` in place of `ranges`: all but its last range are closed without
a known end.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, NoReturn

from chain_service.core.chainproof.headers import FIELD_COUNTS
from chain_service.core.chainproof.storage_layout import LAYOUTS
from chain_service.core.chainproof.trust import ChainTrust, ValidatorRange
from chain_service.core.encoding import cose
from chain_service.core.encoding.canonical import canonical, read_json
from chain_service.core.encoding.cose import Cbor, Signer
from chain_service.core.encoding.digests import parse_hex32, sha256
from chain_service.core.encoding.hex_members import member, natural
from chain_service.core.encoding.times import LAST_SECOND, rfc3339
from chain_service.core.verdicts.verdict import Warning, warning
from chain_service.errors import BadRequest, CannotTell, Conflict, InvalidProof, MalformedDocument, MalformedRecord

MEDIA_TYPE: Final = "application/cose"
FORM: Final = "chain-service/trust/2"
FIRST_FORM: Final = "chain-service/trust/1"
"""Stands in no file: it is one without a `form`."""
_LATER_FORM: Final = re.compile(r"chain-service/trust/([3-9]|[1-9][0-9]{1,3})")
MAX_TRUST_BYTES: Final = 256 * 1024
MAX_ROOT_KEYS: Final = 64
SECONDS_A_DAY: Final = 86_400
CURVE: Final = "secp256k1"
"""Of the validators' keys. Besu can be set to secp256r1, which nothing here verifies."""

_TAG_98: Final = b"\xd8\x62"
_BODY: Final = cose.encode({3: "application/json"})


@dataclass(frozen=True, slots=True)
class TrustTerms:
    """What a trust file states. Times are unix seconds."""

    version: int
    chain: ChainTrust
    age_limit: int
    """Seconds after which a status is out of date."""
    trusting_period: int
    """Seconds after which the validators' seals alone should no longer be relied on: their keys may have got out."""
    issued: int
    expires: int
    root_keys: tuple[bytes, ...]
    """Ed25519 public keys, ascending."""
    threshold: int
    """How many root keys have to sign this file, and its successor."""
    form: str = FORM
    """FIRST_FORM if that is what was read; files are written in FORM."""

    def to_payload(self) -> bytes:
        """The canonical JSON that is signed; `from_payload` reads it. Raises MalformedDocument where that would."""
        payload = self._written()
        self.from_payload(payload)
        return payload

    def _written(self) -> bytes:
        value = self.chain.to_json()
        for name, contract in value["contracts"].items():
            contract["slots"] = LAYOUTS.get(contract["version"], {}).get(name)
        value |= {
            "form": FORM,
            "version": self.version,
            "curve": CURVE,
            "ageLimitSeconds": self.age_limit,
            "trustingPeriodSeconds": self.trusting_period,
            "issued": self.issued,
            "expires": self.expires,
            "rootKeys": [key.hex() for key in self.root_keys],
            "threshold": self.threshold,
        }
        return canonical(value)

    @classmethod
    def from_payload(cls, payload: bytes) -> TrustTerms:
        """What `to_payload` wrote, or the form before.

        Raises MalformedDocument; CannotTell (code `issuer_unknown`) for a form of a later version.
        """
        try:
            value = read_json(payload, limit=MAX_TRUST_BYTES)
            terms = cls._from_json(value)
            _check(terms)
            whole = terms._written() == payload if terms.form == FORM else _is_first_form(value, payload)
            if not whole:
                _refuse("the payload is not in canonical form, or has unknown members", "")
        except CannotTell:
            raise
        except (InvalidProof, MalformedRecord) as error:
            _refuse(error.message, str(error.details.get("field", "")))
        return terms

    @classmethod
    def _from_json(cls, value: Any) -> TrustTerms:
        if member(value, "curve", str) != CURVE:
            _refuse(f"the curve is {CURVE}", "curve")
        if "form" in value and value["form"] != FORM:
            why = "this version does not support the format of the trust file"
            if isinstance(value["form"], str) and _LATER_FORM.fullmatch(value["form"]):
                raise CannotTell(why, code="issuer_unknown", field="form")
            _refuse(why, "form")
        chain = ChainTrust.from_json(value)
        for name, contract in member(value, "contracts", dict).items():
            known = LAYOUTS.get(chain.contracts[name].version, {}).get(name)
            if known is None or member(contract, "slots", dict) != known:
                _refuse("a contract or its slots are others than this version knows", f"contracts.{name}"[:256])
        keys = member(value, "rootKeys", list)
        return cls(
            version=natural(value, "version"),
            chain=chain,
            age_limit=natural(value, "ageLimitSeconds"),
            trusting_period=natural(value, "trustingPeriodSeconds"),
            issued=natural(value, "issued"),
            expires=natural(value, "expires"),
            root_keys=tuple(_key(text) for text in keys),
            threshold=natural(value, "threshold"),
            form=FORM if "form" in value else FIRST_FORM,
        )


_FIRST_MEMBERS: Final = frozenset(
    {"version", "chainId", "genesisHash", "consensus", "epoch", "curve", "ageLimitSeconds", "trustingPeriodSeconds"}
    | {"issued", "expires", "rootKeys", "threshold", "validators", "headers", "contracts"}
)


def _is_first_form(value: dict[str, Any], payload: bytes) -> bool:
    """Whether the payload is canonical and each of its objects has the members of the first form."""
    return (
        canonical(value) == payload
        and value.keys() | {"epoch"} == _FIRST_MEMBERS
        and all(entry.keys() == {"fromBlock", "addresses"} for entry in value["validators"])
        and all(entry.keys() == {"fromBlock", "fields"} for entry in value["headers"])
        and all(entry.keys() == {"address", "codeHash", "slots"} for entry in value["contracts"].values())
    )


def _key(text: object) -> bytes:
    return parse_hex32(text, field="rootKeys")


def _check(terms: TrustTerms) -> None:
    """Returns only if the terms make sense together. Raises MalformedDocument."""
    if not terms.version:
        _refuse("versions begin at 1", "version")
    if not 0 < len(terms.root_keys) <= MAX_ROOT_KEYS or any(a >= b for a, b in pairwise(terms.root_keys)):
        _refuse(f"there are 1 to {MAX_ROOT_KEYS} root keys, ascending", "rootKeys")
    if not 0 < terms.threshold <= len(terms.root_keys):
        _refuse("the threshold is at least 1 and at most the number of root keys", "threshold")
    if not terms.issued < terms.expires <= LAST_SECOND:
        _refuse("a trust file expires after it was issued", "expires")
    if not terms.age_limit or not terms.trusting_period:
        _refuse("age limit and trusting period must be positive", "ageLimitSeconds")
    chain = terms.chain
    for range_ in chain.ranges:
        _check_range(range_)
    if chain.ranges[0].from_block > 1:
        _refuse("the first range begins with the chain", "ranges")
    if "RecordLog" not in chain.contracts or len({pin.address for pin in chain.contracts.values()}) != len(
        chain.contracts
    ):
        _refuse("the contracts have an address each, RecordLog among them", "contracts")


def _check_range(one: ValidatorRange) -> None:
    if one.fields not in FIELD_COUNTS:
        _refuse("every range states 15, 16, 17, 20 or 21 header fields", "fields")
    if not one.validators or len(set(one.validators)) != len(one.validators):
        _refuse("every range names validators, each once", "validators")
    if one.until is not None and one.until.time > LAST_SECOND:
        _refuse("a range ends at an invalid time", "until")
    if not one.states_base:
        _refuse("a CometBFT range states its base", "base")


@dataclass(frozen=True, slots=True)
class TrustFile:
    """A trust file that its own root keys signed; made by `parse`.

    Whether they are the right ones is for `accept_first` or `update` to say.
    """

    terms: TrustTerms
    payload: bytes
    signed_by: frozenset[bytes]
    """Public keys of its own root keys that signed it."""

    @property
    def chain(self) -> ChainTrust:
        """What evidence is verified against."""
        return self.terms.chain

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the payload in hex: what a person compares."""
        return sha256(self.payload).hex()

    def warnings(self, now: int) -> tuple[Warning, ...]:
        """What to say of the file at this moment (unix seconds)."""
        if now < self.terms.issued:
            return (warning("trust_not_yet_issued"),)
        return ()

    def to_json(self) -> dict[str, Any]:
        """The payload's members, times in RFC 3339, with `fingerprint` and `signedBy`, for reading."""
        value: dict[str, Any] = read_json(self.payload, limit=MAX_TRUST_BYTES)
        return value | {
            "issued": rfc3339(self.terms.issued),
            "expires": rfc3339(self.terms.expires),
            "fingerprint": self.fingerprint,
            "signedBy": sorted(key.hex() for key in self.signed_by),
        }


def sign(terms: TrustTerms, signers: Sequence[Signer]) -> bytes:
    """A trust file with these terms, signed by every signer (root keys of this file and of its predecessor).

    Raises BadRequest (code `too_few_signers`) if fewer than the threshold of its own root keys sign.
    """
    payload = terms.to_payload()
    if len({signer.public_key for signer in signers} & set(terms.root_keys)) < terms.threshold:
        raise BadRequest("too few root keys sign the trust file", code="too_few_signers", threshold=terms.threshold)
    signatures = []
    for signer in sorted(signers, key=lambda signer: signer.public_key):
        protected = _signer_header(signer.public_key)
        message = cose.signed_bytes_of_many(_BODY, protected, payload)
        signatures.append([protected, {}, signer.sign(message)])
    return _TAG_98 + cose.encode([_BODY, {}, payload, signatures])


def _signer_header(public_key: bytes) -> bytes:
    return cose.encode({cose.ALG: cose.EDDSA, cose.KID: cose.key_id(public_key)})


def parse(data: bytes) -> TrustFile:
    """The trust file in these bytes; at least the threshold of its own root keys signed it.

    Raises MalformedDocument, InvalidProof for a signature that does not verify or too few of them, CannotTell (code
    `issuer_unknown`) for a form of a later version.
    """
    payload, signatures = _open(data)
    terms = TrustTerms.from_payload(payload)
    signed_by = _signed_by(payload, signatures, terms.root_keys)
    _require_threshold(signed_by, terms, "its own")
    return TrustFile(terms, payload, signed_by)


def accept_first(data: bytes, fingerprint: str) -> TrustFile:
    """The first trust file, whose fingerprint a person has compared: hex in either case, spaces and colons ignored.

    Raises as `parse`, InvalidProof (code `wrong_fingerprint`) if it is another file.
    """
    trust = parse(data)
    if "".join(fingerprint.lower().replace(":", " ").split()) != trust.fingerprint:
        raise InvalidProof("the trust file has another fingerprint", code="wrong_fingerprint")
    return trust


def update(old: TrustFile, data: bytes) -> TrustFile:
    """The successor in these bytes, to be used instead of `old` from now on.

    Raises as `parse`; InvalidProof (code `foreign_trust`) if it is about another chain or too few of the old root keys
    signed it; Conflict (code `trust_rollback`) unless its version is higher.
    """
    new = parse(data)
    # 1. the same chain
    if (new.chain.chain_id, new.chain.genesis_hash) != (old.chain.chain_id, old.chain.genesis_hash):
        raise InvalidProof("the trust file is about another chain", code="foreign_trust")
    # 2. enough of the predecessor's root keys signed it
    _require_threshold(_signed_by(*_open(data), old.terms.root_keys), old.terms, "its predecessor's")
    # 3. versions only rise
    if new.terms.version <= old.terms.version:
        raise Conflict(
            "the trust file is not newer than the one in use",
            code="trust_rollback",
            version=new.terms.version,
            inUse=old.terms.version,
        )
    return new


def _open(data: bytes) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """Payload, and protected header and signature of every signer. Raises MalformedDocument."""
    if len(data) > MAX_TRUST_BYTES:
        _refuse(f"a trust file has at most {MAX_TRUST_BYTES} bytes", "")
    if data[:2] != _TAG_98:
        _refuse("a trust file is a COSE_Sign message with tag 98", "")
    message = cose.decode(data[2:], "the trust file")
    if type(message) is not list or len(message) != 4 or message[0] != _BODY or message[1] != {}:
        _refuse("a trust file is headers, payload and signatures", "")
    payload, signatures = message[2:]
    if type(payload) is not bytes:
        _refuse("the payload is a byte string", "payload")
    if type(signatures) is not list or not 0 < len(signatures) <= 2 * MAX_ROOT_KEYS:
        _refuse("a trust file has signatures, not too many", "signatures")
    found = [_signature(value) for value in signatures]
    if len({protected for protected, _ in found}) != len(found):
        _refuse("a key signed twice", "signatures")
    return payload, found


def _signature(value: Cbor) -> tuple[bytes, bytes]:
    if type(value) is not list or len(value) != 3 or value[1] != {}:
        _refuse("a signature is protected header, empty map and signature", "signatures")
    protected, _, signature = value
    if type(protected) is not bytes or type(signature) is not bytes:
        _refuse("protected header and signature are byte strings", "signatures")
    return protected, signature


def _signed_by(payload: bytes, signatures: Sequence[tuple[bytes, bytes]], keys: Sequence[bytes]) -> frozenset[bytes]:
    """Those of the keys that signed; other keys' signatures say nothing. Raises InvalidProof if one does not verify."""
    of_key = {_signer_header(key): key for key in keys}
    found = set()
    for protected, signature in signatures:
        key = of_key.get(protected)
        if key is not None:
            cose.verify_ed25519(key, signature, cose.signed_bytes_of_many(_BODY, protected, payload))
            found.add(key)
    return frozenset(found)


def _require_threshold(signed_by: frozenset[bytes], terms: TrustTerms, whose: str) -> None:
    if len(signed_by) < terms.threshold:
        raise InvalidProof(
            f"too few of {whose} root keys signed the trust file",
            code="foreign_trust",
            needed=terms.threshold,
            given=len(signed_by),
        )


def _refuse(message: str, field: str) -> NoReturn:
    raise MalformedDocument(message, field=field)
