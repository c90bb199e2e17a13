// The page: takes papers or an identifier, asks POST /v1/verify, shows what is answered. One question is one holder.

import { MOST_PAPERS, sizeOf, questionOf, send } from "./asking.js";
import { element } from "./dom.js";
import { TEXTS } from "./texts.js";
import { failurePart, problemPart, verdictParts } from "./verdict.js";
import { visible } from "./visible.js";

const byId = (id) => document.getElementById(id);
const NOTHING_ASKED = { names: [], fields: {} };
const state = { language: "zh", chosen: [], adding: false, shown: null, asked: NOTHING_ASKED, turn: 0, cancel: null, again: null };

const say = (name) => TEXTS[state.language][name];

// ---- what is asked ----

// Papers chosen after an answer are the next holder's, unless they were asked for as further papers of this one.
function choose(files) {
  if (files.length === 0) return;
  const kept = state.shown !== null && !state.adding ? [] : state.chosen;
  state.adding = false;
  const all = [...kept, ...files];
  state.chosen = all.slice(0, MOST_PAPERS);
  open(byId("tab-files"));
  byId("files-error").textContent = all.length > MOST_PAPERS ? say("tooMany") : "";
  showChosen();
}

// A verdict never stands beside a question that it does not answer.
function forget() {
  state.turn++;
  if (state.cancel) state.cancel();
  state.cancel = null;
  state.shown = null;
  byId("busy").hidden = true;
  render();
}

function startAnew() {
  state.chosen = [];
  state.adding = false;
  for (const input of document.querySelectorAll("#panel-identifier input")) {
    input.value = "";
    input.setAttribute("aria-invalid", "false");
    byId(`${input.id}-error`).textContent = "";
  }
  byId("files-error").textContent = "";
  forget();
  showChosen();
  const tab = document.querySelector("[role=tab][aria-selected=true]");
  (tab.id === "tab-files" ? byId("files") : byId("identifier")).focus();
  scrollTo({ top: 0 });
}

function addPapers() {
  state.adding = true;
  open(byId("tab-files"), { keep: true });
  byId("files").click();
}

function showChosen() {
  byId("chosen").replaceChildren(
    ...state.chosen.map((file) => {
      const remove = element("button", { type: "button", class: "remove", "aria-label": `${say("remove")} ${visible(file.name)}` }, "×");
      remove.addEventListener("click", () => {
        state.chosen = state.chosen.filter((other) => other !== file);
        byId("files-error").textContent = "";
        forget();
        showChosen();
        byId("files").focus();
      });
      return element(
        "li",
        { class: "chip" },
        element("span", { class: "chip-name" }, visible(file.name)),
        element("span", { class: "chip-size" }, sizeOf(file.size)),
        remove,
      );
    }),
  );
  byId("panel-files").querySelector("button[type=submit]").disabled = state.chosen.length === 0;
}

async function verifyFiles(event) {
  event.preventDefault();
  const files = [...state.chosen];
  await ask(() => questionOf(files), { names: files.map((file) => file.name), fields: {} }, (limit) => questionOf(files, limit));
}

function verifyIdentifier(event) {
  event.preventDefault();
  const fields = {};
  let wrong = null;
  for (const input of event.currentTarget.querySelectorAll("input")) {
    const text = input.value.trim();
    const missing = text === "";
    byId(`${input.id}-error`).textContent = missing ? say("required") : "";
    input.setAttribute("aria-invalid", String(missing));
    if (missing && !wrong) wrong = input;
    fields[input.name] = text;
  }
  if (wrong) {
    forget();
    wrong.focus();
    return;
  }
  const request = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(fields) };
  ask(async () => ({ request, bytes: 0 }), { names: [], fields });
}

// `make` gives the question; `smaller` the one with files beyond this many bytes asked about by digest.
async function ask(make, asked, smaller = null) {
  forget();
  const turn = state.turn;
  state.again = () => ask(make, asked, smaller);
  state.asked = asked;
  byId("busy").hidden = false;
  let shown = await answered(make);
  const limit = shown.problem && shown.problem.code === "file_too_large" ? shown.problem.limit : null;
  if (limit && smaller && turn === state.turn) shown = await answered(() => smaller(limit));
  if (turn !== state.turn) return;
  byId("busy").hidden = true;
  state.cancel = null;
  state.shown = shown;
  render();
  const answer = byId("answer");
  answer.focus({ preventScroll: true });
  answer.scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth", block: "start" });
}

