"""Every verdict code, check and warning with both languages: the one table, from which docs/reference is made too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from chain_service.core.encoding.text import Text


class Outcome(StrEnum):
    """Outcome of one check. `skipped`: it does not apply to what was asked, or this version lacks it and warns."""

    PASSED = "passed"
    FAILED = "failed"
    INDETERMINATE = "indeterminate"
    SKIPPED = "skipped"


class Answer(StrEnum):
    """Outcome of a whole verification."""

    VALID = "valid"
    INVALID = "invalid"
    INDETERMINATE = "indeterminate"


@dataclass(frozen=True)
class Code:
    """A verdict code: which answer it means and what to tell the clerk. Texts are templates, see `fill`."""

    code: str
    answer: Answer
    message: Text
    next_step: Text


def _code(code: str, answer: Answer, zh: str, en: str, next_zh: str, next_en: str) -> Code:
    return Code(code, answer, Text(zh, en), Text(next_zh, next_en))


_V, _I, _Q = Answer.VALID, Answer.INVALID, Answer.INDETERMINATE
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
        _code("proof_invalid", _I, "凭证无效", "receipt proves nothing here",
              "不用该凭证，改按证照标识查验", "verify without it, by identifier"),
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
              "发还后再查验", "try again when returned"),
        _code("superseded", _I, "已被新版取代[（{date}）][，新版：{successor}]",
              "superseded[ on {date}][, replaced by {successor}]",
              "请向颁发机构索取新版[（{successor}）]并查验",
              "ask the issuer for the new one[, {successor},] and verify it"),
        _code("not_yet_effective", _I, "未到生效日期[（{date} 起生效）]", "not yet effective[: effective from {date}]",
              "请于[ {date} ]生效之日再办理", "come back on that day[, {date}]"),
        _code("expired", _I, "已过有效期[（{date} 到期）]", "expired[ on {date}]",
              "请持证人办理延续", "ask for renewal"),
        _code("papers_do_not_match", _Q, "所提交的材料不属于同一份记录", "the papers presented do not belong together",
              "请逐份分别核验，一次只核验一位持证人的材料", "verify each paper by itself, one holder at a time"),
        _code("status_changing", _Q, "状态变更处理中", "a change of state is accepted, not yet final",
              "一分钟后重试", "try again in a minute"),
        _code("node_unavailable", _Q, "区块链节点无法访问", "chain cannot be reached",
              "请重试，或改用凭证查验", "try again; offer receipt check"),
        _code("finality_unproven", _Q, "区块未获足够验证节点签名", "block not proven final, or nodes disagree",
              "请重试并告知运维人员", "try again; tell the operator"),
        _code("trust_stale", _Q, "信任文件已过期，或验证节点在该区块之后已变更[（{detail}）]",
              "the trust file is out of date, or the validators have changed since the block[: {detail}]",
              "请更新信任文件或刷新凭证后重试", "get a newer trust file or refresh the receipt, then try again"),
        _code("issuer_unknown", _Q, "信任文件未经确认，不知由谁签发",
              "the trust file is not one that was confirmed here",
              "请向数据主管部门索取信任文件的指纹并核对",
              "ask the operator for the trust file's fingerprint and compare it"),
        _code("status_stale", _Q, "状态信息已过时[（截至 {time}）]", "status is out of date[: known only as of {time}]",
              "请刷新凭证", "refresh the receipt"),
        _code("pending", _Q, "已受理，尚未上链", "accepted, not yet anchored",
              "一分钟后重试", "try again in a minute"),
        _code("not_anchored", _Q, "未上链", "nothing anchored for this",
              "按颁发机构自身渠道核实", "check by the issuer's own means"),
        _code("several_records", _Q, "有多条记录指向该文件或标识，无法确定属于哪一家机构[：{organisations}]",
              "several records name this file or identifier, and whose it is cannot be told[: {organisations}]",
              "请一并提交该文件的凭证或披露文件", "present the file's receipt or disclosure along with it"),
        _code("signature_unsupported", _Q, "签章的形式或算法不受支持，无法判定",
              "the form or an algorithm of the document's signature is not supported here",
              "用其他核验工具或向颁发机构核实", "verify it by other means, or ask the issuer"),
        _code("signer_untrusted", _Q, "签章证书不在信任列表", "no trust anchor for the signer",
              "索取该地区的信任根证书", "ask for the anchor of that region"),
        _code("changes_unclear", _Q, "签署后有改动，无法判定是否影响所显示的内容",
              "changed after signing, and whether that changes what is shown cannot be told",
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
              "hand in the file, disclosure or receipt to be verified"),
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


@dataclass(frozen=True)
class Note:
    """A check's answer that is no finding: it passed or does not apply. `best` caps the verdict when it occurs."""

    code: str
    outcome: Outcome
    text: Text
    best: str = "in_force"


