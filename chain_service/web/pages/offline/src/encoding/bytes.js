// Byte strings: made, joined, compared, and read as text.

import { refuse } from "../errors.js";

export const utf8 = (text) => new TextEncoder().encode(text);
export const isBytes = (value) => value instanceof Uint8Array;
export const same = (one, other) => one.length === other.length && one.every((byte, at) => byte === other[at]);

export function join(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function readUtf8(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return refuse("the text is not UTF-8");
  }
}

export const isZero = (bytes) => bytes.every((byte) => byte === 0);
