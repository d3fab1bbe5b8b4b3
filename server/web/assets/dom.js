// Elements without markup: text can never become HTML.

const vector = new Set(["svg", "g", "line", "rect", "circle", "path", "text", "title"]);

/** h("p", {class: "note"}, "text", child, null) makes an element; vars are CSS
 * variables without their dashes. */
export function h(tag, attributes = {}, ...children) {
  const e = vector.has(tag) ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "vars") for (const [v, x] of Object.entries(value)) e.style.setProperty(`--${v}`, x);
    else if (name.startsWith("on")) e.addEventListener(name.slice(2), value);
    else e.setAttribute(name, value === true ? "" : value);
  }
  e.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false));
  return e;
}

/** byID("map") is the element of that id. */
export const byID = (id) => document.getElementById(id);

/** Whether the person has asked for little movement. */
export const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
