// Which trust files count.

import { same } from "../encoding/bytes.js";
import { Refused } from "../errors.js";
import { signersAmong } from "../receipts/trust_file.js";

const isOfChain = (trust, { chainId, contract }) => trust.chainId === chainId && trust.contracts.some(({ name, address }) => name === "RecordLog" && same(address, contract));

async function isSignedBy(old, trust) {
  try {
    return (await signersAmong(old.rootKeys, trust.message)).length >= old.threshold;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return false;
  }
}

// What becomes of a trust file presented: accepted before; a successor of one that was, signed by enough of its root keys;
// an older one of those; or unknown.
export async function standingOfTrust(trust, known) {
  const before = known.find((item) => item.trust.fingerprint === trust.fingerprint);
  if (before) return { standing: "known", from: before };
  for (const item of known.toSorted((one, other) => other.trust.version - one.trust.version)) {
    const old = item.trust;
    if (old.chainId !== trust.chainId || !same(old.genesis, trust.genesis)) continue;
    if (await isSignedBy(old, trust)) return { standing: trust.version > old.version ? "successor" : "older", from: item };
  }
  return { standing: "unknown", from: null };
}

// The trust files to judge with: those accepted before and their successors among the papers. Each trust paper learns
// its standing.
export async function acceptTrust(papers, known) {
  const accepted = [...known];
  const handed = papers.filter(({ kind, trust }) => kind === "trust" && trust).toSorted((one, other) => one.trust.version - other.trust.version);
  for (const paper of handed) {
    const { standing, from } = await standingOfTrust(paper.trust, accepted);
    Object.assign(paper, { standing, from });
    if (standing === "successor") accepted.push({ name: from.name, origin: from.origin, trust: paper.trust });
  }
  return accepted;
}

// What is built in decides about its chain, with its successors; only on other chains what was confirmed here.
export function newestFor(accepted, receipt) {
  const ofChain = accepted.filter(({ trust }) => isOfChain(trust, receipt));
  const builtIn = ofChain.filter(({ origin }) => origin !== "confirmed");
  return (builtIn.length ? builtIn : ofChain).reduce((best, item) => (best && best.trust.version >= item.trust.version ? best : item), null);
}