@dataclass(frozen=True)
class CheckRule:
    """What one check may answer: the verdict codes it may raise, and its own notes."""

    group: str
    name: str
    raises: tuple[str, ...]
    notes: tuple[Note, ...]


def _passed(code: str, zh: str, en: str) -> Note:
    return Note(code, Outcome.PASSED, Text(zh, en))


def _skipped(code: str, zh: str, en: str, best: str = "in_force") -> Note:
    return Note(code, Outcome.SKIPPED, Text(zh, en), best)


_NOT_REACHED = _skipped("not_reached", "另一项检查未通过，未进行本项", "not judged, because another check did not pass")
_NOT_EXAMINED = _skipped("not_in_this_version", "此处不检查签章", "signatures are not looked at here")
"""Where documents cannot be read: the offline page, which has only a receipt and a browser."""
_NODE = ("node_unavailable", "finality_unproven", "trust_stale")
_NOTHING_SIGNED = _skipped(
    "nothing_signed", "这是印章文件，未签署任何内容", "the file is a seal by itself, which signs nothing"
)
STATES = ("withdrawn", "cancelled", "penalised", "lapsed", "transferred", "suspended", "superseded")


def _record(name: str, raises: Sequence[str], *notes: Note) -> CheckRule:
    return CheckRule("record", name, tuple(raises), notes)


def _signature(name: str, raises: Sequence[str], *notes: Note) -> CheckRule:
    return CheckRule("signature", name, tuple(raises), (*notes, _NOT_REACHED, _NOT_EXAMINED, _NOTHING_SIGNED))


