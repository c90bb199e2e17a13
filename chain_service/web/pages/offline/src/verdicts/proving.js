// What a receipt's evidence proves, and whether it covers what judging needs.

import { verifyEvidence } from "../chainproof/evidence.js";
import { headSlot, logKeySlot, permitSlot, readHistory, statusSlot, wordIn } from "../chainproof/storage_layout.js";
import { same } from "../encoding/bytes.js";
import { fromBig, toBig } from "../encoding/hex.js";
import { CannotTell, Equivocation, refuse, Refused } from "../errors.js";
import { leafHash, rootFromInclusion } from "../log/merkle.js";
import { keyId } from "../receipts/messages.js";
import { recordEntry } from "../records/hashing.js";
import { SHAPES } from "../records/schema.js";
import { isFinal, stateIn } from "../records/states.js";

// The states that a receipt's evidence proves; the first fixes its time, a second one its later status.
export function proveReceipt(receipt, trust) {
  const log = trust.contracts.find((contract) => contract.name === "RecordLog");
  if (receipt.chainId !== trust.chainId) throw new CannotTell("the receipt is about another chain", "issuer_unknown");
  if (!log || !same(receipt.contract, log.address)) throw new CannotTell("the receipt is about another contract than the trusted RecordLog", "issuer_unknown");
  const states = receipt.blocks.map((block) => verifyEvidence(block, trust));
  const [first, second] = states;
  if (second && second.block === first.block && !same(second.hash, first.hash)) throw new Equivocation("two different blocks of one height are proven");
  if (first.time > receipt.issuedAt) refuse("the first evidence is newer than the receipt's signature");
  if (!wordIn(first, "RecordLog", headSlot(receipt.log, receipt.proof.size))) refuse("the first evidence is older than this log head");
  if (!second) return states;
  if (second.block <= first.block || second.time < first.time) refuse("the newer evidence is not about a later block");
  if (wordIn(second, "RecordLog", headSlot(receipt.log, receipt.proof.size)) === undefined) refuse("the newer evidence does not cover the log head");
  // Every word of a receipt but that of a status is written once.
  for (const [slot, word] of first.words) {
    if (word && !slot.startsWith("RecordStatus ") && (second.words.get(slot) ?? word) !== word) refuse("the newer evidence contradicts the first");
  }
  // No state follows a final one.
  const [before, after] = states.map((state) => stateIn(state, receipt));
  if (isFinal(before) && after !== undefined && after !== before) refuse("a newer block takes back the end of a record");
  return states;
}

// Slots in a receipt are only hints: the words that judging needs have to be among those proven. Seals are no part of
// this: one that is left out is unproven where a signature is judged, and says nothing about the record.
export async function requireCover([first, ...later], receipt, content) {
  const isCovered = (await coversWhole(first, receipt, content)) && later.every((state) => coversPlace(state, receipt));
  if (!isCovered) refuse("the evidence does not cover what judging the record needs");
}

const covers = (state, contract, slot) => wordIn(state, contract, slot) !== undefined;
const coversPlace = (state, { log, proof }) => covers(state, "RecordLog", headSlot(log, proof.size)) && covers(state, "RecordStatus", statusSlot(log, proof.index)[0]);

export async function coversWhole(state, receipt, { open, shape }) {
  const { org, keyId: signer } = receipt;
  const isPermitted = shape !== SHAPES.certificate || readHistory(state, "Organisations", (n) => permitSlot(org, open.get(shape.type), n));
  return coversPlace(state, receipt) && isPermitted && (await findLogKey(state, org, signer)) !== undefined;
}

// The organisation's first log key with this id and its place; null: it provably has none; undefined: not covered.
export async function findLogKey(state, org, id) {
  for (let n = 0; ; n++) {
    const word = wordIn(state, "Organisations", logKeySlot(org, n));
    if (!word) return word === undefined ? undefined : null;
    const key = fromBig(word, 32);
    if (same(await keyId(key), id)) return { n, key };
  }
}

// Where a receipt leads from this content: entry and root. No root: the path has no meaning for its index and size.
export async function leadOn({ log, proof }, content) {
  const entry = await recordEntry(log, proof.index, content.digest);
  try {
    return { entry, root: proof.index < 1 ? null : await rootFromInclusion(await leafHash(entry), proof) };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { entry, root: null };
  }
}

export const holdsHead = (state, { log, proof }, root) => root !== null && wordIn(state, "RecordLog", headSlot(log, proof.size)) === toBig(root);
