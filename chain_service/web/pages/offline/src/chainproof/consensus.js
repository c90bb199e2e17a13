// The first of some headers, shown to be a block of the trusted chain, by whichever consensus it has.

import { same } from "../encoding/bytes.js";
import { toHex } from "../encoding/hex.js";
import { CannotTell, refuse, Refused, UnknownSealers } from "../errors.js";
import { recoverAddress } from "../hashing/secp256k1.js";
import { majority, readClique, recoverClique, sealedByMajority } from "./clique.js";
import { quorum, readQbft, sealedByQuorum } from "./qbft.js";
import { isAmong, openRange, rangeAt, requireBetweenEnds } from "./trust.js";

export const FORMS = {
  "evm-clique/1": { read: readClique, sealedBy: sealedByMajority, enough: majority, assurance: "majority", hasSingleHeader: false, seals: (headers) => headers.map((header) => () => recoverClique(header)) },
  "evm-qbft/1": { read: readQbft, sealedBy: sealedByQuorum, enough: quorum, assurance: "quorum", hasSingleHeader: true, seals: ([first]) => first.seals.map((seal) => () => recoverAddress(first.digest, seal)) },
};

// Whoever of these validators sealed the headers, as far as that can be told.
function sealersAmong(headers, { form, validators }) {
  const found = new Map();
  for (const recovered of FORMS[form].seals(headers)) {
    try {
      const signer = recovered();
      if (isAmong(signer, validators)) found.set(toHex(signer), signer);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
  }
  return [...found.values()];
}

// The first of these headers, shown to be a block of the trusted chain, and what that is worth: `counts` where it shows
// by itself what stood then, `speaksUntil` the last second that it says anything of (null: no end).
export function proveBlock(raws, trust, form) {
  const headers = raws.map(FORMS[form].read);
  headers.slice(1).forEach((child, i) => {
    if (child.number !== headers[i].number + 1n || !same(child.parent, headers[i].hash)) refuse("a header does not follow the one before it");
  });
  const [first, last] = [headers[0], headers[headers.length - 1]];
  const open = openRange(trust);
  let [within, isByHash, signers] = [null, false, []];
  try {
    within = rangeAt(trust, first.number, form);
    requireBetweenEnds(first, within, trust);
    // A chain of headers that ends at the known end of its range needs no seals.
    isByHash = Boolean(within.until) && last.number === BigInt(within.until.block) && same(last.hash, within.until.hash);
    signers = isByHash ? sealersAmong(headers, within) : FORMS[form].sealedBy(headers, trust);
  } catch (error) {
    if (!(error instanceof UnknownSealers)) throw error;
    error.time = Number(last.time);
    if (within === null || within === open) throw error;
    const after = trust.ranges[trust.ranges.indexOf(within) + 1];
    if (!within.until && last.number + 1n >= BigInt(after.fromBlock)) throw new CannotTell("it is not known whether this header ends its range");
    refuse(error.message); // who could seal in a closed range is known for good
  }
  const size = within.validators.length;
  const still = signers.filter((signer) => isAmong(signer, open.validators)).length;
  return {
    ...first,
    assurance: size === 1 ? "trial" : FORMS[form].assurance,
    validators: size,
    signers: signers.length,
    counts: within === open || isByHash || (still >= FORMS[form].enough(size) && (size > 1 || open.validators.length === 1)),
    speaksUntil: within === open ? null : within.until ? within.until.time : -1,
  };
}
