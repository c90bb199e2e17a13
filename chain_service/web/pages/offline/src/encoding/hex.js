// Hex digits and whole numbers of any size, from bytes and back.

import { refuse } from "../errors.js";
import { matching } from "./predicates.js";

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
export const toHex = (bytes) => Array.from(bytes, (byte) => HEX[byte]).join("");
export const toBig = (bytes) => (bytes.length ? BigInt("0x" + toHex(bytes)) : 0n);
export const ascending = (list) => list.every((item, at) => at === 0 || toHex(list[at - 1]) < toHex(item));
export const distinct = (list) => new Set(list.map(toHex)).size === list.length;
export const bitLength = (big) => (big === 0n ? 0 : big.toString(2).length);

export function fromHex(text) {
  return Uint8Array.from(text.match(/../g) || [], (pair) => parseInt(pair, 16));
}

export function fromBig(big, length) {
  return fromHex(big.toString(16).padStart(2 * length, "0"));
}

export const HEX64 = matching("[0-9a-f]{64}");
export const hex32 = (value) => (HEX64(value) ? fromHex(value) : refuse("64 lower-case hex digits are needed"));
export const hexOf = (text, length) => (typeof text === "string" && new RegExp(`^0x[0-9a-fA-F]{${2 * length}}$`).test(text) ? fromHex(text.slice(2)) : refuse("0x and hex digits are needed"));
