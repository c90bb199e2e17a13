"""Every check of a verdict, in the order judged, with every code that it may give: the one table of them.

A check is named by its constant, `RECORD.STATUS` or `SIGNATURE.COVERAGE`, in what is judged and in who asks for a
result: `check(RECORD.STATUS, "withdrawn")`, `group[RECORD.STATUS].outcome`. Its name in JSON, `status`, is for readers
of the answer. The offline page and docs/reference have their tables of checks from here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

from chain_service.core.encoding.text import Text
from chain_service.core.verdicts.verdict_codes import STATES, Outcome

GroupName = Literal["record", "signature"]
"""What a group of checks is about: the record, or one signature of a document."""


@dataclass(frozen=True)
class CheckNote:
    """A check's answer that is no finding: it passed or does not apply. `best` caps the verdict when it occurs."""

    code: str
    outcome: Outcome
    text: Text
    best: str = "in_force"


@dataclass(frozen=True, eq=False)
class CheckRule:
    """One check and what it may answer: the verdict codes it may raise, and its own notes. Each is one object."""

    group: GroupName
    name: str
    raises: tuple[str, ...]
    notes: tuple[CheckNote, ...]

    @cached_property
    def codes(self) -> frozenset[str]:
        """Every code that a result of this check may have."""
        return frozenset((*self.raises, *(note.code for note in self.notes)))

    def __str__(self) -> str:
        return f"{self.group}.{self.name}"


def _passed(code: str, zh: str, en: str) -> CheckNote:
    return CheckNote(code, Outcome.PASSED, Text(zh, en))


def _skipped(code: str, zh: str, en: str, best: str = "in_force") -> CheckNote:
    return CheckNote(code, Outcome.SKIPPED, Text(zh, en), best)


_NOT_REACHED = _skipped("not_reached", "另一项核验未通过，本项未核验", "not judged, because another check did not pass")
_NOT_EXAMINED = _skipped("not_in_this_version", "此处不核验签章", "signatures are not checked here")
"""Where documents cannot be read: the offline page, which has only a receipt and a browser."""
_NODE: Final = ("node_unavailable", "finality_unproven", "trust_stale")
_NOTHING_SIGNED = _skipped(
    "nothing_signed", "这是印章文件，未签署任何内容", "the file is a seal alone and signs nothing"
)


def _record(name: str, raises: Sequence[str], *notes: CheckNote) -> CheckRule:
    return CheckRule("record", name, tuple(raises), notes)


def _signature(name: str, raises: Sequence[str], *notes: CheckNote) -> CheckRule:
    return CheckRule("signature", name, tuple(raises), (*notes, _NOT_REACHED, _NOT_EXAMINED, _NOTHING_SIGNED))


class RECORD:
    """The checks of a record, in the order judged."""

    PARSE: Final = _record(
        "parse",
        ("unreadable", "papers_do_not_match", "trust_file_alone", "nothing_to_verify"),
        _passed("readable", "所提交内容可以解析", "what was presented can be read"),
        _skipped(
            "not_compared",
            "只提供了标识，没有可比对的内容",
            "only an identifier was given: there is no content to compare",
            "in_force_not_compared",
        ),
    )
    FILE_DIGEST: Final = _record(
        "file_digest",
        ("content_altered", "not_anchored", "several_records", "changes_unclear"),
        _passed("file_matches", "文件摘要与记录一致", "the file's digest stands in the record"),
        _passed(
            "signed_file_matches",
            "文件签署后只添加了附件，签署时的文件摘要与记录一致",
            "only attachments were added since signing; the digest of the file as signed is in the record",
        ),
        _skipped("no_file", "未提交文件", "no file was presented"),
        _NOT_REACHED,
    )
    LOG_SIGNATURE: Final = _record(
        "log_signature",
        ("proof_invalid", *_NODE),
        _passed("signed", "机构日志密钥已签署日志头", "a log key of the organisation signed the log head"),
        _skipped("no_receipt", "未提交签名凭证", "no signed receipt was presented"),
        _NOT_REACHED,
    )
    INCLUSION: Final = _record(
        "inclusion",
        (
            "proof_invalid",
            "record_mismatch",
            "finality_unproven",
            "trust_stale",
            "issuer_unknown",
            "pending",
            "not_anchored",
            "several_records",
        ),
        _passed(
            "included",
            "记录在机构日志中，序号 {index}（从 0 起），日志长度 {size}",
            "the record has leaf index {index} in the organisation's log of {size}",
        ),
        _NOT_REACHED,
    )
    ANCHOR: Final = _record(
        "anchor",
        ("proof_invalid", "record_mismatch", *_NODE, "not_anchored"),
        _passed("head_on_chain", "日志头已在链上，区块 {block}", "the log head is on chain, block {block}"),
        _NOT_REACHED,
    )
    VALIDATORS: Final = _record(
        "validators",
        (*_NODE, "issuer_unknown"),
        _passed("trial", "试验链：由单一验证节点签署", "trial chain: sealed by one validator"),
        _passed(
            "majority",
            "{validators} 个验证节点中 {signers} 个连续签署",
            "{signers} of {validators} validators sealed consecutive blocks",
        ),
        _passed(
            "quorum",
            "{validators} 个验证节点中 {signers} 个签署本区块",
            "{signers} of {validators} validators sealed this block",
        ),
        _NOT_REACHED,
    )
    ISSUER_PERMITTED: Final = _record(
        "issuer_permitted",
        ("issuer_not_permitted", *_NODE, "nothing_to_verify"),
        _passed(
            "permitted",
            "颁发之日（{date}）机构有权颁发该类证照",
            "on the day of issue ({date}) the issuer was permitted to issue this type",
        ),
        _skipped("no_permit_needed", "电子文书无需颁发许可", "documents need no permit"),
        _NOT_REACHED,
    )
    STATUS: Final = _record(
        "status",
        (*STATES, "status_changing", *_NODE, "status_stale"),
        _passed("in_force", "截至 {time} 状态为有效", "in force as of {time}"),
        _NOT_REACHED,
    )
    VALIDITY_PERIOD: Final = _record(
        "validity_period",
        ("not_yet_effective", "expired", "nothing_to_verify"),
        _passed("within_validity", "在有效期内[（至 {date}）]", "within its period[, until {date}]"),
        _NOT_REACHED,
    )


