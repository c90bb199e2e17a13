// What the page knows, and the words for it in the language chosen.

import { fill } from "../verdicts/messages.js";
import { TEXTS } from "./texts.js";

// What draws the page anew; the page's entry says it, so that nothing it draws has to import it.
let draw = () => {};

export function drawnBy(render) {
  draw = render;
}

export function redraw() {
  draw();
}

export const page = { language: "zh", papers: [], known: [], shown: null, turn: 0, atError: null, trustError: null, ready: null };
export const byId = (id) => document.getElementById(id);
export const say = (name, values = {}) => fill(TEXTS[page.language][name], values);
export const label = (table, name) => (Object.hasOwn(table, name) ? table[name][page.language === "zh" ? 0 : 1] : null);

export function forget() {
  page.turn++;
  page.shown = null;
  redraw();
}

export function show(shown) {
  page.shown = shown;
  redraw();
  byId("answer").focus({ preventScroll: true });
  byId("answer").scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth", block: "start" });
}

export const nameOf = (item) => item.name || say("builtIn");

export function fail(error) {
  show({ trouble: error.name === "NotSupportedError" ? "noCrypto" : "fault", detail: `${error.name}: ${error.message}` });
}
