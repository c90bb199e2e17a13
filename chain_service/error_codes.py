"""Every error code a caller can meet: HTTP status, exit code, and in both languages what is wrong and what to do.

`problem_details.py` makes the HTTP answer of a row, `cli/failures` its lines at the terminal, scripts/reference.py
docs/reference/errors.md.
"""

from __future__ import annotations

from dataclasses import dataclass

DONE, REFUSED, WRONG_USAGE, INDETERMINATE, UNAVAILABLE, INTERRUPTED = 0, 1, 2, 3, 4, 130
"""Exit codes of the command line."""


@dataclass(frozen=True)
class Meaning:
    """What one code means to its reader."""

    status: int
    """HTTP status; 400 where only the command line raises it."""
    exit: int
    zh: str
    en: str
    """One sentence each: what is wrong."""
    remedy_zh: str
    remedy_en: str
    """One sentence each: what to do about it."""

    @property
    def message_zh(self) -> str:
        """What is wrong and what to do."""
        return self.zh + self.remedy_zh

    @property
    def message_en(self) -> str:
        """What is wrong and what to do."""
        return f"{self.en} {self.remedy_en}"


# fmt: off
CODES: dict[str, Meaning] = {
    # the request itself
    "bad_request": Meaning(
        422, WRONG_USAGE, "请求内容不被允许。", "The request is not allowed.",
        "请按说明修改后重试。", "Change what the message names and try again.",
    ),
    "malformed_request": Meaning(
        422, WRONG_USAGE, "请求格式不正确。", "The request cannot be read.",
        "请检查所指字段。", "Check the field that is named.",
    ),
    "malformed_record": Meaning(
        422, WRONG_USAGE, "记录不符合规范，全部内容均未保存。", "A record breaks the rules; nothing was stored.",
        "请修改所指字段。", "Correct the field that is named.",
    ),
    "malformed_document": Meaning(
        422, WRONG_USAGE, "文件、披露文件或凭证无法解析。", "The file, disclosure or receipt cannot be parsed.",
        "请确认文件完整，或向提供方重新索取。", "Check that the file is complete, or ask its sender for it again.",
    ),
    "papers_refused": Meaning(
        422, REFUSED, "所提供的信任文件、凭证或日志未通过检验，已拒绝。",
        "The evidence was rejected: a trust file, receipt or log does not hold.",
        "请向提供方重新索取，并核对来源。", "Ask its issuer for it again and check where it came from.",
    ),
    "invalid_proof": Meaning(
        422, UNAVAILABLE, "证据验证不通过。", "The proof does not hold.",
        "请更换节点重试；仍出现时告知运维人员。",
        "Try again through another node; tell the operator if it happens again.",
    ),
    "at_in_future": Meaning(
        422, WRONG_USAGE, "所询时间在未来，无法核验。", "The moment asked about lies in the future.",
        "请改用当前或过去的时间。", "Ask about the present or a past moment.",
    ),
    "identifier_missing": Meaning(
        422, WRONG_USAGE, "仅有证照编号和持证主体名称，缺少证照标识或披露文件。",
        "Number and holder name were given without an identifier or a disclosure.",
        "请一并提供证照标识或披露文件。", "Give the identifier or the disclosure too.",
    ),
    "identifier_mistyped": Meaning(
        422, WRONG_USAGE, "证照标识有误：格式或末位校验字符不对。",
        "The identifier is mistyped: its form or its check character is wrong.",
        "请逐字核对。", "Compare it character by character.",
    ),
    "code_mistyped": Meaning(
        422, WRONG_USAGE, "代码有误：不符合其格式。", "The code is mistyped: it does not have its form.",
        "请按提示逐字核对；查询时全角、空格会自动归一，小写字母亦然（印章编码除外）。",
        "Compare it character by character; in look-ups width and blanks are put right, and lower case but for seals.",
    ),
    "not_installed": Meaning(
        404, WRONG_USAGE,
        "缺少可选组件 chain-service[…]（名称见上）。", "An optional part, chain-service[…] as named, is missing.",
        "请用 pip 安装后重试。", "Install it with pip.",
    ),
    "number_and_name_missing": Meaning(
        422, WRONG_USAGE,
        "按证照标识核验缺少证照编号或持证主体名称。", "A look-up by identifier lacks number or holder name.",
        "请同时提供两者。", "Give both.",
    ),
    "use_cause_missing": Meaning(
        422, WRONG_USAGE, "按证照标识核验未说明事由。", "A look-up by identifier lacks its use cause.",
        "请填写 useCause。", "Give `useCause`.",
    ),
    "duplicate_identifier": Meaning(
        422, WRONG_USAGE,
        "同一请求中有重复的标识，全部内容均未保存。", "An identifier occurs twice in one body; nothing was stored.",
        "请去除重复后重新提交。", "Remove the duplicate and submit again.",
    ),
    "hidden_character": Meaning(
        422, WRONG_USAGE, "文本含有看不见或改变显示顺序的字符（field 为所在成员，character 为该字符）。",
        "A text holds a character that cannot be seen or changes the order of what is shown; `field` names the "
        "member, `character` the character.",
        "请删除该字符后重新提交。", "Remove the character and submit again.",
    ),
    "type_is_certificate": Meaning(
        422, WRONG_USAGE,
        "该类型代码属于证照，电子文书不得使用。", "This type code belongs to certificates; a document cannot have it.",
        "请按证照提交，或改用其他类型代码。", "Submit a certificate, or use another code.",
    ),
    "type_reserved": Meaning(
        422, WRONG_USAGE,
        "该类型代码保留给系统自身的声明。", "This type code is kept for statements of the service itself.",
        "请改用其他类型代码。", "Use another code.",
    ),
    "unknown_member": Meaning(
        422, WRONG_USAGE, "记录中没有所指的成员。", "The record has no member of this name.",
        "请核对成员名称。", "Check the member's name.",
    ),
    "record_mismatch": Meaning(
        422, UNAVAILABLE, "所披露的成员与其摘要不符。", "A revealed member does not match its digest.",
        "请向出具方重新索取披露文件。", "Ask for the disclosure again.",
    ),
    "seal_signature_invalid": Meaning(
        422, WRONG_USAGE, "印章的制章者签名不成立，未予登记。",
        "The maker's signature of the seal does not verify; the seal was not registered.",
        "请向制章单位核实印章文件。", "Ask the seal's maker to check the file.",
    ),
    "personal_seal": Meaning(
        422, WRONG_USAGE, "个人印章不予登记。", "Personal seals are not registered.",
        "请改用机构印章。", "Use a seal of the organisation.",
    ),
    "body_too_large": Meaning(
        413, WRONG_USAGE, "请求内容过大。", "The body is too large.",
        "请分批提交。", "Send it in parts.",
    ),
    "file_too_large": Meaning(
        413, WRONG_USAGE, "文件过大，无法上传。", "The file is too large to upload.",
        "可改为提交文件的 SHA-256 摘要核验。", "Verify it by its SHA-256 digest.",
    ),
    "too_many_lines": Meaning(
        413, WRONG_USAGE, "行数过多。", "There are too many lines.",
        "请分批提交。", "Send them in parts.",
    ),
    "unsupported_media_type": Meaning(
        415, WRONG_USAGE, "不支持该内容类型。", "This content type is not supported here.",
        "请改用接口文档中的类型。", "Use a type that the reference names.",
    ),
    "method_not_allowed": Meaning(
        405, REFUSED, "该地址不支持此方法。", "This address does not support the method.",
        "请改用 Allow 响应头所列的方法。", "Use a method of the Allow header.",
    ),
    "rate_limited": Meaning(
        429, REFUSED, "请求过于频繁。", "Too many requests.",
        "请稍后再试；未持密钥的可申请密钥，持密钥的可向运维人员申请提高频率。",
        "Wait; without a key ask the operator for one, with a key for a higher rate.",
    ),
    "lookups_spent": Meaning(
        429, REFUSED, "该密钥今日按标识查询的次数已用完。", "This key has spent its look-ups by identifier for today.",
        "请于次日再试，或向运维人员申请提高每日上限；出示披露文件核验不受此限。",
        "Try again tomorrow or ask the operator for more; a disclosure can be verified without a look-up.",
    ),
    "ends_spent": Meaning(
        429, REFUSED, "本机构今日可终止的记录数已用完，该记录未变更。",
        "The final ends that this organisation allows in a day are spent; the record is as it was.",
        "请于次日再试；确有需要时由运维人员执行 org set CODE --daily-ends N。",
        "Try again tomorrow, or have the operator run `org set CODE --daily-ends N`.",
    ),
    "too_many_at_once": Meaning(
        429, REFUSED,
        "同一地址同时进行的连接、请求或上传过多。", "One address has too many connections or uploads under way.",
        "请等其中一些结束后再试，或减少并发。", "Wait until some of them have ended, or use fewer at a time.",
    ),
    "request_too_slow": Meaning(
        408, UNAVAILABLE,
        "请求未在限定时间内完整到达。", "The request did not arrive whole in time.",
        "请检查网络后重新发送。", "Check the network and send it again.",
    ),
    # who asks
    "unauthorised": Meaning(
        401, REFUSED, "缺少密钥，或密钥无效、已吊销。", "The API key is missing, unknown or revoked.",
        "请使用有效的密钥。", "Use a valid key.",
    ),
    "key_expired": Meaning(
        401, REFUSED, "密钥已到期。", "The API key has expired.",
        "请向运维人员领取新密钥（key rotate）。", "Ask the operator for a new one (`key rotate`).",
    ),
    "forbidden": Meaning(
        403, REFUSED, "该密钥无权执行此操作。", "This key may not do this.",
        "请向运维人员申请权限。", "Ask the operator for a key that may.",
    ),
    "missing_role": Meaning(
        403, REFUSED, "该密钥缺少所需角色。", "This key lacks the role that is needed.",
        "请向运维人员申请具有该角色的密钥。", "Ask the operator for a key with that role.",
    ),
    "same_holder": Meaning(
        403, REFUSED, "提交终止变更的密钥（及其更换后的密钥）不能自行批准。",
        "Whoever asked for a final end cannot approve it, with a rotated key neither.",
        "请由本机构另一位持有 status 角色密钥的人员批准。", "Have another holder of a key with role status approve it.",
    ),
    "wrong_organisation": Meaning(
        403, REFUSED,
        "该密钥只能为其所属机构办理，内容均未保存。", "A key acts for its own organisation only; nothing was stored.",
        "请使用该机构的密钥。", "Use a key of that organisation.",
    ),
    "issuer_not_permitted": Meaning(
        403, REFUSED, "该机构在颁发日期无权颁发该类证照，内容均未保存。",
        "The organisation had no permit for this type on the issued date; nothing was stored.",
        "请核对颁发日期，或联系登记管理方登记颁发许可。", "Check the issued date, or ask the registrar for a permit.",
    ),
    "organisation_not_registered": Meaning(
        403, REFUSED, "该机构尚未在链上登记。", "The organisation is not registered on chain.",
        "请联系登记管理方。", "Ask the registrar.",
    ),
    "no_account": Meaning(
        403, REFUSED, "本服务不保管该机构的账户。", "This instance keeps no account for the organisation.",
        "请由保管该账户的一方办理。", "Ask its custodian.",
    ),
    # what is asked for
    "not_found": Meaning(
        404, REFUSED, "未找到所请求的内容。", "There is nothing under that name.",
        "请核对地址或名称。", "Check the address or the name.",
    ),
    "record_unknown": Meaning(
        404, REFUSED, "没有此编号的记录。", "No record has this id.",
        "请核对编号。", "Check the id.",
    ),
    "seal_unknown": Meaning(
        404, REFUSED, "没有此编码的印章。", "No seal has this code.",
        "请核对印章编码。", "Check the seal code.",
    ),
    "seal_lost": Meaning(
        409, REFUSED, "链上有此印章，但其登记条目在本实例中丢失。",
        "The chain holds this seal, but its entry was lost here.",
        "请先原样重新登记该印章（不发送交易），再变更其状态。",
        "Register the seal again as it was, which sends nothing, then change its state.",
    ),
    "catalog_unknown": Meaning(
        404, REFUSED, "没有此代码的目录条目。", "No catalog entry has this code.",
        "请核对目录代码。", "Check the code.",
    ),
    "no_version": Meaning(
        404, REFUSED, "该目录条目没有此版本。", "The catalog entry has no such version.",
        "请读取其现有版本。", "Read the versions that it has.",
    ),
    "organisation_unknown": Meaning(
        404, REFUSED, "没有登记此代码的机构。", "No organisation of this code is registered.",
        "请核对机构代码。", "Check the organisation's code.",
    ),
    "key_unknown": Meaning(
        404, REFUSED, "没有此编号的密钥。", "No key has this id.",
        "请用 key list 查看现有密钥。", "See `chain-service key list`.",
    ),
    "approval_unknown": Meaning(
        404, REFUSED, "该记录没有此编号的审批。", "This record has no approval of that id.",
        "请用 status approvals 或 GET /v1/approvals 查看。", "See `status approvals` or `GET /v1/approvals`.",
    ),
    "log_unknown": Meaning(
        404, REFUSED, "本服务没有此名称的已上链日志。", "This instance has no anchored log of that name.",
        "请核对日志名称。", "Check the name of the log.",
    ),
    "alert_unknown": Meaning(
        400, REFUSED, "没有该编号的告警。", "No alert has this id.",
        "请用 `alerts list --cleared` 查看编号。", "List the alerts with `alerts list --cleared`.",
    ),
    "audit_unknown": Meaning(
        404, REFUSED, "没有可接续的无发现审计。", "No audit without findings is remembered to go on from.",
        "请先执行一次全量审计：`audit`。", "Run a full audit first: `audit`.",
    ),
    "tile_unknown": Meaning(
        404, REFUSED, "已上链的日志尚无此瓦片。", "The anchored log has no such tile.",
        "请按检查点的大小读取。", "Read no further than the size of the checkpoint.",
    ),
    "no_trust": Meaning(
        404, WRONG_USAGE, "没有信任文件。", "There is no trust file here.",
        "请执行 chain-service trust export 或 trust update。", "Run `chain-service trust export` or `trust update`.",
    ),
    "erased": Meaning(
        410, REFUSED,
        "记录内容已删除，上链证明仍可核验。", "The record was erased; only its proof of existence stays.",
        "无法恢复；已取得的披露文件仍可核验。",
        "It cannot be restored; disclosures handed out before can still be verified.",
    ),
    # what stands already
    "conflict": Meaning(
        409, REFUSED, "与现有内容冲突。", "This contradicts what exists already.",
        "请先读取现有内容。", "Read what exists first.",
    ),
    "log_stopped": Meaning(
        409, REFUSED, "该机构的日志与链上不一致，已停止受理，内容均未保存。",
        "The log is stopped because it differs from the chain; nothing was stored.",
        "请联系运维人员。", "Tell the operator.",
    ),
    "identifier_taken": Meaning(
        409, REFUSED, "同一标识已登记了不同内容，内容均未保存。",
        "The identifier is already registered with other content; nothing was stored.",
        "请核对标识；更正证照时使用 replaces。",
        "Check the identifier; a correction names the old record in `replaces`.",
    ),
    "illegal_transition": Meaning(
        409, REFUSED, "记录的现状态不允许此变更。", "The record's state does not allow this change.",
        "请先查看记录的状态。", "Read the record's state first.",
    ),
    "state_changed": Meaning(
        409, REFUSED, "现状态已不是 ifState 所指的状态，未作任何改动。",
        "The newest state is not the one that `ifState` names; nothing was done.",
        "请读取现状态（stateTag），确认后再决定。", "Read the newest state (`stateTag`), then decide again.",
    ),
    "reason_differs": Meaning(
        409, REFUSED, "已处于该状态，但原因、说明、依据或取代记录与已登记的不同，未作任何改动。",
        "It is in this state already, with another reason, text, legal basis or successor; nothing was done.",
        "请查看状态历史；已登记的原因不能更改。", "Read its history; the reason that is recorded cannot be changed.",
    ),
    "statement_stays": Meaning(
        409, REFUSED, "系统自身的声明（操作日志的日志头）不能删除。",
        "A statement of the service itself (the journal's head) cannot be erased.",
        "无需处理：其中没有个人信息。", "There is nothing to do: it holds no personal data.",
    ),
    "not_anchored": Meaning(
        409, REFUSED, "记录尚未上链。", "The record is not anchored yet.",
        "请稍后再试；用过 Idempotency-Key 的换用新键。",
        "Try again in a minute, under a new Idempotency-Key if one was sent.",
    ),
    "already_separated": Meaning(
        409, REFUSED, "登记管理、根密钥与出块密钥已分开存放。",
        "The registrar's, root and sealing keys are separated already.",
        "无需处理。", "There is nothing to do.",
    ),
    "key_ended": Meaning(
        409, REFUSED, "该密钥已吊销、到期或已被更换，不能再更换。",
        "The key was revoked, has expired or was replaced already: it cannot be rotated.",
        "请用 key list 查看接替它的密钥，或用 key create 新建。",
        "Look for its successor with `key list`, or make a new one with `key create`.",
    ),
    "approval_waiting": Meaning(
        409, REFUSED, "该记录的另一项终止变更正在等待二次审批。",
        "Another final end of this record waits for its approval.",
        "请先批准或拒绝该项（status approvals）。", "Have it approved or refused first (`status approvals`).",
    ),
    "approval_ended": Meaning(
        409, REFUSED, "该审批已批准、拒绝或过期。", "This approval was given, refused, or has expired.",
        "如仍需终止该记录，请重新提交状态变更。", "Ask for the change again if the record is still to end.",
    ),
    "change_pending": Meaning(
        409, REFUSED, "另一项变更正在处理，尚未最终确认。", "Another change is under way and not final yet.",
        "请稍后再试；用过 Idempotency-Key 的换用新键。",
        "Try again in a minute, under a new Idempotency-Key if one was sent.",
    ),
    "catalog_conflict": Meaning(
        409, REFUSED, "目录版本序号或前版摘要不符。", "The sequence number or the previous digest does not match.",
        "请读取最新版本后重新提交。", "Read the latest version and submit again.",
    ),
    "catalog_unchanged": Meaning(
        409, REFUSED, "变更与最新版本内容相同，未作任何改动。",
        "The change says what the latest version says; nothing was published.",
        "请核对内容；无变化时无需提交。", "Check what should change; there is nothing to submit otherwise.",
    ),
    "seal_exists": Meaning(
        409, REFUSED, "该印章编码已登记了不同内容。", "Another seal is registered under this code.",
        "请核对印章编码。", "Check the seal code.",
    ),
    "not_registered": Meaning(
        409, REFUSED, "印章尚未在链上登记。", "The seal is not registered on chain yet.",
        "请稍后再试；用过 Idempotency-Key 的换用新键。",
        "Try again in a minute, under a new Idempotency-Key if one was sent.",
    ),
    "idempotency_mismatch": Meaning(
        422, WRONG_USAGE, "该 Idempotency-Key 已用于另一请求，未作任何改动。",
        "The Idempotency-Key came with another request before; nothing was done.",
        "新的请求请使用新的键。", "Send a new request with a key of its own.",
    ),
    "idempotency_running": Meaning(
        409, REFUSED, "使用同一 Idempotency-Key 的请求仍在处理。",
        "The first request with this Idempotency-Key is still being processed.",
        "请稍后用同一键重发，即可得到首次的答复。", "Send it again in a moment to get the first answer.",
    ),
    "idempotency_full": Meaning(
        429, REFUSED, "该密钥保存的 Idempotency-Key 答复已达上限。",
        "As many answers are kept for the Idempotency-Keys of this API key as may be.",
        "请不带该请求头重发，或将多条记录合并为一次提交；运维人员可调高 idempotency_keys。",
        "Send it without the header, or several records in one body; the operator may raise `idempotency_keys`.",
    ),
    "already_initialised": Meaning(
        409, REFUSED, "该目录已初始化，未作任何改动。", "This directory is initialised already; nothing was changed.",
        "请改用其他目录。", "Use another directory.",
    ),
    "already_deployed": Meaning(
        409, REFUSED, "合约已部署，未作任何改动。", "The contracts are deployed already; nothing was changed.",
        "无需处理。", "There is nothing to do.",
    ),
    "worker_running": Meaning(
        409, REFUSED, "另一进程正在使用该目录或数据库。", "Another process uses this directory or database.",
        "请先停止该进程。", "Stop it first.",
    ),
    "lease_lost": Meaning(
        409, REFUSED, "后台任务已由另一进程接管，本次未完成。",
        "Another process has taken over the work; this ended before it was done.",
        "请重新执行。", "Do it again.",
    ),
    "other_deployment": Meaning(
        503, UNAVAILABLE, "该数据库属于另一套合约，未作任何改动。",
        "The database belongs to other contracts; nothing was changed.",
        "每套合约使用各自的数据库；请更正 database_url 或 deployment.json。",
        "Give each deployment a database of its own: correct database_url or deployment.json.",
    ),
    "refused_by_contract": Meaning(
        409, REFUSED,
        "合约拒绝了该变更，原因见说明。", "The contract refused the change; the message names the reason.",
        "请排除该原因后重新提交。", "Remove the reason and submit again.",
    ),
    "no_network": Meaning(
        404, WRONG_USAGE, "没有该网络或其描述文件。", "There is no network or descriptor there.",
        "请执行 chain-service network init，或更正路径。", "Run `chain-service network init`, or correct the path.",
    ),
    "no_engine": Meaning(
        503, UNAVAILABLE, "缺少区块链节点程序。", "The node program is not installed.",
        "请按提示安装或构建。", "Install or build it as the message says.",
    ),
    "engine_failed": Meaning(
        503, UNAVAILABLE, "节点程序运行失败。", "The node program failed.",
        "请查看其输出。", "Read its output.",
    ),
    "network_stalled": Meaning(
        503, UNAVAILABLE, "网络未产生新区块，或有节点未响应。", "No new block is sealed, or a node does not answer.",
        "请查看 chain-service network status。", "See `chain-service network status`.",
    ),
    "chain_in_use": Meaning(
        409, REFUSED, "另一进程正在使用该试验链。", "Another process uses this trial chain.",
        "请先停止该进程。", "Stop it first.",
    ),
    "database_newer": Meaning(
        503, UNAVAILABLE, "数据库由更新版本的程序写成。", "The database was written by a newer version of the program.",
        "请升级程序。", "Update the program.",
    ),
    "no_log_key": Meaning(
        409, REFUSED, "本服务不保管该记录上链时的日志密钥，无法签发凭证。",
        "This instance does not hold the log key that was on chain when the record was anchored.",
        "请向保管该密钥的一方申请凭证。", "Ask the log's custodian for the receipt.",
    ),
    "reverted": Meaning(
        409, REFUSED, "合约拒绝执行，原因见说明。", "A contract refused; the message names the reason.",
        "请排除该原因后重试。", "Remove the reason and try again.",
    ),
    # what is not there now
    "unavailable": Meaning(
        503, UNAVAILABLE, "服务暂时不可用。", "The service cannot do this now.",
        "请稍后重试。", "Try again later.",
    ),
    "not_deployed": Meaning(
        503, UNAVAILABLE, "合约尚未部署。", "No contracts are deployed yet.",
        "请先执行 chain-service deploy。", "The operator has to run `chain-service deploy`.",
    ),
    "not_initialised": Meaning(
        503, WRONG_USAGE, "该目录尚未初始化。", "This directory holds no instance.",
        "请先执行 chain-service init。", "Run `chain-service init` first.",
    ),
    "node_unavailable": Meaning(
        503, UNAVAILABLE, "区块链节点无法访问。", "The chain's node cannot be reached.",
        "请检查节点或稍后重试。", "Start it, or try again later.",
    ),
    "finality_unproven": Meaning(
        503, UNAVAILABLE, "节点返回的证据验证不通过。", "The proof that the node gave does not hold.",
        "请重试，并告知运维人员。", "Try again and tell the operator.",
    ),
    "wrong_chain": Meaning(
        503, UNAVAILABLE,
        "节点所在的链不是合约部署所在的链，已拒绝使用。", "The node is on another chain than the contracts.",
        "请更正 rpc_urls。", "Correct `rpc_urls`.",
    ),
    "unknown_consensus": Meaning(
        503, UNAVAILABLE,
        "节点的创世区块既非 Clique 也非 QBFT。", "The node's genesis block is neither Clique nor QBFT.",
        "请更正 rpc_urls。", "Correct `rpc_urls`.",
    ),
    "trust_stale": Meaning(
        503, UNAVAILABLE,
        "区块由现有信任信息未列出的验证节点签署。", "A block is sealed by validators that are not listed as trusted.",
        "请核对验证节点，或更新信任文件后重试。", "Compare the validators, or get a newer trust file.",
    ),
    "other_validators": Meaning(
        503, UNAVAILABLE, "区块中的验证节点与受信任的不同。", "A block names other validators than the trusted ones.",
        "请与各机构核对后执行 trust validators。",
        "Compare them with the authorities, then run `chain-service trust validators`.",
    ),
    "database_unavailable": Meaning(
        503, UNAVAILABLE, "数据库无法访问。", "The database cannot be reached.",
        "请稍后重试。", "Try again later.",
    ),
    "database_refused": Meaning(
        503, UNAVAILABLE, "数据库拒绝登录。", "The database refused the login.",
        "请运维人员核对 database_url 中的用户、密码和数据库的访问规则。",
        "The operator has to check user and password in `database_url` and the server's access rules.",
    ),
    "behind_pooler": Meaning(
        409, REFUSED, "后台任务的租约需要独占的数据库会话，连接池代理（如 pgbouncer）不提供。",
        "The workers' leases need database sessions of their own, which a pooler such as pgbouncer does not give.",
        "请将运行后台任务的进程的 database_url 直接指向 PostgreSQL；`serve --no-workers` 可经代理连接。",
        "Name PostgreSQL itself in `database_url` where the workers run; `serve --no-workers` may go through it.",
    ),
    "database_standby": Meaning(
        503, UNAVAILABLE, "数据库是只读的备库。", "The database is a standby, which cannot be written.",
        "请运维人员将 database_url 指向主库，或提升备库。",
        "The operator has to name the primary in `database_url`, or promote the standby.",
    ),
    "database_read_only": Meaning(
        503, UNAVAILABLE, "数据库只读，无法写入；核验不受影响。",
        "The database can only be read; verifying goes on.",
        "请运维人员检查文件系统的挂载方式或数据库的只读设置。",
        "The operator has to look at how its file system is mounted, or at the database's read-only setting.",
    ),
    "database_locked": Meaning(
        503, UNAVAILABLE, "数据库的锁被其他程序长时间占用。", "Another program holds a lock of the database.",
        "请稍后重试；持续出现时由运维人员结束占用者。",
        "Try again later; if it stays so, the operator has to end whoever holds it.",
    ),
    "database_busy": Meaning(
        503, UNAVAILABLE, "数据库连接已全部占用。", "All connections to the database are in use.",
        "请稍后重试；持续出现时由运维人员调大 database_connections。",
        "Try again later; if it stays so, the operator may raise `database_connections`.",
    ),
    "database_slow": Meaning(
        503, UNAVAILABLE, "数据库处理超时。", "The database took too long for a statement.",
        "请稍后重试；持续出现时由运维人员检查数据库的负载。",
        "Try again later; if it stays so, the operator has to look at the database's load.",
    ),
    "disk_full": Meaning(
        503, UNAVAILABLE, "磁盘空间不足，无法保存。", "There is no space left on the disk; nothing can be stored.",
        "请运维人员清理磁盘或扩容；无需重启。",
        "The operator has to free space or enlarge the disk; no restart is needed.",
    ),
    "index_busy": Meaning(
        503, UNAVAILABLE, "索引正由另一进程更新。", "Another process is updating the index.",
        "请稍后重试。", "Try again.",
    ),
    "busy": Meaning(
        503, UNAVAILABLE,
        "等待解析的文件过多，或解析超时。", "Too many files wait to be parsed, or parsing timed out.",
        "请稍后重试。", "Try again in a few seconds.",
    ),
    "overloaded": Meaning(
        503, UNAVAILABLE,
        "同时进行的连接或上传过多，服务已达上限。", "The service has too many connections or uploads under way.",
        "请稍后重试。", "Try again in a few seconds.",
    ),
    "port_in_use": Meaning(
        503, UNAVAILABLE, "端口已被占用。", "The port is in use.",
        "请用 --port 改用其他端口。", "Choose another with `--port`.",
    ),
    # what must not happen
    "corrupt": Meaning(
        500, REFUSED, "本地数据与链或程序不一致。", "The stored data contradict the chain or the program.",
        "请停止服务并告知运维人员。", "Stop the service and tell the operator.",
    ),
    "internal_error": Meaning(
        500, UNAVAILABLE, "服务内部错误，已记录。", "Unexpected error; it was logged.",
        "请把所示信息和请求编号告知运维人员。", "Report the message and the request id to the operator.",
    ),
    # only on the command line
    "too_few_signers": Meaning(
        400, WRONG_USAGE, "信任文件的根密钥签名数量不足。", "Too few root keys signed the trust file.",
        "请补足签名后重试。", "Have the missing root keys sign it.",
    ),
    "equivocation": Meaning(
        400, UNAVAILABLE,
        "同一高度出现两个已证明的区块，已拒绝。", "Two different blocks of one height are proven; both were refused.",
        "请保留证据并告知各机构。", "Keep the evidence and tell the authorities.",
    ),
    "block_replaced": Meaning(
        400, UNAVAILABLE, "凭证所依据的区块与链上同一高度的区块不同，已拒绝。",
        "The proof rests on another block than the chain has at that height; it was refused.",
        "请重新取得凭证。", "Get the receipt again.",
    ),
    "foreign_trust": Meaning(
        400, REFUSED, "信任文件未经原根密钥签署，或属于另一条链，未采用。",
        "The trust file is not the successor of the one in use: signed by other root keys, or of another chain.",
        "请向签发方重新索取并核对指纹。", "Ask its issuer for it again and compare the fingerprint.",
    ),
    "trust_rollback": Meaning(
        400, REFUSED,
        "信任文件比现用的旧，未采用。", "The trust file is older than the one in use; it was not accepted.",
        "请使用最新的信任文件。", "Use the newest one.",
    ),
    "wrong_fingerprint": Meaning(
        400, REFUSED, "信任文件的指纹不符，未采用。", "The trust file has another fingerprint; it was not accepted.",
        "请通过另一途径与签发方核对指纹。", "Compare the fingerprint with its issuer by another way.",
    ),
    "fingerprint_missing": Meaning(
        400, WRONG_USAGE, "首次采用信任文件未给出指纹。", "The first trust file needs a fingerprint.",
        "请用 --fingerprint 给出经另一途径核对的指纹。",
        "Give `--fingerprint`, compared with what its issuer shows by another way.",
    ),
    "no_root_key": Meaning(
        400, REFUSED, "密钥库缺少现用信任文件的根密钥，无法签发新版。",
        "The keystore lacks the root keys of the trust file in force.",
        "请在保管根密钥的实例上签发。", "Sign on the instance that holds them.",
    ),
    "log_forked": Meaning(
        400, REFUSED,
        "日志与先前所见不一致（分叉），已拒绝。", "The log contradicts what it showed before (fork); it was refused.",
        "请保留镜像作为证据并告知各机构。", "Keep the mirror as evidence and tell the authorities.",
    ),
    "log_shrunk": Meaning(
        400, REFUSED, "日志长度小于先前所见，已拒绝。", "The log is shorter than before; it was refused.",
        "请保留镜像作为证据并告知各机构。", "Keep the mirror as evidence and tell the authorities.",
    ),
    "other_log": Meaning(
        400, REFUSED, "这是另一个日志，已拒绝。", "This is another log; it was refused.",
        "请核对日志名称，或改用其他目录。", "Check the log's name, or use another directory.",
    ),
    "tile_mismatch": Meaning(
        400, REFUSED,
        "日志瓦片与其内容不符，已拒绝。", "A tile of the log does not match its contents; it was refused.",
        "请重试；仍出现时告知日志的保管方。", "Try again; tell the log's custodian if it happens again.",
    ),
    "head_not_on_chain": Meaning(
        400, REFUSED, "链上没有此日志头，已拒绝。", "The chain does not hold this log head; it was refused.",
        "请重试；仍出现时告知各机构。", "Try again; tell the authorities if it happens again.",
    ),
    "checkpoint_unsigned": Meaning(
        400, REFUSED,
        "检查点没有预期密钥的签名，已拒绝。", "The checkpoint is not signed by the expected key; it was refused.",
        "请核对 --key。", "Check `--key`.",
    ),
    "mirror_damaged": Meaning(
        400, REFUSED, "镜像文件已损坏。", "The mirror's own files were changed.",
        "请删除所指文件后重试。", "Remove the file that is named and run again.",
    ),
    "log_unavailable": Meaning(
        400, UNAVAILABLE, "日志服务无法访问。", "The log's server cannot be reached.",
        "请稍后重试。", "Try again later.",
    ),
    "foreign_receipt": Meaning(
        400, UNAVAILABLE, "凭证属于另一条链或合约。", "The receipt belongs to another chain or contract.",
        "请使用该链的信任文件核验。", "Verify it with the trust file of its chain.",
    ),
    "validators_counted": Meaning(
        409, REFUSED, "Clique 链的验证节点由投票产生，无需登记。",
        "The validators of a Clique chain follow from its votes and cannot be stated.",
        "无需处理。", "There is nothing to do.",
    ),
    "validators_known": Meaning(
        409, REFUSED, "自该区块起的验证节点已确定。", "The validators from that block on are known already.",
        "只能登记之后区块的验证节点。", "State those of a later block.",
    ),
    "usage": Meaning(
        400, WRONG_USAGE, "命令用法不正确。", "The command is used wrongly.",
        "请查看 --help。", "See `--help`.",
    ),
    "wrong_password": Meaning(
        400, WRONG_USAGE, "密钥库密码不正确。", "The password does not open the keystore.",
        "请更正密码。", "Correct the password.",
    ),
    "key_unreadable": Meaning(
        503, UNAVAILABLE, "本进程无权读取或无法读取密钥文件。", "A key's file cannot be read by this process.",
        "请让运行服务的用户可读取该文件；按服务安装时执行 systemd-tmpfiles --create chain-service.conf。",
        "Let the service's user read it; where systemd runs it: `systemd-tmpfiles --create chain-service.conf`.",
    ),
    "no_backup_password": Meaning(
        400, WRONG_USAGE, "缺少备份密码。", "The password of backups is missing.",
        "请设置 CHAIN_SERVICE_BACKUP_PASSWORD，或用 --password-file 指定文件。",
        "Set CHAIN_SERVICE_BACKUP_PASSWORD or name a file with `--password-file`.",
    ),
    "backup_password_wrong": Meaning(
        400, WRONG_USAGE,
        "密码与该备份不符，或备份清单被改动。", "The password is not this backup's, or its manifest was altered.",
        "请更正密码；密码无误时不要使用该备份。", "Correct the password; if it is right, do not use this backup.",
    ),
    "no_backup": Meaning(
        400, WRONG_USAGE, "该目录中没有完整的备份。", "The directory holds no whole backup.",
        "请核对路径；备份中断时请重新备份。", "Check the path; where a backup was interrupted, make it again.",
    ),
    "backup_exists": Meaning(
        400, REFUSED, "备份目录已存在且非空，未作任何改动。",
        "The backup's directory exists and is not empty; nothing was changed.",
        "请改用新目录。", "Name a new directory.",
    ),
    "backup_running": Meaning(
        400, REFUSED, "该实例正在进行另一次备份。", "Another backup of this instance is being made.",
        "请等待其完成。", "Wait for it.",
    ),
    "backup_damaged": Meaning(
        400, REFUSED, "备份已损坏。", "The backup is damaged.",
        "请改用另一份备份，并检查存放介质。", "Use another backup, and check the medium that this one lay on.",
    ),
    "backup_unreadable": Meaning(
        400, UNAVAILABLE, "备份中的文件无法读取。", "A file of the backup cannot be read.",
        "请检查备份是否完整、权限是否正确；密钥目录 keys 另存时请放回。",
        "Check that it is all there and may be read; where the folder `keys` is kept apart, put it back.",
    ),
    "restore_unfinished": Meaning(
        409, REFUSED, "恢复尚未完成，实例暂不可用。", "A restore has begun and not ended; the instance is not whole.",
        "请用同一备份再次执行 restore，直至完成。", "Run `restore` with the same backup again until it ends.",
    ),
    "tool_missing": Meaning(
        400, UNAVAILABLE, "缺少 PostgreSQL 客户端程序。", "A program of PostgreSQL's client is not installed.",
        "请安装 postgresql-client，版本不低于服务器。", "Install `postgresql-client`, not older than the server.",
    ),
    "tool_failed": Meaning(
        400, UNAVAILABLE, "PostgreSQL 客户端程序执行失败，未作任何改动。",
        "A program of PostgreSQL's client failed; nothing was changed.",
        "请按所示原因处理后重试。", "Deal with the reason shown and try again.",
    ),
    "scratch_refused": Meaning(
        400, UNAVAILABLE, "没有可用于校验的空临时数据库。", "There is no empty scratch database to restore to.",
        "请授予 CREATEDB 权限，或用 --scratch 指定一个空数据库。",
        "Grant CREATEDB, or name an empty database with `--scratch`.",
    ),
    "no_registrar": Meaning(
        400, WRONG_USAGE, "未找到登记管理方的密钥库。", "There is no registrar's keystore here.",
        "请用 --registrar 指定。", "Name it with `--registrar`.",
    ),
    "no_permit": Meaning(
        400, REFUSED, "该机构从未获得该类证照的颁发许可。", "The organisation never had a permit for this type.",
        "请核对机构和证照类型。", "Check the organisation and the type.",
    ),
    "file_not_written": Meaning(
        400, WRONG_USAGE, "文件无法写入。", "The file cannot be written.",
        "请检查目录权限和磁盘空间。", "Check the directory's permissions and the free space.",
    ),
    "bad_settings": Meaning(
        400, WRONG_USAGE, "配置有误。", "A setting is wrong.",
        "请检查 config.toml 和环境变量中所指的设置。", "Check `config.toml` and the environment.",
    ),
    "no_password": Meaning(
        400, WRONG_USAGE, "缺少密钥库密码。", "The keystore's password is missing.",
        "请设置 CHAIN_SERVICE_PASSWORD 或指定密码文件。", "Set CHAIN_SERVICE_PASSWORD or name a password file.",
    ),
    "file_not_found": Meaning(
        400, WRONG_USAGE, "文件不存在或无法读取。", "The file does not exist or cannot be read.",
        "请核对路径和权限。", "Check the path and its permissions.",
    ),
    "insecure_listen": Meaning(
        400, WRONG_USAGE, "未配置 TLS，拒绝在本机以外的地址监听。", "Refusing to listen beyond loopback without TLS.",
        "请配置 tls_certificate 和 tls_key，或在有前置代理时设置 behind_proxy。",
        "Set `tls_certificate` and `tls_key`, or `behind_proxy = true` behind a proxy.",
    ),
    "timeout": Meaning(
        503, UNAVAILABLE,
        "等待超时；已受理的内容会继续处理。", "Waited too long; what was accepted is still being processed.",
        "请稍后查询结果。", "Ask for the result later.",
    ),
    "interrupted": Meaning(
        400, INTERRUPTED, "已中断。", "Interrupted.",
        "重复执行是安全的。", "Running the same command again is safe.",
    ),
    # what the adapters say: keys, database, transactions
    "password_missing": Meaning(
        422, WRONG_USAGE, "密钥库须有密码。", "A keystore needs a password.",
        "请设置 CHAIN_SERVICE_PASSWORD 或指定密码文件。", "Set CHAIN_SERVICE_PASSWORD or name a password file.",
    ),
    "no_keystore": Meaning(
        404, REFUSED, "该目录没有密钥库。", "There is no keystore here.",
        "请先执行 chain-service init，或更正路径。", "Run `chain-service init` first, or correct the path.",
    ),
    "keystore_exists": Meaning(
        409, REFUSED, "密钥库已存在，未作任何改动。", "The keystore exists already; nothing was changed.",
        "请改用其他目录。", "Use another directory.",
    ),
    "key_exists": Meaning(
        409, REFUSED, "同名密钥已存在，未作任何改动。", "A key of this name exists already; nothing was changed.",
        "请改用其他名称。", "Use another name.",
    ),
    "malformed_label": Meaning(
        422, WRONG_USAGE, "密钥名称不符合要求。", "The key's label has a form that is not allowed.",
        "请使用 1 至 64 个字母、数字、- 或 _。", "Use 1 to 64 letters, digits, - and _.",
    ),
    "unknown_account": Meaning(
        404, REFUSED, "密钥库中没有该账户。", "The keystore holds no such account.",
        "请核对账户，或在保管它的实例上执行。", "Check the account, or act on the instance that holds it.",
    ),
    "unknown_log_key": Meaning(
        404, REFUSED, "密钥库中没有该日志密钥。", "The keystore holds no such log key.",
        "请在保管该密钥的实例上执行。", "Act on the instance that holds it.",
    ),
    "unknown_database": Meaning(
        409, REFUSED, "不支持该数据库。", "This kind of database is not supported.",
        "请将 database_url 设为 SQLite 或 PostgreSQL。", "Set `database_url` to SQLite or PostgreSQL.",
    ),
    "database_older": Meaning(
        503, UNAVAILABLE, "数据库的结构比程序旧。", "The database is older than this program.",
        "请先备份，再重新启动程序，启动时会升级结构。",
        "Make a backup, then start the program again: it migrates on start.",
    ),
    "constraint": Meaning(
        409, REFUSED,
        "该变更违反数据库的约束，未保存。", "The change breaks a rule of the database; it was not stored.",
        "请先读取现有内容后重试。", "Read what exists and try again.",
    ),
    "batch_unknown": Meaning(
        404, REFUSED, "没有该编号的批次。", "No batch has this id.", "请核对编号。", "Check the id.",
    ),
    "batch_stands": Meaning(
        409, REFUSED, "该批次不能再解散。", "The batch can no longer be dissolved.",
        "请等待其最终确认。", "Wait until it is final.",
    ),
    "change_unknown": Meaning(
        404, REFUSED, "没有该编号的状态变更。", "No change of state has this id.", "请核对编号。", "Check the id.",
    ),
    "submission_unknown": Meaning(
        404, REFUSED, "没有该编号的提交。", "No submission has this id.", "请核对编号。", "Check the id.",
    ),
    "submission_live": Meaning(
        409, REFUSED, "该提交已最终确认、已放弃或正在处理。", "The submission is final, abandoned or under way.",
        "请稍后重试。", "Try again later.",
    ),
    "record_moved": Meaning(
        409, REFUSED, "待编入批次的记录已被处理。", "A record to be placed is not pending any more.",
        "请稍后重试。", "Try again later.",
    ),
    "nonce_taken": Meaning(
        409, REFUSED, "该交易序号已被另一笔交易占用。", "Another transaction took this nonce.",
        "请重试；反复出现时检查是否有其他程序使用同一账户。",
        "Try again; if it happens again, look for another program that uses the account.",
    ),
    "deployment_running": Meaning(
        409, REFUSED, "另一次部署正在进行，或曾被中断。", "Another deployment is under way or was interrupted.",
        "请等待其完成，或再次执行 deploy 继续。", "Wait for it, or run `deploy` again to continue it.",
    ),
    "not_final": Meaning(
        503, UNAVAILABLE, "合约所在的区块尚未最终确认。", "The contracts' blocks are not final yet.",
        "请稍后再次执行。", "Run the command again later.",
    ),
    "not_mined": Meaning(
        503, UNAVAILABLE,
        "交易在限时内未进入区块，仍可能被打包。", "The transaction is in no block yet; it may still be mined.",
        "请稍后查询。", "Look again later.",
    ),
    "rpc_error": Meaning(
        500, UNAVAILABLE, "节点拒绝了请求。", "The node refused a request.",
        "请检查节点及其日志。", "Check the node and its log.",
    ),
    "issuer_unknown": Meaning(
        422, UNAVAILABLE, "该信任文件或凭证未获现用信任文件认可。",
        "The trust file in force does not confirm this trust file or receipt.",
        "请向运维人员核对信任文件的指纹。", "Compare the trust file's fingerprint with the operator.",
    ),
    "error": Meaning(
        500, UNAVAILABLE, "服务内部错误，已记录。", "Unexpected error; it was logged.",
        "请把所示信息和请求编号告知运维人员。", "Report the message and the request id to the operator.",
    ),
}


