// The page: what is picked or dropped, sent, shown and placed on the map.

import * as api from "./api.js";
import { answerCard, problemCard, snapshot } from "./answer.js";
import { colouring } from "./colouring.js";
import { byID, h } from "./dom.js";
import { group } from "./files.js";
import { ZooMap } from "./map.js";
import { bundleName, integer, percent, sentence, structure, task } from "./words.js";

const state = {
  bundle: "", // that was chosen; "" is the best
  models: [], // read so far: { name, model, answer | problem }
  current: null,
  map: null, // of the bundle on show
  by: "stage",
};
let reading = null; // AbortController of what is being read

const zoo = new ZooMap(byID("map"), {
  describe: (m) => h("div", {}, m.task ? h("p", { class: "tip-task" }, task(m.task)) : null, h("p", {}, `${integer(m.step)} steps, accuracy ${percent(m.accuracy)}`), h("p", { class: "tip-run" }, `run ${m.run}`)),
  say: (m) => { byID("map-says").textContent = [m.task, `run ${m.run}`, `${integer(m.step)} steps`, `accuracy ${percent(m.accuracy)}`].filter(Boolean).join(", "); },
});

/** Reads files, one model after the other, and shows the last. */
async function read(files) {
  const waiting = state.current?.problem?.code === "external_data_missing" ? state.current.model : null;
  let models;
  try {
    models = group([...files], waiting);
  } catch (problem) {
    return add({ name: files[0]?.name ?? "", model: null, problem });
  }
  if (waiting && models[0]?.file === waiting.file) drop(state.current);
  reading?.abort();
  const mine = reading = new AbortController();
  for (const [i, model] of models.entries()) {
    say(models.length > 1 ? `Reading ${model.file.name}, ${i + 1} of ${models.length}` : `Reading ${model.file.name}`, true);
    const entry = await ask(model, mine.signal);
    if (!entry) return;
    add({ name: model.file.name, model, ...entry });
  }
}

/** { answer } or { problem } of a model; null when something else is read instead. */
async function ask(model, signal) {
  try {
    return { answer: await api.predict(model, state.bundle, signal) };
  } catch (problem) {
    if (signal.aborted) return null;
    if (problem instanceof api.Problem) return { problem };
    throw problem;
  }
}

function add(entry) {
  const before = state.models.findIndex((m) => m.name === entry.name && m.answer && m.answer.sha256 === entry.answer?.sha256);
  if (before >= 0) state.models.splice(before, 1);
  state.models.push(entry);
  show(entry);
}

const drop = (entry) => { state.models = state.models.filter((m) => m !== entry); };

/** Asks anew for everything, after the bundle or the key has changed. */
async function readAgain() {
  const models = state.models.filter((m) => m.model).map((m) => m.model);
  const name = state.current?.name;
  reading?.abort();
  const mine = reading = new AbortController();
  say("Reading again", true);
  const entries = [];
  for (const model of models) {
    const entry = await ask(model, mine.signal);
    if (!entry) return;
    entries.push({ name: model.file.name, model, ...entry });
  }
  state.models = entries;
  show(entries.find((e) => e.name === name) ?? entries.at(-1) ?? null);
}

function show(entry) {
  state.current = entry;
  document.body.classList.toggle("started", entry !== null);
  if (!entry) return say("");
  const { answer, problem, name } = entry;
  byID("answer").replaceChildren(answer ? answerCard(name, answer, pointing) : problemCard(name, problem, useKey, state.bundle && leaveBundle));
  const accuracy = answer?.predictions?.accuracy;
  say(answer ? `${name}: ${structure(answer.rnn)}${accuracy ? ` Predicted accuracy ${percent(accuracy.value)}.` : ""}` : "");
  showModels();
  showMap(answer?.bundle ?? state.map?.bundle).then(placeModels, mapFailed);
}

const leaveBundle = () => { byID("bundle").value = state.bundle = ""; readAgain(); };
const useKey = (key) => { api.setKey(key); begin(); readAgain(); };

function say(text, busy = false) {
  byID("status").textContent = text;
  byID("status").classList.toggle("busy", busy);
}

/** The models read so far, to choose from. */
function showModels() {
  const nav = byID("models");
  nav.hidden = state.models.length < 2;
  nav.replaceChildren(...state.models.map((m, i) => h("button", { type: "button", class: m.problem ? "chip failed" : "chip", "aria-pressed": String(m === state.current), onclick: () => show(m) },
    h("span", { class: "chip-n", "aria-hidden": "true" }, m.problem ? "!" : i + 1), m.name)));
}

// Pointing at a relative in the table points at it on the map.
const indexOf = (n) => {
  const s = snapshot(n.id);
  const i = s && state.map?.bundle === state.current?.answer?.bundle ? state.map.members.findIndex((m) => m.run === s.run && m.step === s.step) : -1;
  return i < 0 ? null : i;
};
const pointing = { neighbour: (n) => zoo.point(indexOf(n)), leave: () => zoo.point(null), pick: (n) => zoo.pick(indexOf(n)) };

/** Puts a bundle's map on show. */
async function showMap(bundle) {
  if (!bundle || bundle === state.map?.bundle) return;
  const late = setTimeout(() => sayOnMap("Loading the zoo…", true), 200);
  const map = await api.map(bundle).finally(() => clearTimeout(late));
  state.map = map;
  sayOnMap("");
  zoo.setMembers(map.members);
  byID("axis-x").textContent = `component 1: ${percent(map.explained[0], 0)} of the variance`;
  byID("axis-y").textContent = `component 2: ${percent(map.explained[1], 0)}`;
  const runs = new Set(map.members.map((m) => m.run)).size;
  const about = byID("map-about");
  about.replaceChildren(`${integer(map.members.length)} snapshots of ${integer(runs)} trainings, as seen by ${bundleName(map.bundle)}. What lies near is alike. The plane is that of the first two principal components of ${map.mean.length}.`,
    map.reference_snapshots > map.members.length ? ` (One in ${Math.round(map.reference_snapshots / map.members.length)} of ${integer(map.reference_snapshots)} is drawn.)` : "");
  recolour();
}

