// Verdicts state sentences in English; one that is not known here is shown as it is.

import { DOCUMENT_SENTENCES } from "./document_sentences.js";
import { RECORD_SENTENCES } from "./record_sentences.js";

const DETAILS = { ...RECORD_SENTENCES, ...DOCUMENT_SENTENCES };

const escaped = (text) => text.replace(/[.*+?^$()|[\]\\{}]/g, "\\$&");
const PATTERNS = Object.entries(DETAILS)
  .filter(([sentence]) => sentence.includes("{…}"))
  .sort(([one], [other]) => other.length - one.length)
  .map(([sentence, told]) => [new RegExp(`^${sentence.split("{…}").map(escaped).join("(.+)")}$`), told]);

// The sentence in Chinese, parts of it that are known as well; null where it is not known.
export function inChinese(sentence) {
  if (Object.hasOwn(DETAILS, sentence)) return DETAILS[sentence];
  for (const [pattern, told] of PATTERNS) {
    const found = pattern.exec(sentence);
    if (!found) continue;
    const parts = found.slice(1).map((part) => (part.includes(" ") && inChinese(part)) || part); // a single word is a name
    let place = 0;
    return told.replace(/\{(…|\d)\}/g, (_, which) => parts[which === "…" ? place++ : Number(which)]);
  }
  return null;
}
