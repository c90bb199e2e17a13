// Papers as they are presented, read.

import { fromHex, hex32, HEX64, toHex } from "../encoding/hex.js";
import { object, readJson } from "../encoding/json.js";
import { isListOf, isNumber } from "../encoding/predicates.js";
import { CannotTell, refuse, Unsigned } from "../errors.js";
import { sm3 } from "../hashing/sm3.js";
import { sha256 } from "../hashing/webcrypto.js";
import { readLogId } from "../log/log_id.js";
import { leafHash, rootFromInclusion } from "../log/merkle.js";
import { readTrust } from "../receipts/trust_file.js";
import { examineDisclosure, failureOf } from "../verdicts/inputs.js";
import { recognise, unwrapped } from "./recognise.js";

// A paper {kind, name, …}: its trust file, content, receipt's bytes, proof or digests, or the failure that says why not.
export async function readPaper(name, handed) {
  const kind = recognise(handed);
  const bytes = kind === "file" ? handed : unwrapped(handed);
  if (kind === "receipt") return { kind, name, bytes };
  if (kind === "disclosure") return { kind, name, ...(await examineDisclosure(bytes)) };
  if (kind === "file") return { kind, name, bytes, digests: bytes.length ? { "sha-256": toHex(await sha256(bytes)), sm3: toHex(await sm3(bytes)) } : null };
  const paper = { kind, name, failure: null };
  try {
    if (kind === "trust") paper.trust = { ...(await readTrust(bytes)), bytes };
    else paper.proof = await readProof(bytes);
  } catch (error) {
    const readable = kind === "proof" || error instanceof Unsigned;
    paper.failure = failureOf(error, error instanceof CannotTell ? error.code : readable ? "proof_invalid" : "unreadable", kind);
  }
  return paper;
}

// A proof as `GET /v1/records/{id}/proof` answers it. It carries no validators' seals: it can contradict itself, and
// prove nothing.
async function readProof(bytes) {
  const value = object(readJson(bytes, 64 * 1024), 64);
  if (value.has("recordId") && value.has("keyId")) throw new CannotTell("this is a receipt as readable text; present the .receipt file itself", "finality_unproven");
  const anchor = object(value.get("anchor"), 64);
  const [index, size, path] = [value.get("index"), value.get("size"), value.get("path")];
  if (!isNumber(index) || !isNumber(size) || !isListOf(path, HEX64, 64)) refuse("a proof is index, size and a path of hashes");
  const [log, entry] = [hex32(anchor.get("log")), hex32(value.get("entry"))];
  const proof = { index, size, path: path.map(fromHex) };
  const root = await rootFromInclusion(await leafHash(entry), proof);
  const stated = anchor.get("root");
  if (index < 1 || (stated !== undefined && stated !== toHex(root)) || (anchor.has("size") && anchor.get("size") !== size)) refuse("the proof does not give the log head that it names");
  return { isProof: true, recordId: "", log, org: readLogId(log), proof, entry, root };
}
