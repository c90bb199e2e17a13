"""Every verdict code with both languages, in the order in which they decide: docs/reference is made from it too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from chain_service.core.encoding.text import Text


class Outcome(StrEnum):
    """Outcome of one check. `skipped`: it does not apply to what was asked, or this version lacks it and warns."""

    PASSED = "passed"
    FAILED = "failed"
    INDETERMINATE = "indeterminate"
    SKIPPED = "skipped"


class VerdictOutcome(StrEnum):
    """Outcome of a whole verification."""

    VALID = "valid"
    INVALID = "invalid"
    INDETERMINATE = "indeterminate"


@dataclass(frozen=True)
class Code:
    """A verdict code: which answer it means and what to tell the clerk. Texts are templates, see `fill`."""

    code: str
    answer: VerdictOutcome
    message: Text
    next_step: Text


def _code(code: str, answer: VerdictOutcome, zh: str, en: str, next_zh: str, next_en: str) -> Code:
    return Code(code, answer, Text(zh, en), Text(next_zh, next_en))


_V, _I, _Q = VerdictOutcome.VALID, VerdictOutcome.INVALID, VerdictOutcome.INDETERMINATE
_SEE_ISSUER = ("请持证人联系颁发机构", "ask the holder to see the issuer")

CODES: Mapping[str, Code] = {
    row.code: row
    for row in (
        _code("unreadable", _I, "文件损坏，无法解析[：{detail}]", "file is damaged[: {detail}]",
              "请重新提供原始文件", "ask for the original file again"),
        _code("content_altered", _I, "内容被篡改", "content changed after signing",
              "不予采信，保留文件并上报", "do not accept; keep the file; report"),
        _code("record_mismatch", _I, "与链上记录不一致", "not what was anchored under this identifier",
              "与颁发机构的原件核对并上报", "compare with the issuer's original; report"),
        _code("proof_invalid", _I, "凭证无效", "the receipt or proof was rejected",
              "不使用该凭证，改按证照标识核验", "verify without it, by identifier"),
        _code("signature_invalid", _I, "签章无效", "signature does not verify",
              "不予采信并上报", "do not accept; report"),
        _code("seal_mismatch", _I, "印章与签章人不匹配",
              "signer's certificate is not in the seal, or seal and Seal.esl differ",
              "不予采信", "do not accept"),
        _code("seal_not_in_force", _I, "签章时印章未生效或已停用", "seal frozen, expired or cancelled at signing",
              "向颁发机构核实", "ask the issuer"),
        _code("signed_outside_validity", _I, "签章时间超出证书或印章有效期",
              "signed outside the signer's or seal's period",
              "向颁发机构核实", "ask the issuer"),
        _code("signer_revoked", _I, "签章证书签署前已吊销", "signer revoked before signing",
              "不予采信", "do not accept"),
        _code("issuer_mismatch", _I, "签章单位与颁发机构不符", "signer is not the issuing authority",
              "不予采信", "do not accept"),
        _code("issuer_not_permitted", _I, "颁发机构无权颁发该类证照", "issuer had no permit for this type then",
              "不予采信，告知登记管理方", "do not accept; tell the registrar"),
        _code("withdrawn", _I, "已撤销[（{date}）][，原因：{reason}]", "withdrawn[ on {date}][: {reason}]",
              *_SEE_ISSUER),
        _code("cancelled", _I, "已注销[（{date}）][，原因：{reason}]", "cancelled[ on {date}][: {reason}]",
              *_SEE_ISSUER),
        _code("penalised", _I, "已吊销[（{date}）][，原因：{reason}]", "revoked as a penalty[ on {date}][: {reason}]",
              *_SEE_ISSUER),
        _code("lapsed", _I, "已失效[（{date}）][，原因：{reason}]", "lapsed[ on {date}][: {reason}]", *_SEE_ISSUER),
        _code("transferred", _I, "已转出[（{date}）][，原因：{reason}]", "transferred[ on {date}][: {reason}]",
              *_SEE_ISSUER),
        _code("suspended", _I, "暂扣[（自 {date} 起）][，原因：{reason}]", "suspended[ since {date}][: {reason}]",
              "发还后再核验", "try again when returned"),
        _code("superseded", _I, "已被新版取代[（{date}）][，新版：{successor}]",
              "superseded[ on {date}][, replaced by {successor}]",
              "请向颁发机构索取新版[（{successor}）]并核验",
              "ask the issuer for the new one[, {successor},] and verify it"),
        _code("not_yet_effective", _I, "未到生效日期[（{date} 起生效）]", "not yet effective[: effective from {date}]",
              "请于生效之日[（{date}）]再次出示", "present it again on that day[, {date}]"),
        _code("expired", _I, "已过有效期[（{date} 到期）]", "expired[ on {date}]",
              "请持证人办理延续", "ask for renewal"),
        _code("papers_do_not_match", _Q, "所提交的材料不属于同一份记录", "the papers presented do not belong together",
              "请逐份分别核验，一次只核验一位持证人的材料", "verify each paper by itself, one holder at a time"),
        _code("status_changing", _Q, "状态变更处理中", "a change of state is accepted, not yet final",
              "一分钟后重试", "try again in a minute"),
        _code("node_unavailable", _Q, "区块链节点无法访问", "chain cannot be reached",
              "请重试，或改用凭证核验", "try again, or verify by receipt"),
        _code("finality_unproven", _Q, "区块未获足够的验证节点签署", "block not proven final, or nodes disagree",
              "请重试并告知运维人员", "try again; tell the operator"),
        _code("trust_stale", _Q, "信任文件已过期，或验证节点在该区块之后已变更[（{detail}）]",
              "the trust file is out of date, or the validators have changed since the block[: {detail}]",
              "请更新信任文件或刷新凭证后重试", "get a newer trust file or refresh the receipt, then try again"),
        _code("issuer_unknown", _Q, "信任文件未经确认，签发者不明",
              "the trust file is not one that was confirmed here",
              "请向运维人员索取信任文件的指纹并核对",
              "ask the operator for the trust file's fingerprint and compare it"),
        _code("status_stale", _Q, "状态信息已过时[（截至 {time}）]", "status is out of date[: known only as of {time}]",
              "请刷新凭证", "refresh the receipt"),
        _code("pending", _Q, "已受理，尚未上链", "accepted, not yet anchored",
              "一分钟后重试", "try again in a minute"),
        _code("not_anchored", _Q, "未上链", "no anchored record matches",
              "请通过颁发机构的官方渠道核实", "check through the issuer's own channels"),
        _code("several_records", _Q, "有多条记录指向该文件或标识，无法确定属于哪一家机构[：{organisations}]",
              "several records name this file or identifier; its organisation cannot be decided[: {organisations}]",
              "请一并提交该文件的凭证或披露文件", "present the file's receipt or disclosure along with it"),
        _code("signature_unsupported", _Q, "签章的形式或算法不受支持，无法判定",
              "the form or an algorithm of the document's signature is not supported here",
              "用其他核验工具或向颁发机构核实", "verify it by other means, or ask the issuer"),
        _code("signer_untrusted", _Q, "签章证书无法追溯到受信任的根证书", "no trusted root certificate for the signer",
              "索取该地区的根证书", "ask for the root certificate of that region"),
        _code("changes_unclear", _Q, "签署后有改动，无法判定是否影响所显示的内容",
              "changed after signing, and it cannot be decided whether that changes what is shown",
              "向持证人索取签署时的原文件，或向颁发机构核实", "ask for the file as it was signed, or ask the issuer"),
        _code("not_all_signed", _Q, "签章有效，但未覆盖全部显示内容",
              "the signature holds but does not cover all that is shown",
              "未签署部分请向颁发机构核实", "ask the issuer about the parts that are not signed"),
        _code("revocation_unknown", _Q, "证书吊销状态未知", "no fresh revocation list",
              "更新吊销列表后重试", "update lists, try again"),
        _code("issuer_unproven", _Q, "无法确认签章单位", "signer cannot be tied to the issuing authority",
              "向登记管理方核实印章是否登记", "ask the registrar whether the seal is registered"),
        _code("seal_unproven", _Q, "印章的登记状态未获证明，所提交的凭证不含该印章",
              "whether the seal is registered and in force is not proven: the receipt does not cover it",
              "请联网核验，或向登记管理方核实印章",
              "verify it where the chain can be reached, or ask the registrar about the seal"),
        _code("signing_time_unproven", _Q, "签署时间无法证明",
              "signer's certificate or seal ended or was revoked since, and nothing proves that the signature is older",
              "请颁发机构确认或上链", "ask the issuer to confirm or anchor"),
        _code("trust_file_alone", _Q, "所提交的是信任文件，不是证照材料",
              "this is a trust file and no paper of a certificate",
              "信任文件载明信任哪条链及其验证节点，用于离线核验凭证；请放入要核验的文件、披露文件或凭证",
              "a trust file names the chain and the validators to trust when receipts are verified offline; "
              "present the file, disclosure or receipt to be verified"),
        _code("nothing_to_verify", _Q, "无可核验内容", "no signature and no record",
              "索取电子原件", "ask for the electronic original"),
        _code("in_force_not_compared", _V, "记录有效，出示内容未核对",
              "record is valid; the paper shown was not compared",
              "请核对编号、持证人和日期与显示内容是否一致", "compare number, holder and dates with what is displayed"),
        _code("in_force_signer_expired", _V, "有效（签署时证书有效，现已到期）",
              "valid; signer's certificate has ended since",
              "可以采信", "accept"),
        _code("in_force", _V, "有效", "valid", "可以采信", "accept"),
    )
}  # fmt: skip
"""Every verdict code, in the order in which findings of one answer are ranked. Meanings never change."""

STATES = ("withdrawn", "cancelled", "penalised", "lapsed", "transferred", "suspended", "superseded")
"""The codes that a state of the record other than in force leads to."""
