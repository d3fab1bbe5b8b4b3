// What is shown of one model: the answer of POST /v1/predict, or what went wrong.

import { h } from "./dom.js";
import { dial, distribution, embedding, gapScale, interval } from "./charts.js";
import { angle, angleOf, bundleName, decimal, integer, percent, plural, structure, task, verification } from "./words.js";

/** A snapshot's run and step from a neighbour's id; null if it has none. */
export function snapshot(id) {
  const m = id.match(/\/run-(\d+)\/step-(\d+)$/);
  return m && { run: Number(m[1]), step: Number(m[2]) };
}

/** The answer for a model; on are {neighbour(n), leave()} for pointing at a neighbour, and pick(n). */
export function answerCard(name, a, on) {
  return h("article", { class: "answer", "aria-label": name },
    h("header", {},
      h("p", { class: "file" }, name),
      h("h1", { class: "sentence" }, structure(a.rnn)),
      h("p", { class: "note" }, `${integer(a.rnn.parameters)} weights, found as ${a.rnn.found}. `, ...verification(a.verified), ` Read by ${bundleName(a.bundle)}.`),
      h("a", { class: "note to-map", href: "#map-title" }, "Its place on the map")),
    a.trust ? trust(a.trust) : null,
    predictions(a.predictions ?? {}),
    relatives(a.neighbours ?? [], on),
    more(a));
}

/** How far to trust the numbers. */
function trust(t) {
  const closer = Math.round(100 * t.distance_quantile);
  const where = closer >= 100 ? "Every network of the zoo lies nearer to its relatives than this one."
    : `${closer}\u202f% of the zoo’s own networks lie nearer to their relatives than this one.`;
  return h("section", { class: `trust ${t.in_population ? "inside" : "outside"}`, "aria-label": "How far to trust this" },
    h("svg", { viewBox: "0 0 20 20", width: 20, height: 20, "aria-hidden": "true" },
      t.in_population ? h("path", { d: "m4.5 10.5 3.6 3.6 7.4-8" }) : h("path", { d: "M10 3 2.5 16.5h15zM10 8.2v4M10 14.6v.1" })),
    h("div", {},
      h("h2", {}, t.in_population ? "Like the networks of the zoo" : "Unlike the networks of the zoo: take the numbers as a guess"),
      h("p", {}, t.note || where),
      h("div", { class: "quantile", vars: { at: `${100 * t.distance_quantile}%` }, role: "img", "aria-label": where })));
}

function predictions(p) {
  const rows = [p.accuracy && accuracy(p.accuracy), p.training_stage && trainingStage(p.training_stage), p.generalization_gap && gap(p.generalization_gap), p.task?.value && taskRow(p.task)];
  const level = Math.round(100 * (p.accuracy ?? p.generalization_gap ?? p.training_stage ?? {}).level);
  return h("section", { class: "predictions", "aria-label": "Predictions" }, rows,
    level ? h("p", { class: "note" }, `The pale bands are ${level}\u202f% intervals: of networks like the zoo’s, ${level} in 100 have their true value inside.`) : null);
}

const range = ([low, high], write) => `${write(low)} to ${write(high)}`;

function accuracy(e) {
  const narrow = e.interval[1] - e.interval[0] < 0.05;
  return prediction("Accuracy", percent(e.value), range(e.interval, (x) => percent(x, narrow ? 1 : 0)),
    interval(e, { low: 0, high: 1, ticks: [0, 0.25, 0.5, 0.75, 1], write: (x) => percent(x, 0) }));
}

function trainingStage(e) {
  const said = e.interval[0] === e.interval[1] ? "and no other is likely" : range(e.interval, integer);
  return prediction("Training stage", [integer(e.value), unit("steps")], said, distribution(e));
}

function gap(e) {
  const scale = gapScale(e);
  const digits = Math.max(2, scale.digits + 1);
  return prediction("Generalization gap", [decimal(e.value, digits), e.unit ? unit(e.unit) : null], range(e.interval, (x) => decimal(x, digits)),
    interval(e, { ...scale, write: (x) => (x === 0 ? "0" : decimal(x, scale.digits)) }));
}

/** The task: one of many with its probability, or numbers with their intervals; an
 * angle has a dial. */
function taskRow(t) {
  const what = angleOf(t.value);
  if (what !== null && t.intervals?.length === 1) {
    const [low, high] = t.intervals[0];
    return prediction(what ? `Task: ${what}` : "Task", angle(t.parameters[0]), high - low >= 360 ? "or any other angle" : range([low, high], angle), dial(t.parameters[0], [low, high]));
  }
  const said = t.intervals ? t.intervals.map((i) => range(i, decimal)).join("; ") : t.probability ? `with probability ${percent(t.probability, 0)}` : "";
  return prediction("Task", task(t.value), said, null);
}

const unit = (text) => h("span", { class: "unit" }, ` ${text}`);

const prediction = (label, value, range, chart) => h("div", { class: "prediction" },
  h("h2", {}, label), h("p", { class: "value" }, value, h("span", { class: "range" }, range)), chart);

