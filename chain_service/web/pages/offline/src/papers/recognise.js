// What a paper is, told by its bytes and never by its name.

import { same } from "../encoding/bytes.js";
import { readJson } from "../encoding/json.js";
import { Refused } from "../errors.js";
import { RECEIPT_TAG, TRUST_TAG } from "../receipts/messages.js";

export const MAX_PAPERS = 64;
export const MAX_ORIGINAL = 64 * 1024 * 1024; // of a file to compare
const MAX_TEXT = 1024 * 1024; // of a disclosure, and of a proof
const BOM = [0xef, 0xbb, 0xbf];
const MEMBER_OF = { record: "disclosure", salt: "disclosure", covered: "disclosure", open: "disclosure", revealed: "disclosure", entry: "proof", path: "proof", anchor: "proof", size: "proof", index: "proof" };
export const withoutBom = (bytes) => (same(bytes.subarray(0, 3), BOM) ? bytes.subarray(3) : bytes);

// What these bytes are, whatever they are called: receipt, trust, disclosure, proof or file.
export function recognise(bytes) {
  if (bytes[0] === RECEIPT_TAG[0]) return "receipt";
  if (same(bytes.subarray(0, 2), TRUST_TAG)) return "trust";
  if (bytes.length > MAX_TEXT + 3) return "file";
  const text = withoutBom(bytes);
  const begin = new TextDecoder("utf-8", { ignoreBOM: true }).decode(text.subarray(0, 256));
  if (!/^[ \t\n\r]*\{/.test(begin)) return "file";
  try {
    const names = [...readJson(text, MAX_TEXT).keys()];
    return ["disclosure", "proof"].find((kind) => names.filter((name) => Object.hasOwn(MEMBER_OF, name) && MEMBER_OF[name] === kind).length > 1) || "file";
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    // Cut off on its way, perhaps: its first member tells.
    const first = /^[ \t\n\r]*\{[ \t\n\r]*"([A-Za-z]{1,16})"?/.exec(begin);
    return first && Object.hasOwn(MEMBER_OF, first[1]) ? MEMBER_OF[first[1]] : "file";
  }
}
