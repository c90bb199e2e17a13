// keccak-256: the permutation of FIPS 202 with the first padding, as Ethereum uses it.

import { join } from "../encoding/bytes.js";

const KECCAK = (() => {
  const places = [];
  const turns = [];
  for (let x = 1, y = 0, t = 0; t < 24; t++) {
    places.push(x + 5 * y);
    turns.push((((t + 1) * (t + 2)) / 2) % 64);
    [x, y] = [y, (2 * x + 3 * y) % 5];
  }
  const constants = [];
  for (let round = 0, register = 1; round < 24; round++) {
    const word = [0, 0];
    for (let j = 0; j < 7; j++) {
      const bit = (1 << j) - 1;
      if (register & 1) word[bit >> 5] |= 1 << (bit & 31);
      register = register & 0x80 ? ((register << 1) ^ 0x171) & 0xff : register << 1;
    }
    constants.push(word);
  }
  return { places, turns, constants };
})();

function keccakRounds(s) {
  const { places, turns, constants } = KECCAK;
  const sums = new Int32Array(10);
  const row = new Int32Array(10);
  for (let round = 0; round < 24; round++) {
    for (let x = 0; x < 10; x++) sums[x] = s[x] ^ s[x + 10] ^ s[x + 20] ^ s[x + 30] ^ s[x + 40];
    for (let x = 0; x < 5; x++) {
      const left = 2 * ((x + 4) % 5);
      const right = 2 * ((x + 1) % 5);
      const low = sums[left] ^ ((sums[right] << 1) | (sums[right + 1] >>> 31));
      const high = sums[left + 1] ^ ((sums[right + 1] << 1) | (sums[right] >>> 31));
      for (let y = 0; y < 50; y += 10) {
        s[2 * x + y] ^= low;
        s[2 * x + y + 1] ^= high;
      }
    }
    let low = s[2];
    let high = s[3];
    for (let t = 0; t < 24; t++) {
      const at = 2 * places[(t + 1) % 24];
      const n = turns[t] & 31; // never 0
      const [one, other] = turns[t] < 32 ? [low, high] : [high, low];
      const turnedLow = (one << n) | (other >>> (32 - n));
      const turnedHigh = (other << n) | (one >>> (32 - n));
      low = s[at];
      high = s[at + 1];
      s[at] = turnedLow;
      s[at + 1] = turnedHigh;
    }
    for (let y = 0; y < 50; y += 10) {
      for (let i = 0; i < 10; i++) row[i] = s[y + i];
      for (let i = 0; i < 10; i++) s[y + i] = row[i] ^ (~row[(i + 2) % 10] & row[(i + 4) % 10]);
    }
    s[0] ^= constants[round][0];
    s[1] ^= constants[round][1];
  }
}

export function keccak256(...parts) {
  const message = join(...parts);
  const padded = new Uint8Array((Math.floor(message.length / 136) + 1) * 136);
  padded.set(message);
  padded[message.length] ^= 0x01;
  padded[padded.length - 1] ^= 0x80;
  const words = new DataView(padded.buffer);
  const state = new Int32Array(50);
  for (let block = 0; block < padded.length; block += 136) {
    for (let i = 0; i < 34; i++) state[i] ^= words.getInt32(block + 4 * i, true);
    keccakRounds(state);
  }
  const digest = new DataView(new ArrayBuffer(32));
  for (let i = 0; i < 8; i++) digest.setInt32(4 * i, state[i], true);
  return new Uint8Array(digest.buffer);
}
