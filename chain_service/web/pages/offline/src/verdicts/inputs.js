// All that one record is judged from: content, receipt, proven states, trust, moment.

import { headSlot, wordIn } from "../chainproof/storage_layout.js";
import { toBig } from "../encoding/hex.js";
import { localDay } from "../encoding/times.js";
import { CannotTell, Equivocation, Mismatch, Refused, UnknownSealers } from "../errors.js";
import { readReceipt } from "../receipts/receipt.js";
import { readDisclosure } from "../records/disclosure.js";
import { coversWhole, holdsHead, leadOn, proveReceipt, requireCover } from "./proving.js";

// One disclosure, read: its content, or why there is none.
export async function examineDisclosure(bytes) {
  try {
    return { content: await readDisclosure(bytes), failure: null };
  } catch (error) {
    return { content: null, failure: failureOf(error, error instanceof Mismatch ? "record_mismatch" : "unreadable", "disclosure") };
  }
}

// One receipt, read, and what its evidence proves under this trust file; without one, nothing is proven or refuted.
export function examineReceipt(bytes, trust) {
  const proven = { receipt: null, states: [], failure: null, isTwice: false };
  try {
    proven.receipt = readReceipt(bytes);
    if (trust) proven.states = proveReceipt(proven.receipt, trust);
  } catch (error) {
    proven.failure = failureOf(error, codeOf(error, trust), "receipt");
    proven.isTwice = error instanceof Equivocation;
  }
  return proven;
}

// A block that does not fit the validators of today may be of ones that the trust file cannot know yet.
function codeOf(error, trust) {
  if (error instanceof UnknownSealers) return error.time > trust.issued ? "trust_stale" : "proof_invalid";
  return error instanceof CannotTell ? error.code : "proof_invalid";
}

export const NOTHING_PROVEN = Object.freeze({ receipt: null, states: [], failure: null, isTwice: false });

// All that one record is judged from; `failure` says what cannot be used. Files are {digests, isAppended}.
export async function gather({ content, failure, proven, files, trust, now, at }) {
  const facts = { content, failure, trust, files, now, moment: at ?? now, isPast: at !== undefined && at < now };
  Object.assign(facts, { receipt: proven.receipt, states: proven.states, isTwice: proven.isTwice, isUnknown: proven.failure !== null && proven.failure.code === "trust_stale" });
  const found = content && proven.receipt && !proven.failure ? await leadOn(proven.receipt, content) : null;
  facts.failure ||= proven.failure;
  // What judging needs has to be proven, once the receipt is this content's.
  if (found && proven.states.some((state) => holdsHead(state, proven.receipt, found.root))) {
    try {
      await requireCover(proven.states, proven.receipt, content);
    } catch (error) {
      facts.failure ||= failureOf(error, "proof_invalid", "receipt");
      facts.states = [];
    }
  }
  const counting = content && proven.receipt ? await countingStates(facts.states, proven.receipt, content) : facts.states.filter(({ counts }) => counts);
  facts.anchor = counting[0] || null;
  // Asked about now, the newest block counts even if its proposer's clock runs before ours.
  facts.newest = counting.findLast((state) => state.time <= facts.moment || !facts.isPast) || facts.anchor;
  facts.earliest = facts.states.length && facts.anchor !== facts.states[0] ? facts.states[0].time : null;
  facts.limit = limitOf(facts);
  const { log, proof } = proven.receipt || {};
  facts.head = found && !facts.failure ? { receipt: proven.receipt, log, proof, ...found, shownBy: shownBy(facts, proven.receipt, found.root) } : null;
  return facts;
}

// The states that count by themselves, if the first of them shows all that judging the record needs.
async function countingStates(states, receipt, content) {
  const counting = states.filter(({ counts }) => counts);
  return !counting.length || counting[0] === states[0] || (await coversWhole(counting[0], receipt, content)) ? counting : [];
}

// Which limit of the trust file is passed, in words; null for none.
function limitOf({ trust, states, now }) {
  const newest = states[states.length - 1];
  if (!trust) return null;
  if (now > trust.expires) {
    const day = localDay(trust.expires);
    return { zh: `信任文件已于 ${day} 到期`, en: `the trust file expired on ${day}` };
  }
  if (!newest || now - newest.time <= trust.trustingPeriod) return null;
  const days = Math.floor((now - newest.time) / 86400);
  return { zh: `最新区块的签署已有 ${days} 天，超过信任期`, en: `the newest block was sealed ${days} days ago, longer than the trusting period` };
}

// The counting states that cover the head's word, the oldest first, from the first one on that shows a head: heads stay
// for ever, so all of them have to show the same.
export function statesThatTell({ anchor, newest }, { log, proof }) {
  const slot = headSlot(log, proof.size);
  const telling = [...new Set([anchor, newest])].filter((state) => state && wordIn(state, "RecordLog", slot) !== undefined).sort((one, other) => one.block - other.block);
  const words = telling.map((state) => wordIn(state, "RecordLog", slot));
  const since = words.findIndex((word) => word);
  return { telling, words, since: since < 0 ? words.length : since };
}

function shownBy(facts, receipt, root) {
  const { telling, words, since } = statesThatTell(facts, receipt);
  return root !== null && since < words.length && words.slice(since).every((word) => word === toBig(root)) ? telling[since] : null;
}

export function failureOf(error, code, part) {
  if (!(error instanceof Refused)) throw error;
  return { code, part, detail: error.message };
}
