// Colour scales that people with any colour vision can read.

// Matplotlib's viridis (CC0) at ten even steps.
const viridis = ["#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"];
// Matplotlib's twilight (CC0) for angles: its ends meet.
const twilight = ["#a9c0c8", "#7f9fc0", "#6276ba", "#5d4ab0", "#541a7d", "#301437", "#5e1f4d", "#96383f", "#b2654f", "#c39b7f", "#a9c0c8"];
// Okabe and Ito's colours without black and yellow.
const distinct = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00"];

/** How many tasks have a colour of their own. */
export const tasksInColour = distinct.length;
export const distinctColour = (i) => distinct[i];

const channels = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));

function between(stops, t) {
  const at = Math.min(Math.max(t, 0), 1) * (stops.length - 1);
  const i = Math.min(Math.floor(at), stops.length - 2);
  const [a, b] = [channels(stops[i]), channels(stops[i + 1])];
  return `rgb(${a.map((x, c) => Math.round(x + (b[c] - x) * (at - i))).join(" ")})`;
}

/** t from 0 to 1. The end that would sink into the background is left out. */
export const sequential = (t, dark) => between(viridis, dark ? 0.14 + 0.86 * t : 0.95 * t);
export const cyclic = (t) => between(twilight, t);

const number = /-?\d+(\.\d+)?/g;

/** If tasks differ in one number alone: that number of each, its range, and whether it is an angle. */
export function numericTasks(tasks) {
  const frames = new Set(tasks.map((t) => t.replace(number, "#")));
  const values = new Map(tasks.map((t) => [t, t.match(number)?.map(Number) ?? []]));
  if (frames.size !== 1 || tasks.length < 2 || [...values.values()].some((v) => v.length !== 1)) return null;
  const all = [...values.values()].map((v) => v[0]);
  const angle = tasks[0].includes("degree");
  return { of: (t) => values.get(t)?.[0], low: angle ? 0 : Math.min(...all), high: angle ? 360 : Math.max(...all), angle };
}
