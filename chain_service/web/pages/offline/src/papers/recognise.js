// What a paper is, told by its bytes and never by its name.

import { fromBase64 } from "../encoding/base64.js";
import { same, utf8 } from "../encoding/bytes.js";
import { readJson } from "../encoding/json.js";
import { Refused } from "../errors.js";
import { RECEIPT_TAG, TRUST_TAG } from "../receipts/messages.js";

export const MAX_PAPERS = 64;
export const MAX_ORIGINAL = 64 * 1024 * 1024; // of a file to compare
const MAX_TEXT = 1024 * 1024; // of a disclosure, and of a proof
const BOM = [0xef, 0xbb, 0xbf];
const MEMBER_OF = { record: "disclosure", salt: "disclosure", covered: "disclosure", open: "disclosure", revealed: "disclosure", entry: "proof", path: "proof", anchor: "proof", size: "proof", index: "proof" };
const NEVER_FIRST = ["index", "path", "size"]; // in a proof, and in others' lines of JSON they are
const UTF_16 = [["utf-16le", [0xff, 0xfe]], ["utf-16be", [0xfe, 0xff]]];
const BLANKS = [0x20, 0x09, 0x0d, 0x0a];

// What these bytes are, whatever they are called: receipt, trust, disclosure, proof or file.
export const recognise = (bytes) => kindOf(unwrapped(bytes));

// The paper that these bytes write, whatever an editor or a mail program made of it: JSON in UTF-8 without byte order mark,
// a receipt or trust file in binary; all else as it is.
export function unwrapped(bytes) {
  let text = same(bytes.subarray(0, 3), BOM) ? bytes.subarray(3) : bytes;
  const wide = UTF_16.find(([, mark]) => same(bytes.subarray(0, 2), mark));
  if (wide && bytes.length <= 2 * MAX_TEXT) text = utf8(new TextDecoder(wide[0]).decode(bytes));
  const begin = text.findIndex((byte) => !BLANKS.includes(byte));
  if (text[begin] === 0x7b) return text.length <= MAX_TEXT ? text : bytes;
  return rewritten(text, begin) || bytes;
}

// The receipt or trust file that the text writes in base64, however its lines are broken; null if it does not.
function rewritten(text, begin) {
  if (text.length > 2 * MAX_TEXT || (text[begin] !== 0x30 && text[begin] !== 0x32)) return null;
  const digits = new TextDecoder("latin1").decode(text.filter((byte) => !BLANKS.includes(byte)));
  const plain = digits.replace(/={0,2}$/, "");
  if (!/^[A-Za-z0-9+/]+$/.test(plain) || plain.length % 4 === 1) return null;
  const bytes = fromBase64(plain);
  return bytes[0] === RECEIPT_TAG[0] && bytes[1] === 0x84 ? bytes : same(bytes.subarray(0, 2), TRUST_TAG) ? bytes : null;
}

function kindOf(bytes) {
  if (bytes[0] === RECEIPT_TAG[0]) return "receipt";
  if (same(bytes.subarray(0, 2), TRUST_TAG)) return "trust";
  if (bytes.length > MAX_TEXT) return "file";
  const begin = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  if (!/^[ \t\n\r]*\{/.test(begin)) return "file";
  try {
    const names = [...readJson(bytes, MAX_TEXT).keys()];
    const count = (kind) => names.filter((name) => Object.hasOwn(MEMBER_OF, name) && MEMBER_OF[name] === kind).length;
    // Other files have an index, a path and a size, too.
    return count("disclosure") > 1 ? "disclosure" : count("proof") > 2 ? "proof" : "file";
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    // Cut off on its way, perhaps: its first member tells.
    const first = /^[ \t\n\r]*\{[ \t\n\r]*"([A-Za-z]{1,16})"?/.exec(begin);
    return first && Object.hasOwn(MEMBER_OF, first[1]) && !NEVER_FIRST.includes(first[1]) ? MEMBER_OF[first[1]] : "file";
  }
}
