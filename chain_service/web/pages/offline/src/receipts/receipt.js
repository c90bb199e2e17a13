// Receipts (RFC 9942).

import { readEvidence } from "../chainproof/evidence_cbor.js";
import { isBytes } from "../encoding/bytes.js";
import { labelled, readCbor } from "../encoding/cbor.js";
import { fromHex } from "../encoding/hex.js";
import { atMost, isBytesOf, isListOf, isNumber } from "../encoding/predicates.js";
import { LAST_SECOND } from "../encoding/times.js";
import { refuse } from "../errors.js";
import { readLogId } from "../log/log_id.js";
import { readMessage, RECEIPT_TAG } from "./messages.js";

const INCLUSION_LABEL = 396;
const EVIDENCE_LABEL = -65601;
const PLACE_LABEL = -65602;

export function readReceipt(data) {
  // 1. bounded, tagged COSE_Sign1 with a detached payload
  const [head, unprotected, payload, signature] = readMessage(data, RECEIPT_TAG, 4, "the receipt");
  if (payload !== null || !isBytesOf(signature, 64) || !isBytes(head)) refuse("a receipt has no payload and a signature of 64 bytes");
  // 2. what is signed
  const signed = labelled(readCbor(head, "the protected header"), [1, 4, 15, 395, PLACE_LABEL], [], "the protected header");
  const claims = labelled(signed.get(15), [1, 2, 6], [], "the claims");
  const issuer = typeof claims.get(1) === "string" && /^eip155:(0|[1-9][0-9]{0,18}):0x([0-9a-f]{40})$/.exec(claims.get(1));
  const [recordId, issuedAt, place] = [claims.get(2), claims.get(6), signed.get(PLACE_LABEL)];
  if (signed.get(1) !== -8 || signed.get(395) !== 1 || !isBytesOf(signed.get(4), 8) || !issuer) refuse("a receipt's algorithm, log structure, key id or issuer is wrong");
  if (typeof recordId !== "string" || !atMost(recordId, 100) || !isNumber(issuedAt) || issuedAt > LAST_SECOND) refuse("a receipt's record id or time is malformed");
  if (!isListOf(place, (item) => item !== null, 3) || place.length !== 3 || !isNumber(place[1]) || !isNumber(place[2])) refuse("a receipt's place is malformed");
  const org = readLogId(place[0]);
  // 3. what is not
  if (!(unprotected instanceof Map)) refuse("the unprotected header is a map");
  for (const label of unprotected.keys()) {
    if (label !== INCLUSION_LABEL && label !== EVIDENCE_LABEL && label > -65537) refuse("the unprotected header has an unknown label");
  }
  const proofs = labelled(unprotected.get(INCLUSION_LABEL), [-1], [], "the proofs").get(-1);
  if (!isListOf(proofs, isBytes, 1) || !proofs.length) refuse("a receipt has one inclusion proof");
  const inclusion = readCbor(proofs[0], "the inclusion proof");
  if (!isListOf(inclusion, (item) => item !== null, 3) || inclusion.length !== 3) refuse("an inclusion proof is size, index and path");
  const [size, index, path] = inclusion;
  if (!isListOf(path, (node) => isBytesOf(node, 32), 64)) refuse("a path has at most 64 hashes");
  const blocks = unprotected.get(EVIDENCE_LABEL);
  if (!isListOf(blocks, (block) => block instanceof Map, 2) || blocks.length < 1) refuse("a receipt has the evidence of one block or two");
  // 4. size and index are the signed ones
  if (size !== place[1] || index !== place[2]) refuse("the proof is for another size or index than was signed");
  return {
    chainId: BigInt(issuer[1]),
    contract: fromHex(issuer[2]),
    recordId,
    issuedAt,
    log: place[0],
    org,
    proof: { index, size, path },
    keyId: signed.get(4),
    head,
    signature,
    blocks: blocks.map(readEvidence),
  };
}
