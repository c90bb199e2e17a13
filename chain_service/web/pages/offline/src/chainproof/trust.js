// Which validators a trust file trusts for which blocks.

import { same } from "../encoding/bytes.js";
import { CannotTell, refuse, UnknownSealers } from "../errors.js";

const COMETBFT = "evm-cometbft/1";

// The range lists Ed25519 keys with voting powers: read and kept, and no block of it can be verified here.
export const hasVotingPowers = (form) => form === COMETBFT;

export function requireVerifiable(form) {
  if (hasVotingPowers(form)) throw new CannotTell("this version cannot verify blocks of this consensus", "finality_unproven");
}

// The range that a block lies in. One at which the consensus changes lies in two, told apart by the form.
export function rangeAt({ ranges }, block, form) {
  let found = null;
  for (const one of ranges.toReversed()) {
    if (BigInt(one.fromBlock) > block) continue;
    if (found && (BigInt(found.fromBlock) < block || !one.until || BigInt(one.until.block) < block)) break;
    if (one.form === form) return one;
    found ||= one;
  }
  if (!found) refuse("no validators are trusted for this block");
  requireVerifiable(found.form);
  if (found === openRange({ ranges })) throw new UnknownSealers("the evidence has another form than the chain has at this block");
  return refuse("the evidence has another form than the chain has at this block");
}

export const openRange = ({ ranges }) => ranges[ranges.length - 1];

export function requireFields(header, trust, form) {
  if (rangeAt(trust, header.number, form).fields !== header.fields.length) throw new UnknownSealers("a header has another number of fields than trusted");
}

export const isAmong = (address, list) => list.some((other) => same(other, address));

// The header contradicts no known end of a range.
export function requireBetweenEnds(first, within, trust) {
  for (const one of trust.ranges) {
    if (!one.until) continue;
    const [end, time] = [BigInt(one.until.block), BigInt(one.until.time)];
    if (one === within && first.number === end && !same(first.hash, one.until.hash)) refuse("another block ends this range of validators");
    if (one === within && first.time > time) refuse("a header is from after the end of its range");
    if (first.number > end && first.time < time) refuse("a header is from before the end of an earlier range");
  }
}
