"""Which certificates are trusted, by what path, for how long, and why others are not: SM2, ECDSA and RSA alike."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from chain_service.documents.asn1 import der
from chain_service.documents.facts import CertificateFacts, PathFacts
from chain_service.documents.pki.trust import Trust
from chain_service.documents.pki.trust_store import RootCertificate, TrustStore
from chain_service.errors import MalformedDocument
from document_makers.certificates import Family, Holder, Key, extension, issue, new_key
from document_makers.encoding import bits, element, identifier, integer, octets, raw_signature, sequence
from support.cms.signing_keys import FORMS, NAMED, UNKNOWN, WEAK

DAY = 86_400
START = 1_700_000_000
END = START + 3_650 * DAY
FAMILIES: tuple[Family, ...] = ("sm2", "ecdsa", "rsa")
LEAF = {"C": "CN", "O": "11430000006122244L长沙市测试局", "CN": "43010000000011"}


def named(name: str) -> dict[str, str]:
    return {"C": "CN", "O": "测试", "CN": name}


def root_of(family: Family, name: str = "根", **more: object) -> Holder:
    return issue(None, named(name), START, END, authority=True, family=family, **more)  # type: ignore[arg-type]


def below(issuer: Holder, name: str = "中间", since: int = START, until: int = END, **more: object) -> Holder:
    more = {"authority": True, "family": issuer.key.family} | more
    return issue(issuer, named(name), since, until, **more)  # type: ignore[arg-type]


def leaf_of(issuer: Holder, since: int = START, until: int = END, **more: object) -> Holder:
    return issue(issuer, LEAF, since, until, **({"family": issuer.key.family} | more))  # type: ignore[arg-type]


def trust(*anchors: Holder, links: tuple[Holder, ...] = ()) -> Trust:
    store = TrustStore(
        tuple(RootCertificate(f"region {number}", one.certificate) for number, one in enumerate(anchors, 1)),
        tuple(one.certificate for one in links),
    )
    read = Trust(store)
    assert read.problems == ()
    return read


def facts(leaf: Holder, known: Trust, *others: Holder) -> CertificateFacts:
    return known.certificate(leaf.certificate, tuple(one.certificate for one in others))


def path(leaf: Holder, known: Trust, *others: Holder) -> PathFacts:
    return facts(leaf, known, *others).path


@pytest.mark.parametrize("family", FAMILIES)
def test_a_path_leads_over_intermediates_to_an_anchor(family: Family) -> None:
    root = root_of(family)
    one = below(root, "一", until=END - DAY)
    two = below(one, "二", since=START + DAY)
    leaf = leaf_of(two, START - DAY, END + DAY)
    found = path(leaf, trust(root, links=(one, two)))
    assert found.outcome == "trusted", found
    assert found.anchor == "region 1"
    assert found.certificates == tuple(hashlib.sha256(x.certificate).digest() for x in (leaf, two, one, root))
    assert (found.valid_from, found.valid_until) == (START + DAY, END - DAY)


@pytest.mark.parametrize("family", FAMILIES)
def test_links_may_come_with_the_document_but_never_an_anchor(family: Family) -> None:
    root = root_of(family)
    link = below(root)
    leaf = leaf_of(link)
    assert path(leaf, trust(root), link).outcome == "trusted"
    assert path(leaf, trust(root)).outcome == "untrusted"
    assert path(leaf, trust(), link, root).outcome == "untrusted"


@pytest.mark.parametrize("family", FAMILIES)
def test_an_issuer_that_is_no_authority_breaks_the_path(family: Family) -> None:
    root = root_of(family)
    for link in (below(root, authority=False), below(root, uses=("digitalSignature",))):
        found = path(leaf_of(link), trust(root), link)
        assert (found.outcome, found.anchor) == ("broken", "region 1")
        assert "中间" in found.detail


@pytest.mark.parametrize("family", FAMILIES)
def test_no_more_authorities_stand_below_one_than_it_allows(family: Family) -> None:
    root = root_of(family, path_length=1)
    one = below(root, "一")
    two = below(one, "二")
    assert path(leaf_of(one), trust(root), one).outcome == "trusted"
    found = path(leaf_of(two), trust(root), one, two)
    assert found.outcome == "broken" and "allows 1 authorities" in found.detail


@pytest.mark.parametrize("family", FAMILIES)
def test_a_forged_certificate_in_an_anchors_name_breaks_the_path(family: Family) -> None:
    root = root_of(family)
    forger = Holder(new_key(family), root.certificate, root.name, root.serial)
    found = path(leaf_of(forger), trust(root))
    assert found.outcome == "broken" and "does not verify" in found.detail


@pytest.mark.parametrize("family", FAMILIES)
def test_a_changed_byte_anywhere_in_a_certificate_loses_its_path(family: Family) -> None:
    root = root_of(family)
    good = leaf_of(root).certificate
    known = trust(root)
    assert known.certificate(good).path.outcome == "trusted"
    for at in range(len(good)):
        changed = good[:at] + bytes([good[at] ^ 1 << at % 8]) + good[at + 1 :]
        try:
            assert known.certificate(changed).path.outcome != "trusted", at
        except MalformedDocument as error:
            assert error.code in {"malformed", "not_der", "too_large"}


def test_a_certificate_written_in_another_way_has_no_path() -> None:
    root = root_of("sm2")
    known = trust(root)
    tbs, algorithm, signature = der.members(leaf_of(root).certificate)
    assert known.certificate(sequence(tbs, algorithm, signature)).path.outcome == "trusted"
    raw = sequence(tbs, algorithm, bits(raw_signature(signature[3:])))
    assert known.certificate(raw).path.outcome == "broken"
    with pytest.raises(MalformedDocument):
        known.certificate(sequence(tbs, algorithm, signature, integer(1)))


def test_certificates_that_were_never_valid_together_are_no_path() -> None:
    root = root_of("sm2")
    link = below(root, until=START + DAY)
    found = path(leaf_of(link, since=START + 2 * DAY), trust(root), link)
    assert found.outcome == "broken" and "same time" in found.detail


def test_of_two_paths_the_one_that_lasts_longer_is_taken() -> None:
    old, new = root_of("sm2", "旧根"), root_of("sm2", "新根")
    key = new_key("sm2")
    short = below(old, "中间", until=START + 100 * DAY, key=key)
    long = below(new, "中间", until=END - DAY, key=key)
    found = path(leaf_of(short), trust(old, new), short, long)
    assert (found.outcome, found.anchor, found.valid_until) == ("trusted", "region 2", END - DAY)


def test_a_certificate_that_is_itself_an_anchor_is_trusted() -> None:
    alone = issue(None, LEAF, START, END)
    found = path(alone, trust(alone))
    assert found.outcome == "trusted" and len(found.certificates) == 1 and found.revocations == ()


def test_mixed_algorithms_make_a_path_too() -> None:
    root = root_of("rsa")
    link = below(root, family="sm2")
    assert path(leaf_of(link), trust(root), link).outcome == "trusted"


class _WithSha1(Key):
    """An RSA key that signs as nobody should any more."""

    @property
    def algorithm(self) -> bytes:
        return sequence(identifier("1.2.840.113549.1.1.5"), element(0x05))

    def sign(self, message: bytes) -> bytes:
        assert isinstance(self.secret, rsa.RSAPrivateKey)
        return self.secret.sign(message, padding.PKCS1v15(), hashes.SHA1())


def test_an_authority_below_a_weak_digest_is_not_trusted_beside_national_keys_either() -> None:
    root = root_of("rsa")
    weak = Holder(_WithSha1("rsa", root.key.public, root.key.secret), root.certificate, root.name, root.serial)
    for family in ("sm2", "rsa"):
        link = below(weak, family=family)
        assert path(leaf_of(link, family=family), trust(root), link).outcome == "broken"


NOT_UNDERSTOOD: dict[str, Callable[[], bytes]] = {
    "critical": lambda: extension("1.2.3.4.5", sequence(), critical=True),
    "names": lambda: extension("2.5.29.30", sequence(), critical=True),
}


@pytest.mark.parametrize("what", NOT_UNDERSTOOD)
def test_what_is_not_understood_in_an_authority_is_not_trusted(what: str) -> None:
    root = root_of("sm2")
    link = below(root, extensions=NOT_UNDERSTOOD[what]())
    assert path(leaf_of(link), trust(root), link).outcome == "untrusted"


def test_an_extension_that_need_not_be_understood_changes_nothing() -> None:
    root = root_of("ecdsa")
    link = below(root, extensions=extension("1.2.3.4.5", sequence()))
    assert path(leaf_of(link), trust(root), link).outcome == "trusted"


def test_an_extension_that_occurs_twice_breaks_the_path() -> None:
    root = root_of("sm2")
    twice = leaf_of(root, extensions=extension("2.5.29.19", sequence(), critical=True))
    assert path(twice, trust(root)).outcome == "broken"


def test_key_identifiers_that_differ_say_that_another_key_issued_it() -> None:
    root = root_of("sm2", extensions=extension("2.5.29.14", octets(b"\1" * 20)))
    forger = Holder(new_key("sm2"), root.certificate, root.name, root.serial)
    other = leaf_of(forger, extensions=extension("2.5.29.35", sequence(element(0x80, b"\2" * 20))))
    assert path(other, trust(root)).outcome == "untrusted"
    same = leaf_of(root, extensions=extension("2.5.29.35", sequence(element(0x80, b"\1" * 20))))
    assert path(same, trust(root)).outcome == "trusted"


def test_many_certificates_of_one_name_cost_a_bounded_number_of_tries() -> None:
    root = root_of("sm2")
    doubles = tuple(below(root, key=new_key("sm2")) for _ in range(60))
    leaf = leaf_of(Holder(new_key("sm2"), b"", doubles[0].name, 1))
    assert path(leaf, trust(root, links=doubles)).outcome == "untrusted"


def test_authorities_that_issue_each_other_end_nowhere() -> None:
    one = root_of("sm2", "一")
    two = below(one, "二")
    circle = issue(two, named("一"), START, END, authority=True, key=one.key)
    assert path(leaf_of(two), trust(), one, two, circle).outcome == "untrusted"


@pytest.mark.parametrize(
    ("uses", "purposes", "allowed"),
    [
        (("digitalSignature",), (), True),
        (("nonRepudiation",), ("1.3.6.1.5.5.7.3.4",), True),
        (("keyEncipherment", "dataEncipherment"), (), False),
        ((), (), None),
        (("digitalSignature",), ("1.3.6.1.5.5.7.3.8",), True),
        (("digitalSignature",), ("1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"), True),
    ],
)
def test_key_usage_says_whether_a_certificate_may_sign(
    uses: tuple[str, ...], purposes: tuple[str, ...], allowed: bool | None
) -> None:
    root = root_of("sm2")
    more = extension("2.5.29.37", sequence(*map(identifier, purposes))) if purposes else b""
    assert facts(leaf_of(root, uses=uses, extensions=more), trust(root)).may_sign is allowed


def test_the_facts_name_organisation_and_seal_code() -> None:
    root = root_of("sm2")
    found = facts(leaf_of(root), trust(root))
    assert found.organisation == "11430000006122244L长沙市测试局"
    assert found.common_name == "43010000000011"
    assert found.subject == "CN=43010000000011,O=11430000006122244L长沙市测试局,C=CN"
    assert found.issuer == "CN=根,O=测试,C=CN"
    assert found.algorithm == "sm2"


def test_what_of_the_store_cannot_be_read_is_named_and_the_rest_serves() -> None:
    root = root_of("sm2")
    store = TrustStore(
        (RootCertificate("bad", b"\x30\x00"), RootCertificate("good", root.certificate)), (b"junk",), (b"junk",)
    )
    read = Trust(store)
    assert [problem.detail.split(":")[0] for problem in read.problems] == [
        "root certificate bad",
        "intermediate 1",
        "revocation list 1",
    ]
    assert path(leaf_of(root), read).outcome == "trusted"


# Certificates as they are in the field: trusted where nothing is wrong with them, otherwise not known, never an error.


Made = tuple[Holder, Holder, tuple[Holder, ...]]
"""Leaf, anchor and links."""


def spelt(value: str, tag: int = 0x13) -> bytes:
    """The name of `named("...")` with its CN in another string type."""
    parts = (("2.5.4.6", 0x13, "CN"), ("2.5.4.10", 0x0C, "测试"), ("2.5.4.3", tag, value))
    return sequence(
        *(element(0x31, sequence(identifier(oid), element(kind, text.encode()))) for oid, kind, text in parts)
    )


def rewritten(leaf: Holder, issuer: Holder, place: int, member: bytes) -> Holder:
    """The certificate with another member of its body, signed anew."""
    tbs, algorithm, _ = der.members(leaf.certificate)
    members = der.members(tbs)
    members[place] = member
    body = sequence(*members)
    return replace(leaf, certificate=sequence(body, algorithm, bits(issuer.sign(body))))


def _chain(length: int) -> Made:
    """A path of so many certificates."""
    root = root_of("ecdsa")
    links = [root]
    for number in range(length - 2):
        links.append(below(links[-1], f"第 {number} 级"))
    return leaf_of(links[-1]), root, tuple(links[1:])


def _spelt(written: bytes, family: Family = "ecdsa") -> Made:
    root = root_of(family, "Test Root")
    return leaf_of(replace(root, name=written)), root, ()


def _cross_certified() -> Made:
    """The authority has a root of its own too, which nobody here trusts; an anchor certified the same key."""
    root, own = root_of("ecdsa"), root_of("ecdsa", "别的根")
    crossed = issue(root, named("别的根"), START, END, authority=True, key=own.key)
    return leaf_of(own), root, (own, crossed)


def _with_serial(serial: bytes) -> Made:
    root = root_of("ecdsa")
    return rewritten(leaf_of(root), root, 1, element(0x02, serial)), root, ()


def _keyed(key: Key, *, authority: bool = False) -> Made:
    """Somebody with this key, or a leaf below an authority with it."""
    root = root_of("ecdsa")
    if not authority:
        return leaf_of(root, key=key), root, ()
    link = below(root, key=key)
    return leaf_of(link, family="ecdsa"), root, (link,)


def _rsa_without_parameters() -> Key:
    key = new_key("rsa")
    algorithm, public = der.members(key.public)
    return Key("rsa", sequence(sequence(der.members(algorithm)[0]), public), key.secret)


def _old_root() -> Made:
    key = new_key("rsa")
    old = root_of("rsa", key=_WithSha1("rsa", key.public, key.secret))
    return leaf_of(replace(old, key=key)), old, ()


def _for(*purposes: str) -> Made:
    root = root_of("ecdsa")
    return leaf_of(root, extensions=extension("2.5.29.37", sequence(*map(identifier, purposes)))), root, ()


FIELD: dict[str, tuple[str, Callable[[], Made]]] = {
    "eight certificates": ("trusted", lambda: _chain(8)),
    "nine certificates": ("untrusted", lambda: _chain(9)),
    "cross certificate": ("trusted", _cross_certified),
    "issuer spelt as PrintableString": ("trusted", lambda: _spelt(spelt("Test Root"))),
    "issuer spelt in capitals and blanks": ("trusted", lambda: _spelt(spelt(" TEST  ROOT"))),
    "issuer spelt otherwise, SM2": ("trusted", lambda: _spelt(spelt("test root", 0x16), "sm2")),
    "issuer of another name": ("untrusted", lambda: _spelt(spelt("Test Root 2"))),
    "negative serial number": ("trusted", lambda: _with_serial(b"\xff\x01")),
    "serial number of 30 bytes": ("broken", lambda: _with_serial(b"\x01" * 30)),
    "no key usage": ("trusted", lambda: (leaf_of(root := root_of("ecdsa"), uses=()), root, ())),
    "for documents": ("trusted", lambda: _for("1.3.6.1.5.5.7.3.36")),
    "for documents and mail": ("trusted", lambda: _for("1.3.6.1.4.1.311.10.3.12", "1.3.6.1.5.5.7.3.4")),
    "for servers alone": ("broken", lambda: _for("1.3.6.1.5.5.7.3.1")),
    "RSA without parameters": ("trusted", lambda: _keyed(_rsa_without_parameters())),
    "authority with Ed25519": ("trusted", lambda: _keyed(NAMED["1.3.101.112"][2](), authority=True)),
    "authority with PSS": ("trusted", lambda: _keyed(FORMS["PSS, SHA-256"][1](), authority=True)),
    "authority with brainpool": (
        "trusted", lambda: _keyed(FORMS["ECDSA on brainpoolP256r1"][1](), authority=True)
    ),
    "authority with a short key": ("untrusted", lambda: _keyed(WEAK["RSA of 1024 bits"][1](), authority=True)),
    "authority with an unknown algorithm": ("untrusted", lambda: _keyed(UNKNOWN["DSA"][1](), authority=True)),
    "root that signed itself with SHA-1": ("trusted", lambda: _old_root()),
}  # fmt: skip


@pytest.mark.parametrize("name", FIELD)
def test_a_certificate_of_the_field_is_trusted_or_not_known(name: str) -> None:
    outcome, make = FIELD[name]
    leaf, root, links = make()
    found = path(leaf, trust(root), *links)
    assert found.outcome == outcome, found