RULES: Mapping[tuple[str, str], CheckRule] = {
    (rule.group, rule.name): rule
    for rule in (
        _record("parse", ("unreadable", "papers_do_not_match", "trust_file_alone", "nothing_to_verify"),
                _passed("readable", "所提交内容可以解析", "what was presented can be read"),
                _skipped("not_compared", "只提供了标识，没有可比对的内容",
                         "only an identifier was given: there is no content to compare", "in_force_not_compared")),
        _record("file_digest", ("content_altered", "not_anchored", "several_records", "changes_unclear"),
                _passed("file_matches", "文件摘要与记录一致", "the file's digest stands in the record"),
                _passed("signed_file_matches", "文件签署后只添加了附件，签署时的文件摘要与记录一致",
                        "only attachments were added since signing; the digest of the file as signed is in the record"),
                _skipped("no_file", "未提交文件", "no file was presented"), _NOT_REACHED),
        _record("log_signature", ("proof_invalid", *_NODE),
                _passed("signed", "机构日志密钥已签署日志头", "a log key of the organisation signed the log's head"),
                _skipped("no_receipt", "未提交签名凭证", "no signed receipt was presented"), _NOT_REACHED),
        _record("inclusion",
                ("proof_invalid", "record_mismatch", "finality_unproven", "trust_stale", "issuer_unknown", "pending",
                 "not_anchored", "several_records"),
                _passed("included", "记录在机构日志第 {index} 位，日志长度 {size}",
                        "the record is entry {index} of the organisation's log of {size}"), _NOT_REACHED),
        _record("anchor", ("proof_invalid", "record_mismatch", *_NODE, "not_anchored"),
                _passed("head_on_chain", "日志头已在链上，区块 {block}", "the log's head is on chain, block {block}"),
                _NOT_REACHED),
        _record("validators", (*_NODE, "issuer_unknown"),
                _passed("trial", "试验链：由一个签名者担保", "trial chain: one signer vouches for it"),
                _passed("majority", "{validators} 个验证节点中 {signers} 个连续签署",
                        "{signers} of {validators} validators sealed consecutive blocks"),
                _passed("quorum", "{validators} 个验证节点中 {signers} 个签署本区块",
                        "{signers} of {validators} validators sealed this block"), _NOT_REACHED),
        _record("issuer_permitted", ("issuer_not_permitted", *_NODE, "nothing_to_verify"),
                _passed("permitted", "颁发之日（{date}）机构有权颁发该类证照",
                        "on the day of issue ({date}) the issuer was permitted to issue this type"),
                _skipped("no_permit_needed", "电子文书无需颁发许可", "documents need no permit"), _NOT_REACHED),
        _record("status", (*STATES, "status_changing", *_NODE, "status_stale"),
                _passed("in_force", "截至 {time} 状态为有效", "in force as of {time}"), _NOT_REACHED),
        _record("validity_period", ("not_yet_effective", "expired", "nothing_to_verify"),
                _passed("within_validity", "在有效期内[（至 {date}）]", "within its period[, until {date}]"),
                _NOT_REACHED),
        _signature("parse", ("unreadable", "signature_invalid", "changes_unclear", "signature_unsupported"),
                   _passed("signature_readable", "签章可以解析", "the signature can be read")),
        _signature("reference_digests", ("content_altered", "signature_unsupported"),
                   _passed("digests_match", "签章所保护的内容未变", "what the signature covers is unchanged")),
        _signature("coverage", ("content_altered", "changes_unclear", "not_all_signed"),
                   _passed("all_covered", "文件全部内容受签章保护", "the signature covers all of the document"),
                   _passed("shown_covered", "显示内容受签章保护，另有未受保护的文件",
                           "the signature covers all that is displayed, but not every file")),
        _signature("signature", ("signature_invalid", "signature_unsupported"),
                   _passed("signature_holds", "签名值正确", "the signature verifies with the signer's certificate")),
        _signature("seal_signature",
                   ("signature_invalid", "seal_mismatch", "signed_outside_validity", "signer_revoked",
                    "signature_unsupported", "signer_untrusted", "revocation_unknown", "signing_time_unproven"),
                   _passed("seal_holds", "印章由受信制章者签发，并含签章人证书",
                           "a trusted maker signed the seal, which names the signer's certificate"),
                   _skipped("no_seal", "签名不带印章", "the signature has no seal")),
        _signature("signer_certificate", ("signature_invalid", "signed_outside_validity", "signer_untrusted"),
                   _passed("certificate_trusted", "签章证书可追溯到信任根 {anchor}",
                           "the signer's certificate leads to the trust anchor {anchor}"),
                   Note("signer_expired_since", Outcome.PASSED,
                        Text("签章证书可追溯到信任根 {anchor}，签署后已到期（{date}）",
                             "the signer's certificate leads to the trust anchor {anchor} and ended on {date}"),
                        "in_force_signer_expired")),
        _signature("revocation", ("signer_revoked", "revocation_unknown"),
                   _passed("not_revoked", "签章证书未被吊销", "the signer's certificate is not revoked"),
                   Note("revoked_after_signing", Outcome.PASSED,
                        Text("签章证书在签署之后吊销（{date}）",
                             "the signer's certificate was revoked after signing, on {date}"),
                        "in_force_signer_expired")),
        _signature("signing_time", ("signed_outside_validity", "signing_time_unproven"),
                   _passed("time_proven", "已证明签章不晚于 {time} 存在",
                           "the signature is proven to have existed by {time}"),
                   _passed("time_claimed", "签署时间为自称，但结论不取决于它",
                           "the signing time is only claimed, and nothing depends on it")),
        _signature("seal_registered",
                   ("seal_mismatch", "seal_not_in_force", *_NODE, "seal_unproven", "signing_time_unproven"),
                   _passed("seal_in_force", "印章已登记，签章时有效",
                           "the seal is registered and was in force at signing"),
                   _skipped("no_seal", "签名不带印章", "the signature has no seal"),
                   _skipped("not_registered", "印章未在本链登记", "the seal is not registered on this chain")),
        _signature("issuer_binding", ("issuer_mismatch", "issuer_not_permitted", "issuer_unproven"),
                   _passed("issuer_bound", "签章单位即颁发机构 {organisation}",
                           "the signer is the issuing authority {organisation}"),
                   _passed("signed_beside_issuer", "{organisation} 与颁发机构共同签章",
                           "{organisation} signed beside the issuing authority"),
                   _skipped("no_issuer_named", "没有记录或元数据指明颁发机构",
                            "neither a record nor the document's metadata names an issuing authority")),
    )
}  # fmt: skip
"""Every check in the order judged, with every code it may raise."""

ESSENTIAL = frozenset({("record", "status"), ("signature", "signature")})
"""At least one of these has to have passed before anything may be called valid."""

