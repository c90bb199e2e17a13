// The checks that follow a receipt's links: content, files, log signature, inclusion, anchor, validators.

import { headSlot } from "../chainproof/storage_layout.js";
import { writeCbor } from "../encoding/cbor.js";
import { fromBig, toHex } from "../encoding/hex.js";
import { rfc3339 } from "../encoding/times.js";
import { ed25519Holds } from "../hashing/webcrypto.js";
import { agrees, filesListed } from "../records/files.js";
import { statesThatTell } from "./inputs.js";
import { RETIRED, UNKNOWN } from "./messages.js";
import { findLogKey } from "./proving.js";
import { check } from "./verdict.js";

export function judgeReadable({ content, failure }) {
  if (failure && failure.code === "unreadable") return check("parse", "unreadable", { part: failure.part, detail: failure.detail });
  if (content) return check("parse", "readable");
  return failure ? check("parse", "readable", { part: failure.part }) : check("parse", "nothing_to_verify");
}

export function judgeFiles({ files, content, failure }) {
  if (!files.length || (!content && !failure)) return check("file_digest", "no_file");
  const read = files.filter(({ digests }) => digests);
  const evidence = { presented: read.map(({ digests }) => digests) };
  const listed = content ? filesListed(content) : [];
  if (!listed.length) return check("file_digest", "not_anchored", { ...evidence, detail: "no record names a file to compare" });
  const others = read.filter(({ digests }) => !listed.some((known) => agrees(digests, known)));
  if (others.some(({ isAppended }) => !isAppended)) return check("file_digest", "content_altered", { ...evidence, filesOfRecord: listed.length });
  if (others.length) return check("file_digest", "changes_unclear", { ...evidence, detail: "the anchored file with appended content, which is not read here" });
  if (read.length < files.length) return check("file_digest", "not_anchored", { ...evidence, detail: "a file was not read and so not compared" });
  return check("file_digest", "file_matches", evidence);
}

export const blockEvidence = (state) => ({ block: state.block, blockHash: "0x" + toHex(state.hash), blockTime: rfc3339(state.time) });

export function unread(name, { newest, states, isUnknown }, evidence = {}) {
  if (newest) return check(name, "finality_unproven", { ...evidence, detail: "the evidence does not cover the word" });
  if (!states.length && !isUnknown) return check(name, "finality_unproven", { ...evidence, detail: "the receipt holds no proven block" });
  return check(name, "trust_stale", { ...evidence, detail: "every validator that sealed the receipt's blocks has since been removed" }, { detail: RETIRED });
}

// A key of the log's organisation signed the root that the receipt leads to (RFC 9942, RFC 9052 §4.4).
export async function judgeSignature(facts) {
  const { receipt, anchor, newest, failure, head } = facts;
  if (failure && failure.part === "receipt") return check("log_signature", "not_reached", { detail: "the receipt was rejected" });
  if (!head || receipt.isProof) return check("log_signature", "no_receipt");
  if (!head.root) return check("log_signature", "not_reached");
  const evidence = { keyId: toHex(receipt.keyId), root: toHex(head.root) };
  let [state, found] = [null, undefined];
  for (const shown of [newest, anchor]) if (found === undefined && shown) [state, found] = [shown, await findLogKey(shown, receipt.org, receipt.keyId)];
  if (found === undefined) return unread("log_signature", facts, evidence);
  Object.assign(evidence, blockEvidence(state));
  if (found === null) return check("log_signature", "proof_invalid", { ...evidence, detail: "no log key of the organisation has this key id" });
  Object.assign(evidence, { key: toHex(found.key), n: found.n });
  const message = writeCbor(["Signature1", receipt.head, new Uint8Array(), head.root]);
  if (await ed25519Holds(found.key, receipt.signature, message)) return check("log_signature", "signed", evidence);
  return check("log_signature", "proof_invalid", { ...evidence, detail: "a signature does not verify" });
}

export function judgeInclusion({ failure, isPast, moment, head }) {
  if (failure) return check("inclusion", failure.code, { part: failure.part, detail: failure.detail }, failure.code === "trust_stale" ? { detail: UNKNOWN } : {});
  if (!head) return check("inclusion", "not_anchored");
  const { index, size, path } = head.proof;
  const evidence = { log: toHex(head.log), index, size, entry: toHex(head.entry) };
  if (!head.root) return check("inclusion", "proof_invalid", { ...evidence, detail: "the path does not match index and size" });
  const since = head.shownBy && head.shownBy.time;
  if (isPast && since !== null && moment < since) return check("inclusion", "not_anchored", { ...evidence, anchoredAt: rfc3339(since) });
  return check("inclusion", "included", { ...evidence, path: path.map(toHex), compared: true }, { index: String(index), size: String(size) });
}

export function judgeAnchor(facts) {
  const { newest, content, receipt, head } = facts;
  const { log, proof, root } = head;
  if (!root) return check("anchor", "not_reached");
  const slot = headSlot(log, proof.size);
  const evidence = { contract: "RecordLog", log: toHex(log), size: proof.size, root: toHex(root), slot: "0x" + toHex(slot) };
  if (head.shownBy) return check("anchor", "head_on_chain", { ...evidence, ...blockEvidence(head.shownBy) }, { block: String(head.shownBy.block) });
  const { telling, words, since } = statesThatTell(facts, receipt);
  const [state, word] = [telling[telling.length - 1], words[words.length - 1]];
  if (!telling.length || (word === 0n && state !== newest)) return unread("anchor", facts, evidence);
  Object.assign(evidence, blockEvidence(state), { rootOnChain: word === 0n ? null : toHex(fromBig(word, 32)) });
  if (new Set(words.slice(since)).size > 1) return check("anchor", "proof_invalid", { ...evidence, detail: "an older block shows another log head of this log: the blocks are of different histories" });
  // The path or the content was changed; of the two explanations the graver one is told.
  return check("anchor", word && content ? "record_mismatch" : "proof_invalid", evidence);
}

export function judgeValidators(facts) {
  const { newest, trust, limit, failure } = facts;
  if (trust === null || (failure && failure.code === "issuer_unknown")) return check("validators", "issuer_unknown");
  if (!newest) return unread("validators", facts);
  const counts = { validators: newest.validators, signers: newest.signers };
  const evidence = { ...blockEvidence(newest), ...counts };
  return limit ? check("validators", "trust_stale", { ...evidence, detail: limit.en }, { detail: limit }) : check("validators", newest.assurance, evidence, counts);
}
