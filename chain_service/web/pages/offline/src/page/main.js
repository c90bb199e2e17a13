// The page: takes files, asks the judge, shows the verdict. Words from outside are set as text, never as markup.

import { subtle } from "../hashing/webcrypto.js";
import { choose, next, verify } from "./actions.js";
import { paperRow } from "./papers_part.js";
import { byId, drawnBy, fail, forget, page, redraw, say, show } from "./state.js";
import { loadTrust } from "./stored_trust.js";
import { renderTrust } from "./trust_part.js";
import { troublePart, verdictParts } from "./verdict_parts.js";

function render() {
  const { shown, papers } = page;
  byId("papers").replaceChildren(...papers.map(paperRow));
  renderTrust();
  byId("at-error").textContent = page.atError ? say(page.atError) : "";
  byId("at").setAttribute("aria-invalid", String(page.atError !== null));
  byId("verify").disabled = papers.every(({ kind }) => kind === "trust");
  byId("next").hidden = papers.length === 0;
  byId("answer").hidden = shown === null;
  byId("took").textContent = shown && shown.took ? say("took", { time: shown.took }) : "";
  if (shown === null) byId("answer").replaceChildren();
  else if (shown.trouble) byId("answer").replaceChildren(troublePart(shown));
  else byId("answer").replaceChildren(...verdictParts(shown.verdict).filter((part) => part !== null));
}

function speak(language) {
  page.language = language;
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.title = say("documentTitle");
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = say(node.dataset.text);
  for (const node of document.querySelectorAll("[data-language]")) node.setAttribute("aria-pressed", String(node.dataset.language === language));
  redraw();
}

function start() {
  drawnBy(render);
  for (const node of document.querySelectorAll("[data-language]")) node.addEventListener("click", () => speak(node.dataset.language));
  const drop = document.querySelector(".drop");
  const input = byId("any");
  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = "";
    choose(files).catch(fail);
  });
  window.addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  window.addEventListener("dragleave", (event) => event.relatedTarget === null && drop.classList.remove("over"));
  window.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    choose(event.dataTransfer.files).catch(fail);
  });
  byId("next").addEventListener("click", next);
  byId("at").addEventListener("input", () => {
    page.atError = null;
    forget();
  });
  byId("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    if (!byId("verify").disabled) verify().catch(fail);
  });
  const speaks = () => speak(navigator.languages.some((name) => /^zh/i.test(name)) ? "zh" : "en");
  speaks();
  page.ready = subtle ? loadTrust().then(redraw) : Promise.resolve(show({ trouble: "noCrypto" }));
  page.ready.catch(fail);
}

if (typeof document !== "undefined") start();