def _alike(status: int, exit: int, remedy: tuple[str, str], **texts: tuple[str, str]) -> dict[str, Meaning]:
    """Rows of codes that have all but their sentences in common."""
    return {code: Meaning(status, exit, zh, en, *remedy) for code, (zh, en) in texts.items()}


CODES |= _alike(  # stored data that contradict the chain, each other or their own form
    500, REFUSED,
    (
        "请停止服务，保全数据，查明原因；必要时从备份恢复。",
        "Stop the service, keep the data as they are, find the cause, and restore a backup where needed.",
    ),
    damaged_deployment=("部署文件已损坏。", "The deployment file is damaged."),
    damaged_key=("密钥文件已损坏。", "A key's file is damaged."),
    database_damaged=("数据库已损坏。", "The database is damaged."),
    record_altered=("存储的记录已被改动。", "A stored record was altered."),
    entry_altered=("存储的日志与上链时不同。", "The stored log is not the one that was anchored."),
    entry_missing=("存储的日志缺少已上链的条目。", "The stored log lacks an entry that was anchored."),
    head_altered=("存储的批次与链上的日志头不同。", "The chain holds another log head than the stored batch."),
    tile_missing=("存储的日志瓦片不全。", "A stored tile of the log is incomplete."),
    tile_rewritten=("存储的日志瓦片将被改写，已拒绝。", "A stored tile would be rewritten; it was refused."),
)
CODES |= _alike(  # what is wrong with a document, seal or certificate; in a verdict it is the reason of `unreadable`
    422, WRONG_USAGE,
    ("请确认文件完整，或向提供方重新索取。", "Check that the file is complete, or ask its sender for it again."),
    malformed=("文件结构有误。", "The structure of the file is wrong."),
    not_der=("内容不是规范的 DER 编码。", "The content is not encoded as DER."),
    too_large=("内容超过可处理的大小或数量。", "The content has more bytes or elements than are read."),
    too_complex=("结构嵌套过深或过于复杂。", "The structure is nested too deep or too complex."),
    irregular=("文件的写法不合规范，各程序的解读可能不同。", "Programs may read this file differently."),
    two_kinds=("文件可被当作两种格式打开。", "The file can be opened as two formats."),
    unknown_form=("不支持该格式。", "The format is not supported."),
    unknown_version=("不支持该版本的格式。", "This version of the format is not supported."),
    encrypted=("文件已加密，无法读取。", "The file is encrypted."),
    byte_range=("签名覆盖的范围超出文件。", "The range that a signature covers leads out of the file."),
    no_value=("缺少签名值。", "The value of a signature is missing."),
    missing_file=("文件包缺少签章所指的文件。", "The package lacks a file that a signature names."),
    several_signers=("一个签名中有多个签名者。", "One signature has several signers."),
    too_many_signatures=("签名过多。", "There are too many signatures."),
    duplicate_signature=("同一签名被列出两次。", "A signature is listed twice."),
    signature_removed=("签名列表与文件包的内容不符。", "The list of signatures does not fit the package."),
    no_answer=("OCSP 服务没有给出答复。", "The OCSP responder gave no answer."),
    not_ofd=("文件不是 OFD。", "The file is no OFD."),
    not_zip=("文件包不是 ZIP。", "The package is no ZIP archive."),
    zip64=("文件包的 ZIP64 结构有误。", "The ZIP64 structure of the package is wrong."),
    zip_bomb=("文件包解压后过大。", "The package grows too large when unpacked."),
    split_archive=("文件包是分卷的。", "The package is split into volumes."),
    bad_name=("文件包中的文件名不可用。", "A name in the package cannot be used."),
    path_escapes=("文件包中的路径指向包外。", "A path in the package leads out of it."),
    duplicate_entry=("文件包中有同名文件。", "Two files of the package have one name."),
    too_many_entries=("文件包中的文件过多。", "The package has too many files."),
    entries_overlap=("文件包中的文件相互重叠。", "Files of the package overlap."),
    headers_disagree=("文件包的目录与内容不一致。", "The directory of the package does not fit its contents."),
    hidden_data=("文件包中有目录未列出的数据。", "The package holds data that its directory does not list."),
    data_appended=("文件包之后附有其他数据。", "Data are appended to the package."),
    size_differs=("文件包中的文件大小与所写不同。", "A file of the package has another size than stated."),
    checksum_differs=("文件包中的文件校验和不符。", "A file of the package has another checksum than stated."),
    encrypted_entry=("文件包中有加密的文件。", "A file of the package is encrypted."),
    unknown_compression=("文件包使用了不支持的压缩方式。", "The way of compression is not supported."),
    bad_xml=("文件包中的 XML 有误。", "An XML file of the package is wrong."),
    xml_entity=("文件包中的 XML 含有实体声明，已拒绝。", "An XML file declares entities; it was refused."),
)
# fmt: on
