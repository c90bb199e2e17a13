// What is hashed of a record: its members, its body, its entry in a log.

import { utf8 } from "../encoding/bytes.js";
import { fromBig, toHex } from "../encoding/hex.js";
import { jcs } from "../encoding/json.js";
import { sha256 } from "../hashing/webcrypto.js";

const tagged = (tag) => utf8(`chain_service/${tag}/1\0`);
export const memberDigest = async (key, value) => toHex(await sha256(tagged("member"), key, utf8(jcs(value))));
export const bodyDigest = (key, open, covered) => sha256(tagged("record"), key, utf8(jcs(new Map([["open", open], ["covered", covered]]))));
const u64 = (number) => fromBig(BigInt(number), 8);

export function recordEntry(log, index, digest) {
  return sha256(tagged("entry"), log, u64(index), digest);
}
