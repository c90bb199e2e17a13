// Evidence as receipts carry it.

import { isBytes } from "../encoding/bytes.js";
import { labelled } from "../encoding/cbor.js";
import { ascending } from "../encoding/hex.js";
import { isBytesOf, isListOf } from "../encoding/predicates.js";
import { refuse } from "../errors.js";
import { FORMS } from "./consensus.js";
import { requireVerifiable } from "./trust.js";

export function readEvidence(value) {
  labelled(value, [1, 2, 3, 4, 5, 6], [7, 8], "evidence");
  const [form, chainId, genesis] = [value.get(1), value.get(2), value.get(3)];
  requireVerifiable(form);
  if (typeof form !== "string" || !Object.hasOwn(FORMS, form)) refuse("the format of this evidence is unknown");
  if (!["number", "bigint"].includes(typeof chainId) || chainId < 0) refuse("a chain id is a whole number");
  if (!isBytesOf(genesis, 32)) refuse("a block hash has 32 bytes");
  if (value.has(7) && (typeof value.get(7) !== "string" || [...value.get(7)].length > 16384)) refuse("a checkpoint is text");
  if (value.has(8)) byteStrings(value.get(8), 4, 16384);
  const headers = byteStrings(FORMS[form].hasSingleHeader ? [value.get(4)] : value.get(4), 16, 4096);
  const nodes = byteStrings(value.get(5), 1024, 1024);
  const accounts = value.get(6);
  const isSlots = (slots) => isListOf(slots, (slot) => isBytesOf(slot, 32), 1024) && ascending(slots);
  const isAccount = (item) => Array.isArray(item) && item.length === 2 && isBytesOf(item[0], 20) && isSlots(item[1]);
  if (!isListOf(accounts, isAccount, 64) || !accounts.length || !ascending(accounts.map(([address]) => address))) refuse("accounts are malformed");
  if (accounts.reduce((sum, [, slots]) => sum + slots.length, 0) > 1024) refuse("there are too many slots");
  return { form, chainId: BigInt(chainId), genesis, headers, nodes, accounts: accounts.map(([address, slots]) => ({ address, slots })), outside: value.has(7) || value.has(8) };
}

function byteStrings(value, most, longest) {
  const fits = isListOf(value, (item) => isBytes(item) && item.length <= longest, most) && value.length > 0;
  return fits ? value : refuse("a list of byte strings is needed");
}
