"""The words of `docs/reference/records.md` that no table of the program has."""

from __future__ import annotations

from chain_service.core.records import schema as shapes
from chain_service.core.records.certificate_types import HOLDER_CATEGORIES, LABEL_LIMIT, LEVELS, MOST_LABELS
from chain_service.core.registries.catalogs import DATA_TYPE_LIMIT, MAX_ITEMS, MAX_LINKS, TEXT_LIMIT, TITLE_LIMIT
from chain_service.core.registries.seals import MAX_SIGNER_CERTIFICATES, NAME_LIMIT

INTRODUCTION = """\
A record is a JSON object. Members that the tables do not name are refused (`malformed_record`); sector fields go
under `extension`. Nothing empty is kept: null, empty text, lists and objects count as left out. Numbers are
integers within ±(2^53−1). Dates are `YYYY-MM-DD` and mean days in UTC+8, both ends included; ids are UUIDs in lower
case. A text may hold no control characters, and none that cannot be seen or that change the order of what is shown
(`hidden_character`).

*Open* members stand readable in every disclosure, a partial one too, so that nobody can hide an expiry; all others
are covered, each by a digest of its own ([standards/hashing.md](../standards/hashing.md)).

```json
{"kind": "certificate", "certificateTypeCode": "114399000061230011002", "certificateTypeName": "营业执照",
 "certificateNumber": "YZ202500000001",
 "certificateIdentifier": "1.2.156.3005.2.114399000061230011002.1143990000612301XQ.YZ202500000001.001.Z",
 "certificateIssuingAuthorityCode": "1143990000612301XQ", "certificateIssuingAuthorityName": "临澜市市场监督管理局",
 "certificateIssuedDate": "2025-02-21",
 "holders": [{"certificateHolderName": "…", "certificateHolderCode": "…", "certificateHolderTypeCode": "001"}]}
```"""

TITLES = {"certificate": "Certificates 电子证照", "document": "Documents 电子文书"}

CHINESE = {
    "kind": "记录种类",
    "certificateTypeCode": "证照类型代码",
    "certificateIssuingAuthorityCode": "证照颁发机构代码",
    "certificateIssuedDate": "证照颁发日期",
    "certificateEffectiveDate": "证照有效期起始日期",
    "certificateExpiringDate": "证照有效期截止日期",
    "documentTypeCode": "文书类型代码",
    "issuingOrganisationCode": "制发机构代码",
    "issuedDate": "制发日期",
    "expiringDate": "失效日期",
    "sealCodes": "印章编码",
    "replaces": "所取代的记录",
    "mediaType": "媒体类型",
    "digests": "摘要",
}

HOLDER = ("certificateHolderName", "certificateHolderCode", "certificateHolderTypeCode", "certificateHolderTypeName")

RULES = f"""\
- The log is that of the issuing organisation. A key submits for its own organisation only (`wrong_organisation`).
- A certificate is known by its identifier (证照标识), a document by type code and number, within the organisation.
  The same again with equal content gives the first id and `created: false`; with other content it is
  `identifier_taken`.
- The identifier's shape and check character (ISO 7064 MOD 37,36) are verified. The check digit of an organisation
  code is not insisted on, since legal early-pilot codes fail it: a verdict warns (`org_code_check_fails`).
- Certificates need a permit of their type on the day of issue (`issuer_not_permitted`); documents need none, and
  may not have a type code that is one of certificates (`type_is_certificate`).
- `extension` may hold any JSON to {shapes.MAX_EXTENSION_DEPTH} levels, with names of 1 to 128 characters.
- `replaces`: once the new record is final the old one becomes `superseded`, if the submitting key also has the role
  `status`, the organisation is the same and a holder code agrees; otherwise the link is shown and the old record
  keeps its state until its own organisation acts.
- With `anchor --documents DIR` a file may be named as `{{"path": "licence.ofd"}}`: both digests are computed from
  it."""