WARNINGS: Mapping[str, Text] = {
    "anchored_by_others": Text(
        "其他机构也上链了同一标识或同一文件的记录",
        "other organisations, too, have anchored a record under this identifier or with this file",
    ),
    "decided_by_another": Text(
        "结论取决于另一条指向同一文件或标识的记录（机构 {organisation}）的状态",
        "the state of another record that names the same file or identifier, of {organisation}, decides",
    ),
    "past_by_index": Text(
        "没有节点能证明该时点的状态；索引记录只用于不利的结论",
        "no node proves the state of that moment; what the index read then is used against the record only",
    ),
    "signatures_not_checked": Text(
        "此处未检查文件自身的电子签章，结论只依据链上记录",
        "the file's own signatures were not looked at here; the verdict rests on the anchored record",
    ),
    "sealed_not_anchored": Text(
        "文件签章本身有效，但未上链", "the document's signatures hold by themselves, but nothing is anchored for it"
    ),
    "anchored_but_broken": Text(
        "文件与上链的一致，但其签章不成立",
        "the file is the anchored one, but a signature in it does not hold",
    ),
    "weak_digest": Text("签章使用了弱算法：{algorithms}", "the signature relies on weak algorithms: {algorithms}"),
    "uncovered_files": Text(
        "文件中有未受签章保护的部分：{names}", "no signature covers these parts of the document: {names}"
    ),
    "irregular_file": Text(
        "文件结构不规范，不同软件显示的内容可能不同",
        "the file breaks the rules of its format: programs may differ in what they show of it",
    ),
    "timestamp_only": Text("文件只有时间戳，没有任何签名", "only a timestamp, and no signature, covers the document"),
    "attachments_unread": Text(
        "文件所附的凭证无法读取，未予采用", "a receipt attached to the file could not be read and was not used"
    ),
    "attachments_added": Text(
        "签署后添加了未经签署的附件，附件不受证明：{names}",
        "files were attached after signing; nobody vouches for them: {names}",
    ),
    "encoding_deviation": Text(
        "签章的编码与标准不符，但其值可以恢复：{details}",
        "encodings in the signature deviate from the standard; the values were recovered: {details}",
    ),
    "picture_only": Text(
        "所提交的是{kind}，不是电子原件，其中没有可核验的电子签章；请索取电子原件（OFD 或 PDF）",
        "this is a {kind} and not the electronic original, so there is no signature to check; "
        "ask for the original (OFD or PDF)",
    ),
    "archive_unopened": Text(
        "所提交的是{kind}，其中的文件及签章未逐一核验；请解压后分别提交",
        "this is a {kind}: the files in it and their signatures were not looked at; present each of them by itself",
    ),
    "name_differs": Text(
        "记录所载名称与登记名称不一致：所载“{own}”，登记为“{registered}”",
        "a name in the record differs from the registered one: it says “{own}”, registered is “{registered}”",
    ),
    "members_hidden": Text(
        "部分披露：有 {count} 项内容未出示：{names}",
        "a partial disclosure: {count} members are not shown: {names}",
    ),
    "stale_trust_accepted": Text(
        "已按要求接受过期的信任文件；结论不说明当前的验证节点",
        "an outdated trust file was accepted as asked; the verdict says nothing of today's validators",
    ),
    "erased": Text(
        "颁发机构已删除其保存的记录内容，只留存在证明",
        "the issuer has erased its copy of the record; only the proof of existence remains",
    ),
    "replacement_unconfirmed": Text(
        "另有新记录声明取代本记录，本记录状态未变",
        "a newer record says that it replaces this one, whose own state has not been changed",
    ),
    "receipt_ignored": Text(
        "文件内附的凭证不能证明本记录，已忽略，不影响结论",
        "the receipt attached to the file proves nothing of this record; it was ignored and changes no verdict",
    ),
    "equivocation": Text(
        "同一高度出现两个都已获法定多数签署的区块，验证节点作恶；请保留证据并上报",
        "a quorum sealed two different blocks of one height: validators equivocate; keep the evidence and report it",
    ),
    "trust_not_yet_issued": Text(
        "信任文件的签发时间晚于本机时间；请检查本机时钟",
        "the trust file was issued later than this machine's clock says; check the clock",
    ),
    "org_code_check_fails": Text(
        "机构代码校验位不符（早期试点代码可能如此）",
        "an organisation code fails its check digit, as some early pilot codes do",
    ),
    "identifier_issuer_not_org_code": Text(
        "证照标识中的颁发机构段不是统一社会信用代码",
        "the identifier's issuer segment is not a unified social credit code",
    ),
}
