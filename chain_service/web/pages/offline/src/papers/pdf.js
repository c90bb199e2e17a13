// What is looked for in a PDF: receipts attached to it, and where it ended before something was appended.

import { same, utf8 } from "../encoding/bytes.js";
import { toHex } from "../encoding/hex.js";
import { sm3 } from "../hashing/sm3.js";
import { sha256 } from "../hashing/webcrypto.js";
import { RECEIPT_TAG } from "../receipts/messages.js";
import { agrees } from "../records/files.js";

// The same bytes up to one of the last places where a PDF ended before something was appended: {digests} of one that a
// record lists. This page does not read what was appended.
export async function endsAs(bytes, listed) {
  if (!same(bytes.subarray(0, 5), utf8("%PDF-"))) return false;
  const mark = utf8("%%EOF");
  let tries = 0;
  for (let at = bytes.length - 5; at > 0 && tries < 16; at--) {
    if (bytes[at] !== 0x25 || !same(bytes.subarray(at, at + 5), mark)) continue;
    tries++;
    const ends = [0, 1, 2].map((more) => at + 5 + more).filter((end, more) => end < bytes.length && [...bytes.subarray(at + 5, at + 5 + more)].every((byte) => byte === 10 || byte === 13));
    for (const end of ends) {
      const part = bytes.subarray(0, end);
      const digests = { "sha-256": toHex(await sha256(part)) };
      if (listed.some((known) => !Object.hasOwn(known, "sha-256"))) digests.sm3 = toHex(await sm3(part));
      if (listed.some((known) => agrees(digests, known))) return true;
    }
  }
  return false;
}

// The receipts that lie as they are in a PDF's streams; nothing else of the file is read, and packed ones are not found.
export function receiptsIn(bytes) {
  if (!same(bytes.subarray(0, 5), utf8("%PDF-"))) return [];
  const [begin, end] = [utf8("stream"), utf8("endstream")];
  const startsWith = (at, word) => word.every((byte, i) => bytes[at + i] === byte);
  const found = new Map();
  let from = -1;
  for (let at = bytes.indexOf(begin[0]); at >= 0 && found.size < 16; at = bytes.indexOf(begin[0], at + 1)) {
    if (!startsWith(at, begin)) continue;
    const isEnd = at >= 3 && startsWith(at - 3, end);
    if (isEnd && from >= 0) {
      const line = bytes[at - 4] === 10 ? (bytes[at - 5] === 13 ? 2 : 1) : bytes[at - 4] === 13 ? 1 : 0;
      const receipt = bytes.subarray(from, at - 3 - line);
      found.set(toHex(receipt), receipt);
      from = -1;
    }
    const content = at + 6 + (bytes[at + 6] === 13 ? 2 : 1);
    if (!isEnd) from = bytes[content] === RECEIPT_TAG[0] ? content : -1;
  }
  return [...found.values()];
}