class SIGNATURE:
    """The checks of one signature of a document, in the order judged."""

    PARSE: Final = _signature(
        "parse",
        ("unreadable", "signature_invalid", "changes_unclear", "signature_unsupported"),
        _passed("signature_readable", "签章可以解析", "the signature can be read"),
    )
    REFERENCE_DIGESTS: Final = _signature(
        "reference_digests",
        ("content_altered", "signature_unsupported"),
        _passed("digests_match", "签章所保护的内容未变", "what the signature covers is unchanged"),
    )
    COVERAGE: Final = _signature(
        "coverage",
        ("content_altered", "changes_unclear", "not_all_signed"),
        _passed("all_covered", "文件全部内容受签章保护", "the signature covers all of the document"),
        _passed(
            "shown_covered",
            "显示内容受签章保护，另有未受保护的文件",
            "the signature covers all that is displayed, but not every file",
        ),
    )
    SIGNATURE: Final = _signature(
        "signature",
        ("signature_invalid", "signature_unsupported"),
        _passed("signature_holds", "签名值正确", "the signature verifies with the signer's certificate"),
    )
    SEAL_SIGNATURE: Final = _signature(
        "seal_signature",
        (
            "signature_invalid",
            "seal_mismatch",
            "signed_outside_validity",
            "signer_revoked",
            "signature_unsupported",
            "signer_untrusted",
            "revocation_unknown",
            "signing_time_unproven",
        ),
        _passed(
            "seal_holds",
            "印章由受信制章者签发，并含签章人证书",
            "a trusted maker signed the seal, which names the signer's certificate",
        ),
        _skipped("no_seal", "签名不带印章", "the signature has no seal"),
    )
    SIGNER_CERTIFICATE: Final = _signature(
        "signer_certificate",
        ("signature_invalid", "signed_outside_validity", "signer_untrusted"),
        _passed(
            "certificate_trusted",
            "签章证书可追溯到根证书 {anchor}",
            "the signer's certificate leads to the root certificate {anchor}",
        ),
        CheckNote(
            "signer_expired_since",
            Outcome.PASSED,
            Text(
                "签章证书可追溯到根证书 {anchor}，签署后已到期（{date}）",
                "the signer's certificate leads to the root certificate {anchor} and ended on {date}",
            ),
            "in_force_signer_expired",
        ),
    )
    REVOCATION: Final = _signature(
        "revocation",
        ("signer_revoked", "revocation_unknown"),
        _passed("not_revoked", "签章证书未被吊销", "the signer's certificate is not revoked"),
        CheckNote(
            "revoked_after_signing",
            Outcome.PASSED,
            Text("签章证书在签署之后吊销（{date}）", "the signer's certificate was revoked after signing, on {date}"),
            "in_force_signer_expired",
        ),
    )
    SIGNING_TIME: Final = _signature(
        "signing_time",
        ("signed_outside_validity", "signing_time_unproven"),
        _passed("time_proven", "已证明签章不晚于 {time} 存在", "the signature is proven to have existed by {time}"),
        _passed(
            "time_claimed",
            "签署时间仅为文件自称，但结论不取决于它",
            "the signing time is only claimed; the verdict does not depend on it",
        ),
    )
    SEAL_REGISTERED: Final = _signature(
        "seal_registered",
        ("seal_mismatch", "seal_not_in_force", *_NODE, "seal_unproven", "signing_time_unproven"),
        _passed("seal_in_force", "印章已登记，签章时有效", "the seal is registered and was in force at signing"),
        _skipped("no_seal", "签名不带印章", "the signature has no seal"),
        _skipped("not_registered", "印章未在本链登记", "the seal is not registered on this chain"),
    )
    ISSUER_BINDING: Final = _signature(
        "issuer_binding",
        ("issuer_mismatch", "issuer_not_permitted", "issuer_unproven"),
        _passed(
            "issuer_bound", "签章单位即颁发机构 {organisation}", "the signer is the issuing authority {organisation}"
        ),
        _passed(
            "signed_beside_issuer",
            "{organisation} 与颁发机构共同签章",
            "{organisation} signed beside the issuing authority",
        ),
        _skipped(
            "no_issuer_named",
            "没有记录或元数据指明颁发机构",
            "neither a record nor the document's metadata names an issuing authority",
        ),
    )


def _checks_of(table: type) -> tuple[CheckRule, ...]:
    return tuple(value for value in vars(table).values() if isinstance(value, CheckRule))


RECORD_CHECKS: Final = _checks_of(RECORD)
SIGNATURE_CHECKS: Final = _checks_of(SIGNATURE)
CHECKS: Final = (*RECORD_CHECKS, *SIGNATURE_CHECKS)
"""Every check, those of a record first."""

ESSENTIAL: Final = (RECORD.STATUS, SIGNATURE.SIGNATURE)
"""At least one of these has to have passed before anything may be called valid."""
