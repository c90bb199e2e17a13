"""The words of `docs/reference/records.md` that no table of the program has."""

from __future__ import annotations

from chain_service.core.records import schema as shapes

INTRODUCTION = """\
A record is a JSON object. Members that the tables do not name are refused (`malformed_record`); sector fields go
under `extension`. Nothing empty is kept: null, empty text, lists and objects count as left out. Numbers are
integers within ±(2^53−1). Dates are `YYYY-MM-DD` and mean days in UTC+8, both ends included; ids are UUIDs in lower
case. A text may hold no control characters, and none that cannot be seen or that change the order of what is shown
(`hidden_character`).

*Open* members stand readable in every disclosure, a partial one too, so that nobody can hide an expiry; all others
are covered, each by a digest of its own ([standards/hashing.md](../standards/hashing.md)).

Everything on this page is also JSON Schema (2020-12): [certificate](schemas/certificate.json),
[document](schemas/document.json), [seal](schemas/seal.json), [catalog entry](schemas/catalog-entry.json),
[change of state](schemas/status-change.json), [certificate type](schemas/certificate-type.json). They describe what
is left without empty values; what they refuse is refused, and the rules between members come on top. A refusal tells
everything that is wrong at once, up to 100 in `errors` ([errors.md](errors.md)).

```json
{"kind": "certificate", "certificateTypeCode": "114399000061230011002", "certificateTypeName": "营业执照",
 "certificateNumber": "YZ202500000001",
 "certificateIdentifier": "1.2.156.3005.2.114399000061230011002.1143990000612301XQ.YZ202500000001.001.Z",
 "certificateIssuingAuthorityCode": "1143990000612301XQ", "certificateIssuingAuthorityName": "临澜市市场监督管理局",
 "certificateIssuedDate": "2025-02-21",
 "holders": [{"certificateHolderName": "…", "certificateHolderCode": "…", "certificateHolderTypeCode": "001"}]}
```"""

TITLES = {"certificate": "Certificates 电子证照", "document": "Documents 电子文书"}

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

CATALOGS = """\
Public metadata, a chain of versions (`catalog publish`, `POST /v1/catalogs`). Each version names its predecessor's
digest, and the newest digest stands on chain, so that the history can neither fork nor lose a version. Links lead
one layer up: a table to data, data to a duty."""

TYPES = "What the registrar tells the instance by `chain-service type add FILE`; a permit names such a code."
