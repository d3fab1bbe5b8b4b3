// Numbers, structures and tasks as people write them.

import { h } from "./dom.js";

const units = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];

/** 2 -> "two", 2000 -> "2,000" */
export const count = (n) => units[n] ?? integer(n);

/** 20000 -> "20,000" */
export const integer = (n) => Math.round(n).toLocaleString("en-US");

/** 20000 -> "20k" */
export const short = (n) => (n >= 1000 && n % 100 === 0 ? `${n / 1000}k` : String(n));

/** "a key is needed" -> "A key is needed." */
export const sentence = (s) => s.charAt(0).toUpperCase() + s.slice(1).replace(/[.]?$/, ".");

/** 1 -> "1 step" */
export const plural = (n, one, many = one + "s") => `${integer(n)} ${n === 1 ? one : many}`;

/** 0.934 -> "93.4 %" */
export function percent(x, digits = 1) {
  const s = (100 * x).toFixed(digits);
  return `${Number(s) === 100 || Number(s) === 0 ? Number(s).toFixed(0) : s}\u202f%`.replace("-", "\u2212");
}

/** -0.5 -> "−0.50" */
export const decimal = (x, digits = 2) => x.toFixed(digits).replace(/^-(0\.?0*)$/, "$1").replace("-", "\u2212");

/** 4.7e-7 -> 5 × 10⁻⁷, as nodes */
export function power(x) {
  if (x === 0) return ["0"];
  const [m, e] = x.toExponential(0).split("e");
  const exponent = Number(e);
  if (exponent >= -3 && exponent <= 5) return [String(Number(x.toPrecision(1)))];
  return [`${m}\u202f×\u202f10`, h("sup", {}, decimal(exponent, 0))];
}

const cells = { lstm: "LSTM", gru: "GRU", rnn_tanh: "tanh RNN", rnn_relu: "ReLU RNN", mixed: "mixed recurrent network" };

/** The structure of an RNN in a sentence. */
export function structure(r) {
  const cell = cells[r.cell] ?? r.cell;
  const equal = r.hidden.every((n) => n === r.hidden[0]);
  let s = r.layers === 1 ? `One layer of ${r.bidirectional ? "bidirectional " : ""}${cell}` : `A ${count(r.layers)}-layer ${r.bidirectional ? "bidirectional " : ""}${cell}`;
  if (r.layers === 1) s += `, ${plural(r.hidden[0], "unit")}`;
  else s += equal ? `, ${plural(r.hidden[0], "unit")} each` : ` of ${list(r.hidden.map(integer))} units`;
  s += `, reading ${plural(r.inputs, "input")}`;
  return s + (r.outputs > 0 ? ` and giving ${plural(r.outputs, "output")}.` : `; it has no readout.`);
}

/** ["a", "b", "c"] -> "a, b and c" */
export const list = (words) => words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;

const methods = { reference_evaluator: "the file’s own outputs, computed node by node", onnxruntime: "ONNX Runtime" };

/** How the reading was checked, as nodes. */
export function verification(v) {
  if (!v || !methods[v.method]) return ["The reading was not checked", v?.note ? `: ${v.note}` : ".", ""];
  return [`Checked against ${methods[v.method]}: they agree to `, ...power(v.max_abs_error), ".", v.note ? ` ${v.note}` : ""];
}

/** 365 -> "5°" */
export const angle = (degrees) => `${integer((Math.round(degrees) + 720) % 360)}°`;

/** "rotation 12.5 degrees" -> "rotation" if a task is an angle, else null. */
export const angleOf = (text) => text?.match(/^(.*?)\s*-?\d+(?:\.\d+)? degrees?$/)?.[1] ?? null;

const plain = (name) => name.replaceAll("_", " ").replace(/\bmnist\b/, "MNIST");

/** A task as people write it: a^n b^(n+1) gets its superscripts, rotation 12.5
 * degrees its sign, and formal_languages, a family, a space. */
export function task(text = "") {
  text = text.replace(/(\d) degrees?$/, "$1°");
  if (/^[a-z]+(_[a-z]+)*$/.test(text)) text = plain(text);
  const parts = [];
  let last = 0;
  for (const m of text.matchAll(/\^(\([^()]*\)|\w+)/g)) {
    parts.push(text.slice(last, m.index), h("sup", {}, m[1].replace(/^\(|\)$/g, "").replace("-", "\u2212")));
    last = m.index + m[0].length;
  }
  return h("span", { class: parts.length ? "task formula" : "task" }, ...parts, text.slice(last));
}

/** "formal_languages/interactive_probing" -> "interactive probing of formal
 * languages"; universal is no family but all of them. */
export function bundleName(name) {
  const [family, encoder] = name.split("/");
  return `${plain(encoder ?? "")} of ${family === "universal" ? "networks of every kind" : plain(family)}`;
}
