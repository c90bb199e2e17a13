// What is looked for in a PDF: receipts attached to it, and where it ended before something was appended.

import { join, same, utf8 } from "../encoding/bytes.js";
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

const MAX_RECEIPT = 256 * 1024;
const MOST_TRIED = 16; // of streams that may be receipts, and of packed ones: the end of each may be far
const PIECE = 1024; // bytes that are unpacked at a time, to a thousand times as many at most
const STREAM = utf8("stream");
const END = utf8("endstream");
const beginsAt = (bytes, at, word) => word.every((byte, i) => bytes[at + i] === byte);

function wordFrom(bytes, word, from) {
  for (let at = bytes.indexOf(word[0], from); at >= 0; at = bytes.indexOf(word[0], at + 1)) if (beginsAt(bytes, at, word)) return at;
  return -1;
}

// What stands before a stream: its dictionary, if that is not long.
function dictionaryAt(bytes, at) {
  const before = bytes.subarray(Math.max(0, at - 1024), at);
  const text = new TextDecoder("latin1").decode(before);
  return text.slice(text.lastIndexOf("obj") + 3);
}

// Where a stream ends that begins here: as its dictionary says, else before the line end that precedes `endstream`.
function endOf(bytes, from, dictionary) {
  const stated = /\/Length (\d{1,9})(?!\d| \d+ R)/.exec(dictionary);
  const end = stated ? from + Number(stated[1]) : -1;
  if (stated && [0, 1, 2].some((more) => beginsAt(bytes, end + more, END))) return end;
  const found = wordFrom(bytes, END, from);
  if (found < 0) return -1;
  const line = bytes[found - 1] === 10 ? (bytes[found - 2] === 13 ? 2 : 1) : bytes[found - 1] === 13 ? 1 : 0;
  return found - line;
}

// What a packed stream holds (RFC 1950), if that is no more than a receipt may have; else null.
async function inflated(packed) {
  if (typeof DecompressionStream === "undefined" || packed.length > MAX_RECEIPT) return null;
  const stream = new DecompressionStream("deflate");
  const writer = stream.writable.getWriter();
  const feed = async () => {
    for (let at = 0; at < packed.length; at += PIECE) await writer.write(packed.subarray(at, at + PIECE));
    await writer.close();
  };
  const fed = feed().catch(() => null);
  const reader = stream.readable.getReader();
  const parts = [];
  try {
    for (let length = 0; ; ) {
      const { done, value } = await reader.read();
      if (done) return join(...parts);
      length += value.length;
      if (length > MAX_RECEIPT) return null;
      parts.push(value);
    }
  } catch {
    return null; // no such stream, or a damaged one
  } finally {
    reader.cancel().catch(() => null);
    await fed;
  }
}

// The receipts in a PDF's streams, as they are or packed as an attached file; nothing else of the file is read.
export async function receiptsIn(bytes) {
  if (!same(bytes.subarray(0, 5), utf8("%PDF-"))) return [];
  const found = new Map();
  let [plain, packed] = [0, 0];
  for (let at = wordFrom(bytes, STREAM, 0); at >= 0; at = wordFrom(bytes, STREAM, at + 1)) {
    if (beginsAt(bytes, at - 3, END)) continue;
    const from = at + 6 + (bytes[at + 6] === 13 ? 2 : 1);
    const isPlain = bytes[from] === RECEIPT_TAG[0] && bytes[from + 1] === 0x84;
    const dictionary = isPlain || (bytes[from] & 0x0f) === 8 ? dictionaryAt(bytes, at) : "";
    const isPacked = !isPlain && /\/EmbeddedFile\b|\/application#2[fF]cose\b/.test(dictionary) && /\/FlateDecode\b/.test(dictionary);
    if (isPlain ? ++plain > MOST_TRIED : !isPacked || ++packed > MOST_TRIED) continue;
    const end = endOf(bytes, from, dictionary);
    const content = end < 0 ? null : isPlain ? bytes.subarray(from, end) : await inflated(bytes.subarray(from, end));
    if (content && content[0] === RECEIPT_TAG[0] && content.length <= MAX_RECEIPT) found.set(toHex(content), content);
  }
  return [...found.values()];
}
