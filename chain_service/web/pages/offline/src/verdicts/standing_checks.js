// The checks of what an anchored record is worth: permit, status, validity period.

import { statusSlot } from "../chainproof/storage_layout.js";
import { toHex } from "../encoding/hex.js";
import { dateOfDay, dayNumber, localDay, rfc3339 } from "../encoding/times.js";
import { SHAPES } from "../records/schema.js";
import { stateIn } from "../records/states.js";
import { decidePermit, readPermits } from "../registries/permits.js";
import { blockEvidence, unread } from "./anchoring_checks.js";
import { CHANGED } from "./messages.js";
import { check } from "./verdict.js";

export function judgePermit(facts) {
  const { content, receipt, newest, head, earliest } = facts;
  const { open, shape } = content;
  const [org, type, issued] = [open.get(shape.org), open.get(shape.type), open.get(shape.issued)];
  const evidence = { organisation: org, type, log: toHex(head.log) };
  if (org !== receipt.org) return check("issuer_permitted", "issuer_not_permitted", { ...evidence, logOf: receipt.org });
  if (shape === SHAPES.document) return check("issuer_permitted", "no_permit_needed", evidence);
  const found = [head.shownBy, newest].map((state) => ({ state, entries: readPermits(state, org, type) })).find(({ entries }) => entries);
  if (!found) return unread("issuer_permitted", facts, evidence);
  // What was recorded since something that proves nothing by itself says it was anchored must not matter.
  const proven = head.shownBy.time;
  const since = Math.min(proven, earliest ?? proven);
  const moments = [...new Set([since, proven, ...found.entries.map(({ recordedAt }) => recordedAt).filter((moment) => since < moment && moment <= proven)])].sort((one, other) => one - other);
  const decisions = moments.map((moment) => decidePermit(found.entries, dayNumber(issued), moment));
  const [{ permitted, decidedBy }] = decisions;
  if (decisions.some((decision) => decision.permitted !== permitted)) {
    const detail = "permits changed between the earliest possible time of anchoring and a proven block";
    return check("issuer_permitted", earliest === null ? "finality_unproven" : "trust_stale", { ...evidence, ...blockEvidence(found.state), detail });
  }
  Object.assign(evidence, { issued, entries: found.entries.length, decidedBy }, blockEvidence(found.state));
  if (decidedBy !== null) {
    const entry = found.entries[decidedBy];
    const action = entry.action === 1 ? "grant" : "end";
    evidence.permit = { action, from: dateOfDay(entry.from), until: dateOfDay(entry.until), recordedAt: rfc3339(entry.recordedAt) };
  }
  return check("issuer_permitted", permitted ? "permitted" : "issuer_not_permitted", evidence, { date: issued });
}

// Seconds that the newest block may lie ahead of this machine's clock.
const CHAIN_AHEAD = 60;

export function judgeStatus(facts) {
  const { newest, moment, isPast, trust, head: { log, proof } } = facts;
  const [slot, shift] = statusSlot(log, proof.index);
  const evidence = { contract: "RecordStatus", index: proof.index, slot: "0x" + toHex(slot), shift };
  const state = newest ? stateIn(newest, { log, proof }) : undefined;
  if (state === undefined) return unread("status", facts, evidence);
  Object.assign(evidence, blockEvidence(newest));
  evidence.state = state;
  if (state !== "in_force") return check("status", state, evidence);
  if (isSilent(newest, moment)) return check("status", "trust_stale", { ...evidence, detail: CHANGED.en }, { detail: CHANGED });
  if (!isPast && newest.time - moment > CHAIN_AHEAD) {
    const detail = "the chain's newest block is later than this service's clock";
    return check("status", "status_stale", { ...evidence, detail }, { time: statusAsOf(facts) });
  }
  if (moment - newest.time <= trust.ageLimit) return check("status", "in_force", evidence, { time: statusAsOf(facts) });
  return check("status", "status_stale", { ...evidence, maxAge: trust.ageLimit }, { time: statusAsOf(facts) });
}

// Whether the validators who sealed this state's block had left before this moment.
const isSilent = (state, moment) => state.speaksUntil !== null && moment > state.speaksUntil;
export const statusAsOf = ({ newest, moment, isPast }) => (isSilent(newest, moment) ? null : rfc3339(isPast ? Math.min(moment, newest.time) : newest.time));

export function judgePeriod({ content, moment }) {
  const { open, shape } = content;
  const from = open.get(shape.effective) ?? open.get(shape.issued) ?? null;
  const until = open.get(shape.expiring) ?? null;
  const day = localDay(moment);
  const evidence = { day, from, until };
  if (from !== null && day < from) return check("validity_period", "not_yet_effective", evidence, { date: from });
  if (until !== null && day > until) return check("validity_period", "expired", evidence, { date: until });
  return check("validity_period", "within_validity", evidence, until ? { date: until } : {});
}
