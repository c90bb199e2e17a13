// Which organisation may issue what, by the entries on chain.

import { permitSlot, readHistory } from "../chainproof/storage_layout.js";
import { refuse, Refused } from "../errors.js";

function readPermit(word) {
  const action = Number(word & 0xffn);
  if (word >> 136n || (action !== 1 && action !== 2)) refuse("a permit entry is malformed");
  return { action, from: Number((word >> 8n) & 0xffffffffn), until: Number((word >> 40n) & 0xffffffffn), recordedAt: Number(word >> 72n) };
}

// Whether the day was permitted by what was recorded until `asOf`, and by which entry.
export function decidePermit(entries, day, asOf) {
  let periods = [];
  entries.forEach((entry, place) => {
    if (entry.recordedAt > asOf) return;
    if (entry.action === 1) periods.push({ from: entry.from, until: entry.until, grantedBy: place, endedBy: null });
    else periods = periods.map((period) => (period.until > entry.until ? { ...period, until: entry.until, endedBy: place } : period));
  });
  const permitting = periods.findLast((period) => period.from <= day && day <= period.until);
  if (permitting) return { permitted: true, decidedBy: permitting.grantedBy };
  const ends = periods.filter((period) => period.endedBy !== null && period.from <= day && day <= entries[period.grantedBy].until);
  return { permitted: false, decidedBy: ends.length ? Math.max(...ends.map((period) => period.endedBy)) : null };
}

export function readPermits(state, org, type) {
  const words = readHistory(state, "Organisations", (n) => permitSlot(org, type, n));
  try {
    return words && words.map(readPermit);
  } catch (error) {
    if (error instanceof Refused) return null;
    throw error;
  }
}
