// The name of a log: its organisation and its generation, in 32 bytes.

import { isBytesOf } from "../encoding/predicates.js";
import { refuse } from "../errors.js";
import { ORG_CODE } from "../records/identifiers.js";

export function readLogId(log) {
  if (!isBytesOf(log, 32) || log.subarray(18, 28).some((byte) => byte)) refuse("a log id is 18 characters, 10 zero bytes and a generation");
  const org = String.fromCharCode(...log.subarray(0, 18));
  return ORG_CODE.test(org) ? org : refuse("a log id names no organisation");
}