async function answered(make) {
  let question;
  try {
    question = await make();
  } catch {
    return { failed: "unreadable" };
  }
  return send(question.request, question.bytes, (cancel) => {
    state.cancel = cancel;
  });
}

// ---- what is answered ----

function render() {
  const answer = byId("answer");
  const shown = state.shown;
  answer.hidden = shown === null;
  if (shown === null) answer.replaceChildren();
  else if (shown.verdict) {
    const [banner, ...below] = verdictParts(shown.verdict, state.language, state.asked);
    answer.replaceChildren(banner, actions(false), ...below);
  }
  else if (shown.problem) answer.replaceChildren(problemPart(shown.problem, state.language), actions(true));
  else answer.replaceChildren(failurePart(shown.failed, state.language), actions(true));
}

function actions(retry) {
  const button = (name, kind, act) => {
    const made = element("button", { type: "button", class: kind, "data-action": name }, say(name));
    made.addEventListener("click", act);
    return made;
  };
  return element(
    "div",
    { class: "actions answer-actions" },
    retry ? button("retry", "primary", () => state.again()) : null,
    button("next", retry ? "secondary" : "primary", startAnew),
    !retry && state.asked.names.length ? button("addPapers", "secondary", addPapers) : null,
  );
}

// ---- the page itself ----

function speak(language) {
  state.language = language;
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.title = say("documentTitle");
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = say(node.dataset.text);
  for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", say(node.dataset.label));
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === language));
  }
  for (const node of document.querySelectorAll("#panel-identifier .field-error")) node.textContent = node.textContent ? say("required") : "";
  byId("files-error").textContent = byId("files-error").textContent ? say("tooMany") : "";
  showChosen();
  render();
}

function open(tab, { keep = false } = {}) {
  if (!keep) forget();
  for (const other of document.querySelectorAll("[role=tab]")) {
    const on = other === tab;
    other.setAttribute("aria-selected", String(on));
    other.tabIndex = on ? 0 : -1;
    byId(other.getAttribute("aria-controls")).hidden = !on;
  }
}

function startTabs() {
  const tabs = [...document.querySelectorAll("[role=tab]")];
  tabs.forEach((tab, index) => {
    tab.addEventListener("click", () => open(tab));
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const next = tabs[(index + step + tabs.length) % tabs.length];
      open(next);
      next.focus();
    });
  });
}

// Papers may be dropped anywhere; whatever else is dropped does nothing, least of all replace the page.
function startDropping() {
  const drop = document.querySelector(".drop");
  const carriesFiles = (event) => [...(event.dataTransfer ? event.dataTransfer.types : [])].includes("Files");
  window.addEventListener("dragover", (event) => {
    event.preventDefault();
    event.dataTransfer.dropEffect = carriesFiles(event) ? "copy" : "none";
    drop.classList.toggle("over", carriesFiles(event));
  });
  window.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) drop.classList.remove("over");
  });
  window.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    choose([...event.dataTransfer.files]);
  });
}

function start() {
  startTabs();
  startDropping();
  for (const button of document.querySelectorAll("[data-language]")) {
    button.addEventListener("click", () => speak(button.dataset.language));
  }
  const input = byId("files");
  input.addEventListener("change", () => {
    choose([...input.files]);
    input.value = "";
  });
  input.addEventListener("cancel", () => {
    state.adding = false;
  });
  byId("cancel").addEventListener("click", () => {
    if (state.cancel) state.cancel();
  });
  byId("panel-identifier").addEventListener("input", forget);
  byId("panel-files").addEventListener("submit", verifyFiles);
  byId("panel-identifier").addEventListener("submit", verifyIdentifier);
  speak((navigator.languages || [navigator.language]).some((name) => /^zh/i.test(name)) ? "zh" : "en");
}

start();
