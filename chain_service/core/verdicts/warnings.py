"""Every warning with both languages: what a person should know beside a verdict, which it never changes."""

from __future__ import annotations

from collections.abc import Mapping

from chain_service.core.encoding.text import Text

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
        "no node proves the state of that moment; the index is used for unfavourable verdicts only",
    ),
    "signatures_not_checked": Text(
        "此处未核验文件自身的电子签章，结论只依据链上记录",
        "the file's own signatures were not checked here; the verdict rests on the anchored record",
    ),
    "sealed_not_anchored": Text(
        "文件签章本身有效，但未上链", "the document's signatures hold by themselves, but nothing is anchored for it"
    ),
    "anchored_but_broken": Text(
        "文件与上链记录一致，但其签章不成立",
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
        "签署后添加了未经签署的附件，附件不受签章保护：{names}",
        "files were attached after signing; no signature covers them: {names}",
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
        "this is a {kind}: the files in it and their signatures were not checked; present each of them separately",
    ),
    "name_differs": Text(
        "记录所载名称与登记名称不一致：所载“{own}”，登记为“{registered}”",
        "a name in the record differs from the registered one: it says “{own}”, registered is “{registered}”",
    ),
    "members_hidden": Text(
        "部分披露：有 {count} 项内容未出示：{names}",
        "partial disclosure: {count} members are not shown: {names}",
    ),
    "stale_trust_accepted": Text(
        "已按要求接受过期的信任文件；结论不说明当前的验证节点",
        "an outdated trust file was accepted as requested; the verdict does not cover today's validators",
    ),
    "erased": Text(
        "颁发机构已删除其保存的记录内容，仅保留上链证明",
        "the issuer has erased its copy of the record; only the proof of existence remains",
    ),
    "replacement_unconfirmed": Text(
        "另有新记录声明取代本记录，本记录状态未变",
        "a newer record says that it replaces this one, whose own state has not been changed",
    ),
    "receipt_ignored": Text(
        "文件内附的凭证不能证明本记录，已忽略，不影响结论",
        "the receipt attached to the file does not prove this record; it was ignored and does not change the verdict",
    ),
    "equivocation": Text(
        "同一高度出现两个均获法定多数签署的区块（双重签署）；请保留证据并上报",
        "a quorum sealed two different blocks of one height: validators equivocate; keep the evidence and report it",
    ),
    "trust_not_yet_issued": Text(
        "信任文件的签发时间晚于本机时间；请检查本机时钟",
        "the trust file's time of issue is later than this machine's clock; check the clock",
    ),
    "org_code_check_fails": Text(
        "机构代码校验位不符（早期试点代码可能如此）",
        "the check digit of an organisation code is wrong, as in some early pilot codes",
    ),
    "identifier_issuer_not_org_code": Text(
        "证照标识中的颁发机构段不是统一社会信用代码",
        "the identifier's issuer segment is not a unified social credit code",
    ),
}
