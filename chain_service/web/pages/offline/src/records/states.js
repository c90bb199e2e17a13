// The states of a record, by their numbers on chain.

import { statusSlot, wordIn } from "../chainproof/storage_layout.js";

const STATES = ["in_force", "suspended", "withdrawn", "cancelled", "penalised", "lapsed", "transferred", "superseded"];
export const isFinal = (state) => STATES.includes(state) && !["in_force", "suspended", "transferred"].includes(state);

// What the state's word says of the record at this place; undefined where it is not covered, or says nothing known.
export function stateIn(state, { log, proof }) {
  const [slot, shift] = statusSlot(log, proof.index);
  const word = wordIn(state, "RecordStatus", slot);
  return word === undefined ? undefined : STATES[Number((word >> BigInt(shift)) & 0xfn)];
}
