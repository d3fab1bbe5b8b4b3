// Small charts of predictions: an interval on a scale, a distribution over
// steps, an embedding.

import { h } from "./dom.js";
import { angle, integer, percent, short } from "./words.js";

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

/** The scale of a generalization gap: zero, the interval, and round numbers around
 * them, with as many digits as those need. */
export function gapScale(e) {
  const from = Math.min(0, e.value, e.interval[0]);
  const to = Math.max(0, e.value, e.interval[1]);
  const step = roundUp((to - from) / 5 || 1);
  const first = Math.floor(from / step + 1e-9);
  const last = Math.max(first + 2, Math.ceil(to / step - 1e-9));
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
  return { low: ticks[0], high: ticks.at(-1), ticks, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

/** The least of 1, 2 and 5 times a power of ten that is at least x. */
function roundUp(x) {
  const power = 10 ** Math.floor(Math.log10(x));
  return power * [1, 2, 5, 10].find((m) => m * power >= x * (1 - 1e-9));
}

/** An angle in degrees with its interval, which may pass 360, as the hand of a dial. */
export function dial(value, [from, to]) {
  const at = (degrees, r) => {
    const a = (degrees * Math.PI) / 180;
    return `${(50 + r * Math.cos(a)).toFixed(2)} ${(50 - r * Math.sin(a)).toFixed(2)}`;
  };
  const whole = to - from >= 360;
  const arc = whole ? null : h("path", { class: "arc", d: `M${at(from, 34)}A34 34 0 ${to - from > 180 ? 1 : 0} 0 ${at(to, 34)}` });
  return h("div", { class: "dial", role: "img", "aria-label": whole ? `${angle(value)}, and any other angle is possible` : `${angle(value)}, interval from ${angle(from)} to ${angle(to)}` },
    h("svg", { viewBox: "0 0 100 100" },
      h("circle", { class: whole ? "arc" : "ring", cx: 50, cy: 50, r: 34 }), arc,
      h("path", { class: "hand", d: `M50 50L${at(value, 34)}` }), h("circle", { class: "hub", cx: 50, cy: 50, r: 3 })),
    ["0°", "90°", "180°", "270°"].map((label, i) => h("span", { class: `at-${90 * i}` }, label)));
}

const mostLabels = 10;

/** Probabilities of training stages as columns; those of the interval are set off. */
export function distribution(stage) {
  const columns = Object.entries(stage.distribution).map(([step, p]) => ({ step: Number(step), p })).sort((a, b) => a.step - b.step);
  const top = Math.max(...columns.map((c) => c.p));
  const said = [...columns].sort((a, b) => b.p - a.p).slice(0, 3).map((c) => `${integer(c.step)} steps ${percent(c.p, 0)}`).join(", ");
  const labelled = Math.ceil(columns.length / mostLabels);
  return h("div", { class: "distribution", role: "img", "aria-label": `Most probable: ${said}` },
    columns.map(({ step, p }, i) => {
      const inside = step >= stage.interval[0] && step <= stage.interval[1];
      return h("div", { class: `column${step === stage.value ? " best" : inside ? " inside" : ""}`, title: `${integer(step)} steps: ${percent(p)}` },
        h("span", { class: "bar", vars: { share: share(p / top) } }, h("span", { class: "p" }, step === stage.value ? percent(p, 0) : "")),
        h("span", { class: "step" }, (columns.length - 1 - i) % labelled === 0 || step === stage.value ? short(step) : "\u00a0"));
    }));
}

/** An embedding as bars above and below zero. */
export function embedding(z) {
  const top = Math.max(...z.map(Math.abs), 1e-9);
  return h("div", { class: "embedding", role: "img", "aria-label": `Embedding of ${z.length} numbers` },
    z.map((x) => h("span", { class: x < 0 ? "below" : "above", title: x.toFixed(4), vars: { share: share(Math.abs(x) / top) } })));
}
