// Which file belongs to which record.

import { same } from "../encoding/bytes.js";
import { agrees, filesListed } from "../records/files.js";
import { examinePaper, fits } from "./cases.js";
import { endsAs, receiptsIn } from "./pdf.js";

const isAt = ({ log, proof }, other) => same(log, other.log) && proof.index === other.proof.index;

// The case of the record that the receipt attached to a file is of, a new one if there is none; null where nothing that
// is proven tells. Anybody may attach a receipt: it makes nothing valid, and only says that the file may be another's.
async function caseOfAttached(paper, cases, accepted) {
  const items = (await receiptsIn(paper.bytes)).map((bytes) => examinePaper(paper, bytes, accepted)).filter(({ proven }) => proven.states.length);
  const [item] = items;
  if (!item || items.some(({ proven }) => !isAt(proven.receipt, item.proven.receipt))) return null;
  const place = { receipts: [item], proofs: [] };
  for (const one of cases) if (one.body && (await fits(one.body.content, place))) return one;
  const isThere = (found) => found && [...found.receipts.map(({ proven }) => proven.receipt), ...found.proofs.map(({ proof }) => proof)].some((other) => other && isAt(other, item.proven.receipt));
  const there = cases.find((one) => isThere(one.place));
  if (there) return there;
  cases.push({ body: null, place, files: [], isElsewhere: true });
  return cases[cases.length - 1];
}

// Each file goes to the record that lists it, else to that of the receipt attached to it, else to the first that could.
export async function assignFiles(cases, papers, accepted) {
  for (const one of cases) one.files = [];
  const isAlone = !cases.some(({ body, place }) => body || place) && papers.filter(({ kind }) => kind === "file").length < 2;
  const listing = cases.filter(({ body }) => body && filesListed(body.content).length);
  const other = listing[0] || cases.find(({ body }) => body) || cases[0];
  for (const paper of papers) {
    if (paper.kind !== "file") continue;
    let [home, isAppended] = [paper.digests && listing.find(({ body }) => filesListed(body.content).some((known) => agrees(paper.digests, known))), false];
    for (const one of home || !paper.digests ? [] : listing) {
      if (home || !(await endsAs(paper.bytes, filesListed(one.body.content)))) continue;
      [home, isAppended] = [one, true];
    }
    const own = home || !paper.digests || isAlone ? null : await caseOfAttached(paper, cases, accepted);
    const there = home || own || other;
    const unlisted = own && own.isElsewhere ? "elsewhere" : listing.includes(there) ? "altered" : there.body ? "notListed" : null;
    paper.comparison = isAppended ? "appended" : home ? "same" : unlisted;
    there.files.push({ paper, digests: paper.digests, isAppended });
  }
}
