// CBOR in its deterministic encoding (RFC 8949 §4.2.1): integers, bytes, text, lists, maps, null.

import { refuse } from "../errors.js";
import { isBytes, join, readUtf8, utf8 } from "./bytes.js";
import { fromBig, toBig, toHex } from "./hex.js";

const MAX_CBOR_DEPTH = 8;

export function readCbor(data, what) {
  const reader = { data, at: 0, what };
  const value = cborItem(reader, MAX_CBOR_DEPTH);
  return reader.at === data.length ? value : refuse(`${what} has trailing bytes`);
}

function cborHead(reader) {
  const { data, what } = reader;
  if (reader.at >= data.length) refuse(`${what} is truncated`);
  const first = data[reader.at++];
  const short = first & 31;
  if (short < 24) return [first >> 5, short];
  const size = 1 << (short - 24);
  if (short > 27 || reader.at + size > data.length) refuse(`${what} is truncated or not definite`);
  const value = toBig(data.subarray(reader.at, reader.at + size));
  reader.at += size;
  if (value < (size === 1 ? 24n : 1n << BigInt(4 * size))) refuse(`${what} is not in its shortest form`);
  return [first >> 5, value <= 2n ** 53n - 1n ? Number(value) : value];
}

function cborItem(reader, depth) {
  const { data, what } = reader;
  const begin = reader.at;
  const [major, value] = cborHead(reader);
  if (major === 0) return value;
  if (major === 1) return typeof value === "number" && value < 2 ** 53 - 1 ? -1 - value : -1n - BigInt(value);
  if (major === 7 && data[begin] === 0xf6) return null;
  if (major > 5) refuse(`${what} holds a tag or simple value that does not belong there`);
  if (typeof value !== "number" || value > data.length - reader.at) refuse(`${what} is truncated`);
  if (major < 4) {
    const bytes = data.subarray(reader.at, reader.at + value);
    reader.at += value;
    return major === 2 ? bytes : readUtf8(bytes);
  }
  if (depth === 0) refuse(`${what} is nested too deep`);
  if (major === 4) return Array.from({ length: value }, () => cborItem(reader, depth - 1));
  const map = new Map();
  let before = "";
  for (let i = 0; i < value; i++) {
    const from = reader.at;
    const key = cborItem(reader, depth - 1);
    const written = toHex(data.subarray(from, reader.at));
    if (!["number", "bigint"].includes(typeof key) || written <= before) refuse(`${what} has map keys that are not integers or not in order`);
    before = written;
    map.set(key, cborItem(reader, depth - 1));
  }
  return map;
}

export function writeCbor(value) {
  if (typeof value === "string") return join(cborLength(3, utf8(value).length), utf8(value));
  if (isBytes(value)) return join(cborLength(2, value.length), value);
  return join(cborLength(4, value.length), ...value.map(writeCbor));
}

function cborLength(major, length) {
  const size = length < 24 ? 0 : length < 256 ? 1 : length < 65536 ? 2 : 4;
  const short = size ? 23 + Math.log2(size) + 1 : length;
  return join([(major << 5) | short], size ? fromBig(BigInt(length), size) : []);
}

// The arguments as a map with exactly these labels, those in `optional` perhaps.
export function labelled(value, required, optional, what) {
  if (!(value instanceof Map)) refuse(`${what} must be a map`);
  for (const label of required) if (!value.has(label)) refuse(`${what} lacks a label`);
  for (const label of value.keys()) if (![...required, ...optional].includes(label)) refuse(`${what} has an unknown label`);
  return value;
}
