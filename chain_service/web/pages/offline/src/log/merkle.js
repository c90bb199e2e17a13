// The log: RFC 9162 §2.1, SHA-256.

import { bitLength } from "../encoding/hex.js";
import { refuse } from "../errors.js";
import { sha256 } from "../hashing/webcrypto.js";

export const leafHash = (entry) => sha256([0], entry);

export async function rootFromInclusion(leaf, { index, size, path }) {
  if (!(index < size)) refuse("the proof's index is not below its size");
  const place = BigInt(index);
  const inner = bitLength(place ^ BigInt(size - 1));
  const above = (place >> BigInt(inner)).toString(2).replaceAll("0", "").length;
  if (path.length !== inner + above) refuse("the proof has too few or too many hashes");
  let node = leaf;
  for (let level = 0; level < path.length; level++) {
    const isLeft = level < inner && ((place >> BigInt(level)) & 1n) === 0n;
    node = isLeft ? await sha256([1], node, path[level]) : await sha256([1], path[level], node);
  }
  return node;
}
