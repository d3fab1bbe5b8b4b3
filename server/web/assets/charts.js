// Small charts of predictions: an interval on a scale, a distribution over
// steps, an embedding.

import { h } from "./dom.js";
import { integer, percent, short } from "./words.js";

const share = (x) => Math.min(Math.max(x, 0), 1).toFixed(4);
const place = (x) => `${(100 * share(x)).toFixed(2)}%`;

/** A value with its interval on a scale from low to high, with labelled ticks. */
export function interval(e, { low, high, ticks, write }) {
  const at = (x) => place((x - low) / (high - low));
  return h("div", { class: "interval", role: "img", "aria-label": `${write(e.value)}, interval from ${write(e.interval[0])} to ${write(e.interval[1])}` },
    h("span", { class: "track" }),
    h("span", { class: "band", vars: { from: at(e.interval[0]), to: at(e.interval[1]) } }),
    h("span", { class: "mark", vars: { at: at(e.value) } }),
    ticks.map((t, i) => h("span", { class: i === 0 ? "tick first" : i === ticks.length - 1 ? "tick last" : "tick", vars: { at: at(t) } }, write(t))));
}

/** The scale of a generalization gap: zero, the interval, and whole numbers around them. */
export function gapScale(e) {
  const step = Math.max(1, Math.ceil((e.interval[1] - e.interval[0]) / 4));
  const low = Math.min(0, step * Math.floor(e.interval[0] / step));
  const high = Math.max(low + 2 * step, step * Math.ceil(e.interval[1] / step));
  const ticks = [];
  for (let t = low; t <= high; t += step) ticks.push(t);
  return { low, high, ticks };
}

/** Probabilities of training stages as columns; those of the interval are set off. */
export function distribution(stage) {
  const columns = Object.entries(stage.distribution).map(([step, p]) => ({ step: Number(step), p })).sort((a, b) => a.step - b.step);
  const top = Math.max(...columns.map((c) => c.p));
  const said = [...columns].sort((a, b) => b.p - a.p).slice(0, 3).map((c) => `${integer(c.step)} steps ${percent(c.p, 0)}`).join(", ");
  return h("div", { class: "distribution", role: "img", "aria-label": `Most probable: ${said}` },
    columns.map(({ step, p }) => {
      const inside = step >= stage.interval[0] && step <= stage.interval[1];
      return h("div", { class: `column${step === stage.value ? " best" : inside ? " inside" : ""}`, title: `${integer(step)} steps: ${percent(p)}` },
        h("span", { class: "bar", vars: { share: share(p / top) } }, h("span", { class: "p" }, step === stage.value ? percent(p, 0) : "")),
        h("span", { class: "step" }, short(step)));
    }));
}

/** An embedding as bars above and below zero. */
export function embedding(z) {
  const top = Math.max(...z.map(Math.abs), 1e-9);
  return h("div", { class: "embedding", role: "img", "aria-label": `Embedding of ${z.length} numbers` },
    z.map((x) => h("span", { class: x < 0 ? "below" : "above", title: x.toFixed(4), vars: { share: share(Math.abs(x) / top) } })));
}