/** The nearest snapshots of the zoo. */
function relatives(neighbours, on) {
  if (neighbours.length === 0) return null;
  return h("section", { class: "relatives", "aria-labelledby": "relatives-title" },
    h("h2", { id: "relatives-title" }, "Nearest relatives"),
    h("table", {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Task"), h("th", { scope: "col", class: "n" }, "Steps"),
        h("th", { scope: "col", class: "n" }, "Accuracy"), h("th", { scope: "col", class: "n" }, "Distance"))),
      h("tbody", {}, neighbours.map((n) => {
        const s = snapshot(n.id);
        const name = n.task ? task(n.task) : n.id;
        return h("tr", { onpointerenter: () => on.neighbour(n), onpointerleave: on.leave },
          h("th", { scope: "row" }, s ? h("button", { type: "button", class: "link", title: `Show ${n.id} on the map`, onclick: () => on.pick(n), onfocus: () => on.neighbour(n), onblur: on.leave }, name) : name),
          h("td", { class: "n" }, s ? integer(s.step) : ""), h("td", { class: "n" }, percent(n.accuracy)), h("td", { class: "n" }, decimal(n.distance, 3)));
      }))));
}

/** The embedding, and how a program gets the same. */
function more(a) {
  const json = JSON.stringify(a, null, 2);
  const copied = h("span", { role: "status" });
  const copy = () => navigator.clipboard.writeText(json).then(() => { copied.textContent = " Copied."; }, () => { copied.textContent = " The browser did not allow it."; });
  return h("details", { class: "more" },
    h("summary", {}, "Embedding, and the same for programs"),
    h("p", { class: "note" }, `${plural(a.embedding.length, "number")} from ${bundleName(a.bundle)}.`),
    embedding(a.embedding),
    h("pre", { tabindex: "0" }, h("code", {}, `curl --data-binary @${a.file || "model.onnx"} \\\n  ${location.origin}/v1/predict?bundle=${a.bundle}`)),
    h("p", {}, navigator.clipboard ? h("button", { type: "button", class: "quiet", onclick: copy }, "Copy the JSON") : null, copied),
    h("p", { class: "note hash" }, `SHA-256 ${a.sha256}`));
}

const titles = {
  not_onnx: "This is not an ONNX file", truncated: "The file ends too early", too_large: "The file is too large", too_deep: "The file is nested too deeply",
  empty_input: "The file is empty", invalid_graph: "The graph in this file is broken", shape_mismatch: "The shapes in this file do not fit together",
  no_recurrence: "There is no recurrent network in this file", unsupported_cell: "This kind of recurrent cell cannot be read", unsupported_op: "This file uses an operator that cannot be read",
  weights_not_constant: "The weights are not in the file", external_data_missing: "The weights are in another file", external_data_refused: "The file points where it may not",
  non_finite_weights: "Some weights are not finite", non_finite_outputs: "This network computes no finite numbers", verification_failed: "What was read does not compute what the file computes",
  spec_not_accepted: "No encoder here reads a network of this shape", no_model: "There is no .onnx file in it", damaged_archive: "The archive is damaged",
  which_model: "Which of these is the model?", unauthorized: "This server asks for an API key", forbidden: "This API key is not allowed to do that",
  busy: "The server is busy", draining: "The server is shutting down", timeout: "The answer took too long", slow_upload: "The upload took too long",
  no_answer: "The server does not answer", internal: "The server made a mistake", unknown_bundle: "That encoder is gone",
};

/** What went wrong with a model; retry(key) is called with an API key, and
 * leaveBundle, if a bundle was chosen, to take the best instead. */
export function problemCard(name, p, retry, leaveBundle) {
  const row = (term, ...text) => (text[0] ? [h("dt", {}, term), h("dd", {}, ...text)] : []);
  return h("div", { class: "problem", role: "alert" },
    h("p", { class: "file" }, name),
    h("h1", { class: "sentence" }, titles[p.code] ?? p.title ?? "Something went wrong"),
    h("dl", {},
      row("Found", p.detail), row("At", p.node && h("code", {}, p.node)), row("Accepted", p.accepted), row("What to do", p.hint),
      row("Code", p.code && h("code", {}, p.code), p.status ? ` (status ${p.status})` : ""), row("Request", p.status === 500 && p.request && h("code", {}, p.request))),
    p.code === "external_data_missing" ? h("p", { class: "note" }, "Drop the missing file on this page: it is sent together with the model.") : null,
    p.code === "spec_not_accepted" && leaveBundle ? h("button", { type: "button", class: "primary", onclick: leaveBundle }, "Let the best encoder read it") : null,
    p.status === 401 || p.status === 403 ? keyForm(retry) : null);
}

function keyForm(retry) {
  const input = h("input", { type: "password", id: "key", autocomplete: "off", required: true });
  const send = (e) => { e.preventDefault(); retry(input.value); };
  return h("form", { class: "key", onsubmit: send }, h("label", { for: "key" }, "API key"), input, h("button", { type: "submit", class: "primary" }, "Use it"));
}
