// Where the contracts keep what is proven, and how a history of words is read.

import { isBytes, join, utf8 } from "../encoding/bytes.js";
import { fromBig, toHex } from "../encoding/hex.js";
import { keccak256 } from "../hashing/keccak.js";
import { TABLE } from "../tables.js";

const slotOf = (key, position) => keccak256(key, isBytes(position) ? position : fromBig(BigInt(position), 32));
export const nested = (n, key, position) => slotOf(fromBig(BigInt(n), 32), slotOf(key, position));
const orgWord = (org) => join(utf8(org), new Uint8Array(14));
export const headSlot = (log, size) => nested(size, log, TABLE.positions.RecordLog._rootAt);
export const statusSlot = (log, index) => [nested(Math.floor(index / 64), log, TABLE.positions.RecordStatus._statusWordAt), 4 * (index % 64)];
export const logKeySlot = (org, n) => nested(n, orgWord(org), TABLE.positions.Organisations._logKeyAt);
export const permitSlot = (org, type, n) => nested(n, keccak256(orgWord(org), keccak256(utf8(type))), TABLE.positions.Organisations._permitAt);

// Every word of a history, oldest first; the first absent one shows that it is whole. null: not covered by the proof.
export function readHistory(state, contract, slot) {
  const words = [];
  for (;;) {
    const word = wordIn(state, contract, slot(words.length));
    if (word === undefined) return null;
    if (word === 0n) return words;
    words.push(word);
  }
}

export const wordIn = (state, contract, slot) => state.words.get(`${contract} ${toHex(slot)}`);
