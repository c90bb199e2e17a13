"""Every error code a caller can meet, in both languages; docs/reference/errors.md is made from here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chain_service.errors import (
    MOST_ERRORS,
    BadRequest,
    ChainServiceError,
    Conflict,
    Corrupt,
    Forbidden,
    Gone,
    MalformedRecord,
    NotFound,
    Reverted,
    Unauthorised,
    Unavailable,
)


@dataclass(frozen=True)
class Meaning:
    """What one code means to its reader."""

    status: int
    """HTTP status."""
    zh: str
    en: str
    """One sentence each: what is wrong and what to do about it."""


CODES: dict[str, Meaning] = {
    # the request itself
    "bad_request": Meaning(
        422, "请求内容有误，请按提示修改后重试。", "The request is not allowed; change what is named."
    ),
    "malformed_request": Meaning(
        422, "请求格式不正确，请检查所指字段。", "The request cannot be read; check the field named."
    ),
    "malformed_record": Meaning(
        422,
        "记录不符合规范，全部内容均未保存，请修改所指字段。",
        "A record breaks the rules; nothing was stored. Fix the field named.",
    ),
    "malformed_document": Meaning(422, "文件或凭证无法解析。", "The document, disclosure or proof cannot be parsed."),
    "papers_refused": Meaning(
        422,
        "所给文件（信任文件、凭证或日志）不能证明任何内容，已拒绝。",
        "The papers given prove nothing and are refused.",
    ),
    "invalid_proof": Meaning(422, "证明无效。", "The proof proves nothing."),
    "at_in_future": Meaning(422, "所询时间在未来，无法核验。", "The moment asked about lies in the future."),
    "identifier_missing": Meaning(
        422,
        "证照编号和持证主体名称须与证照标识或披露文件一并提供。",
        "Number and holder name go with an identifier or a disclosure.",
    ),
    "identifier_mistyped": Meaning(
        422,
        "证照标识有误：格式或末位校验字符不对，请逐字核对。",
        "The identifier is mistyped: its form or its check character is wrong.",
    ),
    "number_and_name_missing": Meaning(
        422, "按标识核验须同时提供证照编号和持证主体名称。", "A look-up by identifier needs number and holder name too."
    ),
    "use_cause_missing": Meaning(422, "按标识核验须说明事由。", "A look-up by identifier needs a useCause."),
    "duplicate_identifier": Meaning(
        422, "同一请求中有重复的标识，全部内容均未保存。", "An identifier occurs twice in one body; nothing was stored."
    ),
    "hidden_character": Meaning(
        422,
        "文本含有看不见或改变显示顺序的字符（field 为所在成员，character 为该字符），请删除后重新提交。",
        "A text holds a character that cannot be seen or changes the order of what is shown; `field` names the member, "
        "`character` the character. Leave it out.",
    ),
    "type_is_certificate": Meaning(
        422,
        "该类型代码属于证照，电子文书不得使用；请按证照提交或改用其他类型代码。",
        "This type code is that of certificates and no document can have it; submit a certificate or use another code.",
    ),
    "unknown_member": Meaning(422, "记录中没有所指的成员。", "The record has no member of this name."),
    "record_mismatch": Meaning(422, "所披露的成员与其摘要不符。", "A revealed member does not have the digest listed."),
    "seal_signature_invalid": Meaning(
        422,
        "印章的制章签名不成立，拒绝登记。",
        "The maker's signature in the seal does not hold; it is not registered.",
    ),
    "personal_seal": Meaning(422, "个人印章不予登记。", "Personal seals are never registered."),
    "body_too_large": Meaning(413, "请求内容过大，请分批提交。", "The body is too large; send it in parts."),
    "file_too_large": Meaning(
        413,
        "文件过大，无法上传；可改为提交文件的 SHA-256 摘要核验。",
        "The file is too large to send; it can be verified by its SHA-256 digest.",
    ),
    "too_many_lines": Meaning(413, "行数过多，请分批提交。", "Too many lines; send them in parts."),
    "unsupported_media_type": Meaning(415, "不支持该内容类型。", "This content type is not accepted here."),
    "method_not_allowed": Meaning(405, "该地址不支持此方法。", "This address does not take this method."),
    "rate_limited": Meaning(
        429, "请求过于频繁，请稍后再试；持密钥者不受此限。", "Too many requests; wait, or use a key, which is exempt."
    ),
    # who asks
    "unauthorised": Meaning(401, "缺少密钥，或密钥无效、已吊销。", "No key, or one that is unknown or revoked."),
    "forbidden": Meaning(403, "该密钥无权执行此操作。", "This key may not do this."),
    "missing_role": Meaning(403, "该密钥缺少所需角色。", "This key lacks the role that is needed."),
    "wrong_organisation": Meaning(
        403,
        "该密钥只能为其所属机构办理，内容均未保存。",
        "A key acts for its own organisation only; nothing was stored.",
    ),
    "issuer_not_permitted": Meaning(
        403,
        "该机构在颁发日期无权颁发该类证照，内容均未保存。",
        "The organisation had no permit for this type on the issued date; nothing was stored.",
    ),
    "organisation_not_registered": Meaning(
        403,
        "该机构尚未在链上登记，请联系登记管理方。",
        "The organisation is not registered on chain; ask the registrar.",
    ),
    "no_account": Meaning(
        403,
        "本服务不保管该机构的账户，请由其自行办理。",
        "This instance keeps no account for the organisation; ask its custodian.",
    ),
    # what is asked for
    "not_found": Meaning(404, "未找到所请求的内容。", "There is nothing here under that name."),
    "record_unknown": Meaning(404, "没有此编号的记录。", "No record has this id."),
    "seal_unknown": Meaning(404, "没有此编码的印章。", "No seal has this code."),
    "catalog_unknown": Meaning(404, "没有此代码的目录条目。", "No catalog entry has this code."),
    "no_version": Meaning(404, "该目录条目没有此版本。", "The catalog entry has no such version."),
    "organisation_unknown": Meaning(404, "没有登记此代码的机构。", "No organisation of this code is registered."),
    "key_unknown": Meaning(404, "没有此编号的密钥。", "No key has this id."),
    "log_unknown": Meaning(404, "本服务没有此名称的已上链日志。", "This instance has no anchored log of that name."),
    "tile_unknown": Meaning(404, "该日志尚无此分块。", "The anchored log has no such tile."),
    "no_trust": Meaning(
        404, "没有信任文件。", "There is no trust file here; run `chain-service trust export` or update."
    ),
    "erased": Meaning(
        410, "记录已删除，仅存证明仍可核验。", "The record was erased; only its proof of existence stays."
    ),
    # what stands already
    "conflict": Meaning(409, "与现有内容冲突。", "This contradicts what stands already."),
    "log_stopped": Meaning(
        409,
        "该机构的日志与链上不一致，已停止受理，请联系运维人员。",
        "The log is stopped: chain and memory disagree, and the operator has to look. Nothing was stored.",
    ),
    "identifier_taken": Meaning(
        409,
        "同一标识已登记了不同内容。",
        "The identifier is already registered with other content; nothing was stored.",
    ),
    "illegal_transition": Meaning(409, "不允许的状态变更。", "The record's state does not allow this change."),
    "not_anchored": Meaning(
        409, "记录尚未上链，请稍后再试。", "The record is not anchored yet; try again in a minute."
    ),
    "change_pending": Meaning(
        409, "另一变更正在处理，请稍后再试。", "Another change is on its way and not yet final; try again in a minute."
    ),
    "catalog_conflict": Meaning(
        409,
        "目录版本序号或前版摘要不符，请读取最新版本。",
        "Sequence or previous digest does not fit; read the latest version.",
    ),
    "seal_exists": Meaning(409, "该印章编码已登记了不同内容。", "Another seal is registered under this code."),
    "not_registered": Meaning(
        409, "印章尚未上链登记，请稍后再试。", "The seal is not registered on chain yet; try again."
    ),
    "already_initialised": Meaning(
        409, "该目录已初始化，未作任何改动。", "This directory is initialised already; nothing was changed."
    ),
    "already_deployed": Meaning(
        409, "合约已部署，未作任何改动。", "The contracts are deployed already; nothing was changed."
    ),
    "worker_running": Meaning(
        409, "另一进程正在使用该目录。", "Another process works on this directory; stop it first."
    ),
    "refused_by_contract": Meaning(
        409, "合约拒绝了该变更，原因见说明。", "The contract refused the change; its reason is named."
    ),
    "no_network": Meaning(
        404,
        "没有该网络或描述文件，请先执行 chain-service network init，或更正路径。",
        "No network or descriptor there; run `chain-service network init`, or correct the path.",
    ),
    "no_engine": Meaning(
        503,
        "缺少区块链节点程序，请按提示安装或构建。",
        "The nodes' program is not here; install or build it as told.",
    ),
    "engine_failed": Meaning(503, "节点程序运行失败，请查看其输出。", "The nodes' program failed; see what it said."),
    "network_stalled": Meaning(
        503,
        "网络未产生新区块或节点未响应，请查看 network status。",
        "No new block is sealed or a node does not answer; see `chain-service network status`.",
    ),
    "chain_in_use": Meaning(409, "另一进程正在使用该试验链。", "Another process runs this trial chain; stop it first."),
    "database_newer": Meaning(
        409, "数据库由更新版本的程序写成，请升级程序。", "The database is newer than the program; update it."
    ),
    "no_log_key": Meaning(
        409,
        "本服务不保管该记录上链时的日志密钥，无法签发凭证。",
        "This instance keeps no log key that stood on chain when the record was anchored.",
    ),
    "reverted": Meaning(409, "合约拒绝执行，原因见说明。", "A contract refused; its reason is named."),
    # what is not there now
    "unavailable": Meaning(503, "服务暂时不可用，请稍后重试。", "The service cannot do this now; try again later."),
    "not_deployed": Meaning(
        503,
        "合约尚未部署，请先执行 chain-service deploy。",
        "No contracts yet; the operator has to run `chain-service deploy`.",
    ),
    "not_initialised": Meaning(
        503,
        "该目录尚未初始化，请先执行 chain-service init。",
        "This directory holds no instance; run `chain-service init` first.",
    ),
    "node_unavailable": Meaning(
        503,
        "区块链节点无法访问，请检查节点或稍后重试。",
        "The chain's node cannot be reached; start it or try again later.",
    ),
    "finality_unproven": Meaning(
        503,
        "节点给出的证明不成立，请重试并告知运维。",
        "What the node says does not prove itself; try again, tell the operator.",
    ),
    "wrong_chain": Meaning(
        503,
        "节点所在的链与部署时不同，已拒绝使用。",
        "The node is on another chain than the contracts; correct rpc_urls.",
    ),
    "unknown_consensus": Meaning(
        503,
        "节点的创世块既非 Clique 也非 QBFT，请更正 rpc_urls。",
        "The node's genesis is neither Clique nor QBFT; correct rpc_urls.",
    ),
    "trust_stale": Meaning(
        503,
        "区块由现有信任信息未列出的验证节点签署，请核对验证节点或更新信任文件后重试。",
        "A block is sealed by validators that are not known here; compare the validators, or get a newer trust file.",
    ),
    "other_validators": Meaning(
        503,
        "区块中的验证者与受信任的不同，请与各机构核对后执行 trust validators。",
        "A block names other validators than trusted; compare them with the authorities, then `trust validators`.",
    ),
    "database_unavailable": Meaning(
        503, "数据库无法访问，请稍后重试。", "The database cannot be reached; try again later."
    ),
    "index_busy": Meaning(503, "索引正由另一进程更新，请稍后重试。", "Another process reads the chain; try again."),
    "busy": Meaning(
        503,
        "等待解析的文件过多或解析超时，请稍后重试。",
        "Too many documents wait to be read, or the machine is too slow now; try again in a few seconds.",
    ),
    "port_in_use": Meaning(503, "端口已被占用，请改用其他端口。", "The port is taken; choose another with --port."),
    "shutting_down": Meaning(503, "服务正在停止，请稍后重试。", "The service is stopping; try again in a moment."),
    # what must not happen
    "corrupt": Meaning(
        500,
        "本地数据与链或程序不一致，请停止并通知运维。",
        "Our own data contradict the chain or the program; stop and tell the operator.",
    ),
    "internal_error": Meaning(
        500, "服务内部错误，已记录。", "The service failed; the failure was logged under the request id."
    ),
    # only on the command line
    "too_few_signers": Meaning(400, "根密钥签名数量不足。", "Too few root keys sign the trust file."),
    "equivocation": Meaning(
        400, "同一高度出现两个已证明的区块，已拒绝。", "Two different blocks of one height are proven; refused."
    ),
    "block_replaced": Meaning(
        400,
        "凭证所依据的区块与链上同一高度的区块不同，已拒绝。",
        "The proof is about another block than the one that the chain has at its height; refused.",
    ),
    "foreign_trust": Meaning(
        400,
        "信任文件未经原根密钥签署，或属于另一条链，未采用。",
        "The trust file is not the successor of the one in use.",
    ),
    "trust_rollback": Meaning(400, "信任文件比现用的旧，未采用。", "The trust file is older than the one in use."),
    "wrong_fingerprint": Meaning(
        400, "信任文件的指纹不符，未采用。", "The trust file has another fingerprint; it was not accepted."
    ),
    "fingerprint_missing": Meaning(
        400,
        "首次采用信任文件须核对指纹 (--fingerprint)。",
        "The first trust file needs --fingerprint, compared with what its issuer shows by another way.",
    ),
    "no_root_key": Meaning(
        400,
        "密钥库缺少原根密钥，无法签发新版信任文件。",
        "The keystore lacks the root keys of the trust file in force.",
    ),
    "log_forked": Meaning(
        400, "日志与先前所见不一致（分叉），已拒绝。", "The log contradicts what it showed before; it was refused."
    ),
    "log_shrunk": Meaning(400, "日志比先前缩短，已拒绝。", "The log was longer before; it was refused."),
    "other_log": Meaning(400, "这是另一个日志，已拒绝。", "This is another log; it was refused."),
    "tile_mismatch": Meaning(
        400, "日志分块与其内容不符，已拒绝。", "A tile of the log is not what its contents give; it was refused."
    ),
    "head_not_on_chain": Meaning(
        400, "链上没有此日志头，已拒绝。", "The chain does not hold this head; it was refused."
    ),
    "checkpoint_unsigned": Meaning(
        400, "检查点没有预期的签名，已拒绝。", "The checkpoint is not signed by the key expected; it was refused."
    ),
    "mirror_damaged": Meaning(
        400,
        "镜像文件已损坏，请删除所指文件后重试。",
        "The mirror's own files were changed; remove the one named, run again.",
    ),
    "log_unavailable": Meaning(400, "日志服务无法访问。", "The log's server cannot be reached; try again later."),
    "foreign_receipt": Meaning(400, "凭证属于另一条链或合约。", "The receipt is about another chain or contract."),
    "validators_counted": Meaning(
        409,
        "Clique 链的验证者由投票得出，无需登记。",
        "A Clique chain's validators are counted from its votes, not stated.",
    ),
    "validators_known": Meaning(
        409,
        "该区块起的验证者已知，只能登记之后的。",
        "The validators of that block are known; only later ones can be stated.",
    ),
    "usage": Meaning(400, "命令用法不正确，请查看 --help。", "The command is used wrongly; see --help."),
    "wrong_password": Meaning(400, "密码不能打开密钥库。", "The password does not open the keystore."),
    "no_registrar": Meaning(
        400, "未找到登记管理方的密钥库。", "No registrar's keystore here; name it with --registrar."
    ),
    "no_permit": Meaning(400, "该机构从未获得该类证照的许可。", "The organisation never had a permit for this type."),
    "file_not_written": Meaning(400, "文件无法写入。", "The file cannot be written."),
    "bad_settings": Meaning(
        400, "配置有误，请检查所指设置。", "A setting is wrong; check config.toml and the environment."
    ),
    "no_password": Meaning(
        400, "缺少密钥库密码。", "No keystore password: set CHAIN_SERVICE_PASSWORD or name a password file."
    ),
    "file_not_found": Meaning(400, "文件不存在或无法读取。", "The file does not exist or cannot be read."),
    "insecure_listen": Meaning(
        400,
        "对外监听须配置 TLS，或明确声明前置代理 (behind_proxy)。",
        "Listening beyond loopback needs tls_certificate and tls_key, or behind_proxy = true.",
    ),
    "timeout": Meaning(
        503, "等待超时，已受理的内容会继续处理。", "Waited too long; what was accepted goes on being processed."
    ),
    "interrupted": Meaning(400, "已中断；重复执行是安全的。", "Interrupted; running the same command again is safe."),
}

_BY_CLASS: tuple[tuple[type[ChainServiceError], str], ...] = (
    (Gone, "erased"),
    (NotFound, "not_found"),
    (Unauthorised, "unauthorised"),
    (Forbidden, "forbidden"),
    (Conflict, "conflict"),
    (Reverted, "reverted"),
    (Unavailable, "unavailable"),
    (Corrupt, "corrupt"),
    (BadRequest, "bad_request"),
)


def meaning_of(error: ChainServiceError) -> Meaning:
    """What the error's code means; a code outside the table (a contract error's name) means what its class means."""
    if error.code in CODES:
        return CODES[error.code]
    for kind, code in _BY_CLASS:
        if isinstance(error, kind):
            return CODES[code]
    return CODES["internal_error"]


RESERVED = frozenset({"type", "title", "status", "detail", "code", "message", "requestId"})


def problem_object(error: ChainServiceError, request_id: str | None = None) -> dict[str, Any]:
    """The members of the RFC 9457 problem that tells this error; its details are extension members."""
    meaning = meaning_of(error)
    problem: dict[str, Any] = {
        "type": f"urn:chain-service:problem:{error.code}",
        "title": meaning.en,
        "status": meaning.status,
        "detail": error.message,
        "code": error.code,
        "message": {"zh": meaning.zh, "en": meaning.en},
    }
    problem.update({name: value for name, value in error.details.items() if name not in RESERVED})
    if told := error.errors or ((error,) if isinstance(error, MalformedRecord) else ()):
        problem["errors"] = [_entry(one) for one in told[:MOST_ERRORS]]
    if request_id:
        problem["requestId"] = request_id
    return problem


LONGEST_TEXT = 1_000
"""Characters of a message in `errors`."""


def _entry(error: ChainServiceError) -> dict[str, Any]:
    """One refusal of several: where in the body, its code, and what is wrong in both languages."""
    meaning = meaning_of(error)
    field = error.path or error.details.get("field") or ""
    entry = {name: error.details[name] for name in ("line", "entry") if name in error.details}
    message = {"zh": (error.zh or meaning.zh)[:LONGEST_TEXT], "en": error.message[:LONGEST_TEXT]}
    return entry | {"field": str(field)[:256], "code": error.code, "message": message}


def codes_as_markdown() -> str:
    """The table of codes for docs/reference."""
    rows = ["| code | HTTP | 中文 | English |", "|---|---|---|---|"]
    rows += [f"| `{code}` | {m.status} | {m.zh} | {m.en} |" for code, m in CODES.items() if m.status != 400]
    return "\n".join(rows) + "\n"
