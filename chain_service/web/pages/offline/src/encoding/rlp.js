// RLP with exactly one encoding per value.

import { refuse } from "../errors.js";
import { isBytes, join } from "./bytes.js";
import { bitLength, fromBig, toBig } from "./hex.js";

export function readRlp(data) {
  const [item, end] = rlpItem(data, 0, data.length, 0);
  return end === data.length ? item : refuse("RLP has trailing bytes");
}

export function readRlpList(data) {
  const item = readRlp(data);
  return Array.isArray(item) ? item : refuse("RLP must be a list");
}

function rlpItem(data, at, end, depth) {
  if (at >= end) refuse("RLP is truncated");
  const first = data[at];
  if (first < 0x80) return [data.subarray(at, at + 1), at + 1];
  const isList = first >= 0xc0;
  const short = first - (isList ? 0xc0 : 0x80);
  let start = at + 1;
  let length = short;
  if (short > 55) {
    start += short - 55;
    if (start > end) refuse("RLP is truncated");
    const big = toBig(data.subarray(at + 1, start));
    if (big < 56n || data[at + 1] === 0) refuse("RLP length is not minimal");
    if (big > BigInt(end - start)) refuse("RLP is truncated");
    length = Number(big);
  }
  const stop = start + length;
  if (stop > end) refuse("RLP is truncated");
  if (!isList) {
    if (short === 1 && data[start] < 0x80) refuse("RLP gives a prefix to a single byte below 0x80");
    return [data.subarray(start, stop), stop];
  }
  if (depth === 8) refuse("RLP is nested too deeply");
  const items = [];
  while (start < stop) {
    const [item, next] = rlpItem(data, start, stop, depth + 1);
    items.push(item);
    start = next;
  }
  return [items, stop];
}

export function writeRlp(item) {
  if (isBytes(item) && item.length === 1 && item[0] < 0x80) return item;
  const payload = isBytes(item) ? item : join(...item.map(writeRlp));
  const offset = isBytes(item) ? 0x80 : 0xc0;
  if (payload.length < 56) return join([offset + payload.length], payload);
  const size = rlpNumber(BigInt(payload.length));
  return join([offset + 55 + size.length], size, payload);
}

function rlpNumber(big) {
  return big === 0n ? new Uint8Array() : fromBig(big, Math.ceil(bitLength(big) / 8));
}

export function rlpInteger(item, bits = 256) {
  if (!isBytes(item) || item[0] === 0 || item.length * 8 > bits) refuse("RLP integer is not minimal or too large");
  return toBig(item);
}