function mapFailed(problem) {
  if (!(problem instanceof api.Problem)) throw problem;
  sayOnMap(sentence(problem.detail));
}

/** Covers the map with a message; "" uncovers it. */
function sayOnMap(text, busy = false) {
  const message = byID("map").querySelector(".map-message");
  message.hidden = text === "";
  message.classList.toggle("busy", busy);
  message.textContent = text;
}

const project = (map, z) => map.axes.map((axis) => axis.reduce((sum, a, j) => sum + a * (z[j] - map.mean[j]), 0));

/** Places every model that the map's bundle has read. */
function placeModels() {
  if (!state.map) return;
  const numbered = state.models.length > 1;
  zoo.setModels(state.models.map((m, i) => ({ ...m, i })).filter((m) => m.answer?.bundle === state.map.bundle).map((m) => {
    const [x, y] = project(state.map, m.answer.embedding);
    const current = state.models[m.i] === state.current;
    const near = current ? (m.answer.neighbours ?? []).map(indexOf).filter((j) => j !== null) : [];
    return { x, y, current, near, label: current ? (numbered ? `${m.i + 1}  ${m.name}` : m.name) : String(m.i + 1) };
  }));
  recolour();
}

function recolour() {
  if (!state.map) return;
  const a = state.current?.answer;
  const first = a?.bundle === state.map.bundle ? [a.predictions?.task?.value, ...(a.neighbours ?? []).map((n) => n.task)].filter(Boolean) : [];
  const { of, legend } = colouring(state.by, state.map.members, { dark: isDark(), first });
  byID("legend").replaceChildren(legend);
  zoo.setColour(of);
}

const isDark = () => document.documentElement.dataset.theme === "dark";

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  byID("theme").textContent = isDark() ? "Light" : "Dark";
  byID("theme").setAttribute("aria-label", isDark() ? "Use light colours" : "Use dark colours");
  recolour();
}

function listenToTheme() {
  let chosen = false;
  byID("theme").addEventListener("click", () => {
    setTheme(isDark() ? "light" : "dark");
    chosen = true;
    try { localStorage.setItem("theme", document.documentElement.dataset.theme); } catch { /* for this page only */ }
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", (e) => { if (!chosen) setTheme(e.matches ? "dark" : "light"); });
  setTheme(document.documentElement.dataset.theme);
}

function listenToFiles() {
  const input = byID("files");
  byID("choose").addEventListener("click", () => input.click());
  input.addEventListener("change", () => { if (input.files.length) read(input.files); input.value = ""; });
  const dragging = (on) => document.body.classList.toggle("dragging", on);
  let depth = 0;
  addEventListener("dragenter", (e) => { if (e.dataTransfer?.types.includes("Files")) { depth++; dragging(true); } });
  addEventListener("dragleave", () => { depth = Math.max(0, depth - 1); if (depth === 0) dragging(false); });
  addEventListener("dragover", (e) => e.preventDefault());
  addEventListener("drop", (e) => {
    e.preventDefault();
    depth = 0;
    dragging(false);
    if (e.dataTransfer.files.length) read([...e.dataTransfer.files]);
  });
  for (const b of document.querySelectorAll("[data-example]")) {
    b.addEventListener("click", () => readExample(b.dataset.example));
  }
}

async function readExample(name) {
  try {
    await read([await api.example(name)]);
  } catch (problem) {
    if (!(problem instanceof api.Problem)) throw problem;
    add({ name, model: null, problem });
  }
}

function listenToMap() {
  byID("zoom-in").addEventListener("click", () => zoo.zoom(1.6));
  byID("zoom-out").addEventListener("click", () => zoo.zoom(1 / 1.6));
  byID("zoom-all").addEventListener("click", () => zoo.fit());
  const choices = [...byID("colour-by").children];
  const choose = (b) => {
    state.by = b.dataset.by;
    for (const c of choices) {
      c.setAttribute("aria-checked", String(c === b));
      c.tabIndex = c === b ? 0 : -1;
    }
    recolour();
  };
  choices.forEach((b, i) => {
    b.addEventListener("click", () => choose(b));
    b.addEventListener("keydown", (e) => {
      const d = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[e.key];
      if (!d) return;
      e.preventDefault();
      const next = choices[(i + d + choices.length) % choices.length];
      next.focus();
      choose(next);
    });
  });
}

/** Lists the bundles and shows the first one's map. */
async function begin() {
  try {
    const bundles = await api.bundles();
    const select = byID("bundle");
    select.replaceChildren(select.options[0], ...bundles.map((b) => h("option", { value: b.name }, bundleName(b.name))));
    if (bundles.length === 0) throw new api.Problem({ detail: "This server has no encoder." });
    await showMap(bundles[0].name);
  } catch (problem) {
    mapFailed(problem);
  }
}

listenToFiles();
listenToMap();
byID("bundle").addEventListener("change", (e) => {
  state.bundle = e.target.value;
  if (state.models.length) readAgain();
  else showMap(state.bundle).catch(mapFailed);
});
listenToTheme();
begin();
api.version().then((v) => { byID("about").textContent = `rnnrepd ${v.version}. Everything on this page comes from this server.`; }, () => {});
