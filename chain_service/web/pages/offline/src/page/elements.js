// Parts that several parts of the page use.

import { element } from "../../../static/dom.js";
import { icon } from "./icons.js";
import { fail, say } from "./state.js";

export function button(className, words, action, attributes = {}) {
  const made = element("button", { type: "button", class: className, ...attributes }, words);
  made.addEventListener("click", () => Promise.resolve(action()).catch(fail));
  return made;
}

export function banner(kind, word, { message, next: nextStep, detail, holder, verdict = kind }) {
  const repeats = message && message.toLowerCase() === word.toLowerCase();
  return element("div", { class: `banner banner-${kind}`, "data-verdict": verdict }, element("span", { class: "banner-icon" }, icon(kind)),
    element("div", { class: "banner-words" },
      element("h2", { class: "banner-word" }, word),
      holder ? holder : null,
      message && !repeats ? element("p", { class: "banner-message" }, message) : null,
      nextStep ? element("p", { class: "banner-next" }, element("strong", null, `${say("nextStep")}  `), nextStep) : null,
      detail ? element("p", { class: "banner-detail", lang: "en" }, detail) : null));
}

export function note(kind, lines, heading) {
  const words = element("div", null, heading ? element("h3", null, heading) : null, lines.map((line) => element("p", null, line)));
  return element("div", { class: `note note-${kind}`, role: "note" }, icon(kind), words);
}

export function rows(pairs) {
  const filled = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return element("dl", { class: "rows" }, filled.map(([name, value]) => element("div", { class: "row" }, element("dt", null, name), element("dd", null, value))));
}
