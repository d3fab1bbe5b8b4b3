// How the members of a map are coloured by a property, with the legend.

import { h } from "./dom.js";
import { cyclic, distinctColour, numericTasks, sequential, tasksInColour } from "./colour.js";
import { angleOf, integer, percent, short, task } from "./words.js";

const ramp = (colour) => h("span", { class: "ramp", vars: { ramp: `linear-gradient(to right, ${Array.from({ length: 21 }, (_, i) => colour(i / 20)).join(", ")})` } });
const captioned = (caption, content) => h("div", {}, content, h("p", { class: "caption" }, caption));
const scale = (colour, low, middle, high) => h("div", { class: "scale" }, ramp(colour), h("span", { class: "ends" }, h("span", {}, low), h("span", {}, middle), h("span", {}, high)));

/** by is "accuracy", "stage" or "task"; first are tasks that must have a colour.
 * Returns { of(member): a CSS colour or null for the background's, legend }. */
export function colouring(by, members, { dark, first = [] }) {
  if (by === "accuracy") {
    return { of: (m) => sequential(m.accuracy, dark), legend: scale((t) => sequential(t, dark), percent(0), "accuracy", percent(1)) };
  }
  return by === "stage" ? byStage(members, dark) : byTask(members, dark, first);
}

const mostSteps = 12;

function byStage(members, dark) {
  const steps = [...new Set(members.map((m) => m.step))].sort((a, b) => a - b);
  if (steps.length > mostSteps) {
    const t = (step) => Math.log1p(step) / Math.log1p(steps.at(-1) || 1);
    return { of: (m) => sequential(t(m.step), dark), legend: scale((x) => sequential(x, dark), integer(steps[0]), "training steps", integer(steps.at(-1))) };
  }
  const t = new Map(steps.map((s, i) => [s, i / Math.max(1, steps.length - 1)]));
  return { of: (m) => sequential(t.get(m.step), dark),
    legend: captioned("training steps", h("ul", { class: "blocks", "aria-label": "Training steps" }, steps.map((s) => h("li", {}, h("span", { class: "block", vars: { colour: sequential(t.get(s), dark) } }), short(s))))) };
}

function byTask(members, dark, first) {
  const sizes = new Map();
  for (const m of members) sizes.set(m.task, (sizes.get(m.task) ?? 0) + 1);
  const all = [...sizes.keys()];
  const numeric = numericTasks(all);
  if (numeric) {
    const colour = (t) => (numeric.angle ? cyclic(t) : sequential(t, dark));
    return { of: (m) => colour((numeric.of(m.task) - numeric.low) / (numeric.high - numeric.low || 1)),
      legend: scale(colour, ...(numeric.angle ? ["0°", angleOf(all[0]) || "angle", "360°"] : [numeric.low, all[0].replace(/-?\d+(\.\d+)?/, "").trim(), numeric.high])) };
  }
  const shown = [...new Set([...first.filter((t) => sizes.has(t)), ...all.sort((a, b) => sizes.get(b) - sizes.get(a) || (a < b ? -1 : 1))])].slice(0, tasksInColour);
  const index = new Map(shown.map((t, i) => [t, i]));
  const others = all.length - shown.length;
  return { of: (m) => (index.has(m.task) ? distinctColour(index.get(m.task)) : null),
    legend: h("ul", { class: "tasks" }, shown.map((t, i) => h("li", {}, h("span", { class: "dot", vars: { colour: distinctColour(i) } }), task(t))),
      others > 0 ? h("li", {}, h("span", { class: "dot rest" }), `${integer(others)} other tasks`) : null) };
}
