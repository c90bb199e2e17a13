// What a person does: hands in papers, asks, confirms a trust file, goes on to the next holder.

import { readMoment } from "../encoding/times.js";
import { Refused } from "../errors.js";
import { judgePapers } from "../papers/judging.js";
import { readPaper } from "../papers/reading.js";
import { MAX_ORIGINAL, MAX_PAPERS } from "../papers/recognise.js";
import { acceptTrust } from "../papers/trust.js";
import { byId, forget, page, redraw, say, show } from "./state.js";
import { keepSuccessors, remember } from "./stored_trust.js";

export async function confirmTrust(paper, typed, name) {
  const digits = typed.toLowerCase().replace(/[\s:]/g, "");
  page.trustError = digits !== paper.trust.fingerprint ? (/^[0-9a-f]{64}$/.test(digits) ? "fingerprintDiffers" : "fingerprintShort") : name.trim() ? null : "nameMissing";
  if (page.trustError) return redraw();
  page.known.push({ name: name.trim().slice(0, 60), origin: "confirmed", trust: paper.trust });
  remember();
  return verify();
}

export async function choose(list) {
  await page.ready;
  const files = [...list].slice(0, Math.max(0, MAX_PAPERS - page.papers.length));
  for (const file of files) page.papers.push(await openFile(file));
  await verify();
}

async function openFile(file) {
  if (file.size > MAX_ORIGINAL) return { kind: "file", name: file.name, digests: null, unread: "tooLarge" };
  let bytes;
  try {
    bytes = new Uint8Array(await file.arrayBuffer());
  } catch {
    return { kind: "file", name: file.name, digests: null, unread: "notRead" }; // a folder, or gone since
  }
  return { ...(await readPaper(file.name, bytes)), ...(bytes.length ? {} : { unread: "empty" }) };
}

export async function verify() {
  const turn = ++page.turn;
  const begun = performance.now();
  const asked = byId("at").value.trim();
  let at;
  try {
    at = asked ? readMoment(asked) : undefined;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return refuseMoment("atBad");
  }
  if (page.papers.every(({ kind }) => kind === "trust")) {
    await acceptTrust(page.papers, page.known);
    keepSuccessors();
    return forget();
  }
  const verdict = await judgePapers(page.papers, { known: page.known, now: Math.floor(Date.now() / 1000), at });
  if (turn !== page.turn) return undefined;
  if (verdict.refused) return refuseMoment("atFuture");
  keepSuccessors();
  show({ verdict });
  byId("took").textContent = say("took", { time: (page.shown.took = Math.max(1, Math.round(performance.now() - begun)).toString()) });
  return undefined;
}

// The moment asked about cannot be used: said beside its field, and no verdict stands.
function refuseMoment(why) {
  page.atError = why;
  forget();
  byId("at").focus();
}

// The next holder: nothing of the one before is left.
export function next() {
  page.papers = [];
  page.atError = page.trustError = null;
  byId("at").value = "";
  forget();
  byId("any").focus();
}
