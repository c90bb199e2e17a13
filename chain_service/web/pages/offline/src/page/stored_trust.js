// Trust files: built in by the operator, or confirmed here by their fingerprint and remembered.

import { fromBase64 } from "../encoding/base64.js";
import { Refused } from "../errors.js";
import { standingOfTrust } from "../papers/trust.js";
import { readTrust } from "../receipts/trust_file.js";
import { page } from "./state.js";

const STORE = "chain_service.trust";
const toBase64 = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));

export async function loadTrust() {
  const read = async (name, origin, text) => {
    try {
      const trust = { ...(await readTrust(fromBase64(text))), bytes: fromBase64(text) };
      // Other pages may have written to the store, and this one been renewed: what calls itself a successor has to be one.
      const builtIn = page.known.filter((item) => item.origin !== "confirmed");
      if (origin === "successor" && (await standingOfTrust(trust, builtIn)).standing !== "successor") return;
      page.known.push({ name, origin, trust });
    } catch (error) {
      if (!(error instanceof Refused) && error.name !== "InvalidCharacterError") throw error;
      page.trustError = "badStored";
    }
  };
  const built = document.querySelector("meta[name=trust]").content;
  if (built) await read("", "pinned", built);
  for (const { name, origin, trust } of stored()) await read(String(name), origin === "successor" ? "successor" : "confirmed", String(trust));
}

function stored() {
  try {
    const found = JSON.parse(localStorage.getItem(STORE) || "[]");
    return Array.isArray(found) ? found.filter((item) => item !== null && typeof item === "object").slice(0, 32) : [];
  } catch {
    return []; // no storage here, or not ours
  }
}

export function remember() {
  const kept = page.known.filter(({ origin }) => origin !== "pinned");
  try {
    localStorage.setItem(STORE, JSON.stringify(kept.map(({ name, origin, trust }) => ({ name, origin, trust: toBase64(trust.bytes) }))));
    page.trustError = null;
  } catch {
    page.trustError = "notStored";
  }
}

// Successors replace what they succeed, as the command `trust update` does; what is built in stays beside all of its
// successors, each of which is checked by the one before when it is read again.
export function keepSuccessors() {
  const found = page.papers.filter(({ standing }) => standing === "successor");
  for (const { trust, from } of found) {
    page.known = page.known.filter((item) => item.trust !== from.trust || item.origin !== "confirmed");
    page.known.push({ name: from.name, origin: from.origin === "confirmed" ? "confirmed" : "successor", trust });
  }
  if (found.length) remember();
}
