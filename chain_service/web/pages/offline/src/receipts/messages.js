// COSE messages (RFC 9052): what receipts and trust files have in common.

import { same } from "../encoding/bytes.js";
import { readCbor } from "../encoding/cbor.js";
import { refuse } from "../errors.js";
import { sha256 } from "../hashing/webcrypto.js";

export const RECEIPT_TAG = [0xd2]; // 18, COSE_Sign1
export const TRUST_TAG = [0xd8, 0x62]; // 98, COSE_Sign
export const MAX_FILE = 256 * 1024; // of a receipt, and of a trust file

export async function keyId(publicKey) {
  return (await sha256(publicKey)).subarray(0, 8);
}

// An untagged COSE message of so many parts behind the one byte or two that tag it.
export function readMessage(data, tag, parts, what) {
  if (data.length > MAX_FILE) refuse(`${what} has at most ${MAX_FILE} bytes`);
  if (!same(data.subarray(0, tag.length), tag)) refuse(`${what} has another tag`);
  const message = readCbor(data.subarray(tag.length), what);
  return Array.isArray(message) && message.length === parts ? message : refuse(`${what} has ${parts} parts`);
}
