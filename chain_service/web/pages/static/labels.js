// Words of both pages for checks, values, kinds and parts of papers: Chinese, then English. Those for members of records
// are in members.js, which is generated.

export const CHECKS = {
  parse: ["解析", "Readable"],
  file_digest: ["文件摘要", "File digest"],
  log_signature: ["日志签名", "Log signature"],
  inclusion: ["收录于机构日志", "In the organisation's log"],
  anchor: ["日志头已上链", "Log head on chain"],
  validators: ["验证节点签署", "Sealed by validators"],
  issuer_permitted: ["颁发许可", "Issuer was permitted"],
  status: ["当前状态", "Status"],
  validity_period: ["有效期", "Period of validity"],
  reference_digests: ["引用摘要", "Digests of parts"],
  coverage: ["签章覆盖范围", "What the seal covers"],
  signature: ["签章值", "Signature"],
  seal_signature: ["印章制作签名", "Seal's own signature"],
  signer_certificate: ["签章人证书", "Signer's certificate"],
  revocation: ["证书吊销", "Revocation"],
  signing_time: ["签署时间", "Time of signing"],
  seal_registered: ["印章登记", "Seal registered"],
  issuer_binding: ["签章单位", "Signer is the issuer"],
};

export const VALUES = {
  certificate: ["电子证照", "certificate"],
  document: ["电子文书", "document"],
  in_force: ["有效", "in force"],
  suspended: ["暂扣", "suspended"],
  withdrawn: ["撤销", "withdrawn"],
  cancelled: ["注销", "cancelled"],
  penalised: ["吊销", "revoked as a penalty"],
  lapsed: ["失效", "lapsed"],
  transferred: ["办理转出", "transferred"],
  superseded: ["已被新版取代", "superseded"],
};

export const PAPERS = {
  disclosure: ["披露文件", "Disclosure"],
  receipt: ["凭证", "Receipt"],
  proof: ["上链证明", "Proof"],
  trust: ["信任文件", "Trust file"],
  pdf: ["PDF 文件", "PDF"],
  archive: ["OFD 或压缩包", "OFD or archive"],
  seal: ["印章文件", "Seal file"],
  file: ["文件", "File"],
  digest: ["文件摘要", "File digest"],
};

export const PARTS = {
  file: ["文件", "file"],
  disclosure: ["披露文件", "disclosure"],
  receipt: ["凭证", "receipt"],
  proof: ["上链证明", "proof"],
  record: ["所存记录", "stored record"],
  trust: ["信任文件", "trust file"],
};
