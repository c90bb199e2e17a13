// secp256k1: whose key made a seal (SEC 1 §4.1.6). Verification only, so time need not be constant.

import { join } from "../encoding/bytes.js";
import { fromBig, toBig } from "../encoding/hex.js";
import { refuse } from "../errors.js";
import { keccak256 } from "./keccak.js";

const P = 2n ** 256n - 2n ** 32n - 977n;
const N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

const G = [
  0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798n,
  0x483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8n,
];

const mod = (value, m) => ((value % m) + m) % m;

function inverse(value, m) {
  let [a, b, x, y] = [mod(value, m), m, 1n, 0n];
  while (a > 1n) {
    const q = b / a;
    [a, b, x, y] = [b % a, a, y - q * x, x];
  }
  return mod(x, m);
}

function power(base, exponent) {
  let result = 1n;
  for (const bit of exponent.toString(2)) {
    result = (result * result) % P;
    if (bit === "1") result = (result * base) % P;
  }
  return result;
}

// Points are Jacobian: [X, Y, Z] stands for (X/Z², Y/Z³); Z = 0 is the point at infinity.
function doubled([x, y, z]) {
  const yy = (y * y) % P;
  const s = (4n * x * yy) % P;
  const m = (3n * x * x) % P;
  const x3 = (m * m - 2n * s) % P;
  return [x3, (m * (s - x3) - 8n * yy * yy) % P, (2n * y * z) % P];
}

function plus(one, other) {
  const [x1, y1, z1] = one;
  const [x2, y2, z2] = other;
  if (z1 === 0n) return other;
  if (z2 === 0n) return one;
  const zz1 = (z1 * z1) % P;
  const zz2 = (z2 * z2) % P;
  const u1 = (x1 * zz2) % P;
  const s1 = (y1 * zz2 * z2) % P;
  const h = mod(x2 * zz1 - u1, P);
  const r = mod(y2 * zz1 * z1 - s1, P);
  if (h === 0n) return r === 0n ? doubled(one) : [1n, 1n, 0n];
  const hh = (h * h) % P;
  const hhh = (h * hh) % P;
  const v = (u1 * hh) % P;
  const x3 = (r * r - hhh - 2n * v) % P;
  return [x3, (r * (v - x3) - s1 * hhh) % P, (h * z1 * z2) % P];
}

function multiples(point) {
  const table = [[1n, 1n, 0n], point];
  while (table.length < 16) table.push(plus(table[table.length - 1], point));
  return table;
}

const TIMES_G = multiples([...G, 1n]);

// a·G + b·Q, four bits of both at a time.
function combined(a, b, q) {
  const timesQ = multiples(q);
  const digits = [a, b].map((scalar) => scalar.toString(16).padStart(64, "0"));
  let sum = [1n, 1n, 0n];
  for (let at = 0; at < 64; at++) {
    if (sum[2] !== 0n) for (let i = 0; i < 4; i++) sum = doubled(sum);
    sum = plus(plus(sum, TIMES_G[parseInt(digits[0][at], 16)]), timesQ[parseInt(digits[1][at], 16)]);
  }
  return sum;
}

// The 64-byte public key under a seal r ‖ s ‖ v with v 0 or 1.
function recover(digest, seal) {
  const [r, s, v] = [toBig(seal.subarray(0, 32)), toBig(seal.subarray(32, 64)), seal[64]];
  if (seal.length !== 65 || v > 1) refuse("the last byte of a seal is 0 or 1");
  if (r === 0n || s === 0n || r >= N || s >= N) refuse("a seal is not a signature");
  const square = (r * r * r + 7n) % P;
  const root = power(square, (P + 1n) / 4n);
  if ((root * root) % P !== square) refuse("a seal is not a signature");
  const y = (root & 1n) === BigInt(v) ? root : P - root;
  const w = inverse(r, N);
  const [qx, qy, qz] = combined(mod(-toBig(digest) * w, N), mod(s * w, N), [r, y, 1n]);
  if (qz === 0n) refuse("a seal is not a signature");
  const z = inverse(qz, P);
  return join(fromBig(mod(qx * z * z, P), 32), fromBig(mod(qy * z * z * z, P), 32));
}

export const recoverAddress = (digest, seal) => keccak256(recover(digest, seal)).subarray(12);