STATES = """\
Four bits for each record on chain; a record that was never changed is in force. `expired` and "not yet effective"
are no states: they follow from the record's own dates. Set by `chain-service status set` or `POST
/v1/records/{id}/status` with `{to, reasonCode, text?, legalBasis?, successor?}`; only `superseded` names a
successor. On chain stand index, state and reason code; text, legal basis and officer stay off chain, behind a
salted digest."""

SEALS = """\
Public metadata, registered on chain (`seal register`, `POST /v1/seals`). Seals of persons (type 05) are never
registered. From an `.esl` file all of this is read."""

SEAL = (
    ("sealCode", "yes", "esID: 1 to 64 letters, digits, dots, dashes, underscores"),
    ("sealName", "yes", f"text of at most {NAME_LIMIT} characters"),
    ("ownerCode", "yes", "unified social credit code of the organisation"),
    ("sealType", "yes", "see below"),
    ("digests", "yes", "`sha-256` and `sm3` of the seal in DER, hex"),
    ("signerCertificates", "yes", f"1 to {MAX_SIGNER_CERTIFICATES} digests `sha-256:…` of certificates that may sign"),
    ("validFrom", "yes", "day, or time in RFC 3339"),
    ("validUntil", "yes", "day, or time in RFC 3339; included"),
)

CATALOGS = """\
Public metadata, a chain of versions (`catalog publish`, `POST /v1/catalogs`). Each version names its predecessor's
digest, and the newest digest stands on chain, so that the history can neither fork nor lose a version. Links lead
one layer up: a table to data, data to a duty."""

CATALOG = (
    ("catalogCode", "yes", "as 301001/000001"),
    ("layer", "yes", "see below"),
    ("title", "yes", f"text of at most {TITLE_LIMIT} characters"),
    ("providerCode", "yes", "unified social credit code of the organisation that provides the data"),
    ("action", "yes", "`publish`, `change` or `withdraw`"),
    ("sequence", "", "filled in if left out; given and not fitting: `catalog_conflict`"),
    ("previous", "", "the same: `sha-256:…` of the version before"),
    ("summary", "", f"text of at most {TEXT_LIMIT} characters"),
    ("format", "", "see below"),
    ("items", "", f"at most {MAX_ITEMS}: `name`, `dataType` (at most {DATA_TYPE_LIMIT} characters), `length`"),
    ("sharingType", "", "see below; 2 and 3 need a `legalBasis`"),
    ("sharingCondition", "", f"text of at most {TEXT_LIMIT} characters"),
    ("sharingMethod", "", "see below"),
    ("legalBasis", "", f"text of at most {TEXT_LIMIT} characters"),
    ("classification", "", f"text of at most {TEXT_LIMIT} characters"),
    ("open", "", "true or false: open to the public"),
    ("updateCycle", "", "see below"),
    ("links", "", f"at most {MAX_LINKS} catalog codes one layer up"),
    ("extension", "", "an object"),
)

TYPES = "What the registrar tells the instance by `chain-service type add FILE`; a permit names such a code."

TYPE = (
    ("certificateTypeCode", "yes", "unified social credit code of the defining organ and 3 digits"),
    ("certificateTypeName", "yes", "text of at most 200 characters"),
    ("definingOrganCode", "yes", "unified social credit code; the type code begins with it"),
    ("definingOrganName", "", "text"),
    ("holderCategory", "yes", "one of " + "、".join(HOLDER_CATEGORIES)),
    ("validity", "", "as the catalog of types words it, such as 5年 or 长期"),
    ("level", "yes", "one of " + "、".join(LEVELS)),
    (
        "labels",
        "",
        f"for at most {MOST_LABELS} sector fields: `{{field: {{zh, en}}}}`, each of {LABEL_LIMIT} characters; "
        "pages and warnings call them so; a label that reads as a member of every record, such as 持证主体, is refused",
    ),
)


def expected(name: str) -> str:
    """What a member has to be, in the words of the program's own refusals."""
    return shapes._EXPECTED[name]
