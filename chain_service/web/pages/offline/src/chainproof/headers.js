// Block headers, whatever the consensus.

import { isBytes } from "../encoding/bytes.js";
import { toBig } from "../encoding/hex.js";
import { readRlpList, rlpInteger } from "../encoding/rlp.js";
import { refuse } from "../errors.js";
import { keccak256 } from "../hashing/keccak.js";

export const NO_OMMERS = keccak256([0xc0]);

// Length of every field: 0 any, negative an integer of so many bits. 15 Berlin, 16 London, 17 Shanghai, 20 Cancun, 21 Prague.
const FIELDS = [32, 32, 20, 32, 32, 32, 256, -256, -64, -64, -64, -64, 0, 32, 8, -256, 32, -64, -64, 32, 32];

export function readHeader(raw) {
  if (raw.length > 4096) refuse("header is too large");
  const fields = readRlpList(raw);
  if (![15, 16, 17, 20, 21].includes(fields.length)) refuse("a header has 15, 16, 17, 20 or 21 fields");
  fields.forEach((field, i) => {
    if (!isBytes(field)) refuse("a header field is a list");
    if (FIELDS[i] > 0 && field.length !== FIELDS[i]) refuse("a header field has the wrong length");
    if (FIELDS[i] < 0) rlpInteger(field, -FIELDS[i]);
  });
  const [number, time] = [toBig(fields[8]), toBig(fields[11])];
  return { raw, fields, number, time, parent: fields[0], coinbase: fields[2], stateRoot: fields[3], extra: fields[12] };
}
