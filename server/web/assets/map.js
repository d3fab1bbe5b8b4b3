// The map of the zoo: a canvas that pans, zooms and answers to pointer and keys.

import { still } from "./dom.js";

const zoomRange = [0.4, 400]; // relative to the view that shows everything
const crowded = 5000; // members from which points are small and without an edge
const reach = 12; // pixels around a point that count as on it

export class ZooMap {
  /** root holds a canvas and a .tip. on are { describe(member): Node, say(member) }. */
  constructor(root, on) {
    this.root = root;
    this.on = on;
    this.canvas = root.querySelector("canvas");
    this.tip = root.querySelector(".tip");
    this.members = [];
    this.runs = new Map();
    this.models = [];
    this.pointed = this.picked = null; // indices of members
    this.pointers = new Map();
    this.view = this.goal = { x: 0, y: 0, scale: 1 }; // what is shown, and what that moves to
    this.colours = []; // of the members; null is the quiet one
    new ResizeObserver(() => this.resize()).observe(root);
    this.listen();
  }

  /** Shows these members: { run, step, x, y, ... }. */
  setMembers(members) {
    this.members = members;
    this.colours = members.map(() => null);
    this.runs = new Map();
    members.forEach((m, i) => this.runs.set(m.run, [...(this.runs.get(m.run) ?? []), i]));
    for (const run of this.runs.values()) run.sort((a, b) => members[a].step - members[b].step);
    this.pointed = this.picked = null;
    this.models = [];
    this.fit(false);
  }

  /** Colours members by of(member); null is the quiet colour. */
  setColour(of) {
    this.colours = this.members.map(of);
    this.draw();
  }

  /** Places models: [{ x, y, label, current, near: [index of member] }]. */
  setModels(models) {
    this.models = models;
    const current = models.find((m) => m.current);
    if (current && !this.visible(current)) this.fit();
    if (current) this.pulse();
    this.draw();
  }

  /** Points at a member as if the mouse were on it; null points at none. */
  point(i) {
    if (i === this.pointed) return;
    this.pointed = i;
    this.draw();
  }

  /** Picks a member and, if it lies outside, brings it in view. */
  pick(i) {
    this.picked = i;
    if (i !== null) {
      if (!this.visible(this.members[i])) this.go({ ...this.goal, x: this.members[i].x, y: this.members[i].y });
      this.on.say(this.members[i]);
    }
    this.draw();
  }

  /** Shows everything. */
  fit(smooth = true) {
    this.moved = false;
    const all = [...this.members, ...this.models];
    if (all.length === 0 || !this.width) return this.draw();
    const [x0, x1] = range(all, "x");
    const [y0, y1] = range(all, "y");
    const margin = 28;
    const scale = Math.min((this.width - 2 * margin) / (x1 - x0 || 1), (this.height - 2 * margin) / (y1 - y0 || 1));
    this.whole = scale;
    this.go({ x: (x0 + x1) / 2, y: (y0 + y1) / 2, scale }, smooth);
  }

  /** Zooms by a factor about a point of the screen, the middle without one. */
  zoom(factor, at = [this.width / 2, this.height / 2], smooth = true) {
    this.moved = true;
    const v = this.goal;
    const scale = Math.min(Math.max(v.scale * factor, this.whole * zoomRange[0]), this.whole * zoomRange[1]);
    const [x, y] = this.place(...at, v);
    const k = v.scale / scale;
    this.go({ x: x + (v.x - x) * k, y: y + (v.y - y) * k, scale }, smooth);
  }

  /** Moves the view by pixels. */
  pan(dx, dy, smooth = false) {
    this.moved = true;
    const v = this.goal;
    this.go({ ...v, x: v.x - dx / v.scale, y: v.y + dy / v.scale }, smooth);
  }

  go(target, smooth = true) {
    cancelAnimationFrame(this.moving);
    this.goal = target;
    if (!smooth || still()) {
      this.view = target;
      return this.draw();
    }
    const from = this.view;
    const start = performance.now();
    const step = (now) => {
      const t = Math.min(1, Math.max(0, (now - start) / 260));
      const e = 1 - (1 - t) ** 3;
      const scale = from.scale * (target.scale / from.scale) ** e;
      this.view = { x: from.x + (target.x - from.x) * e, y: from.y + (target.y - from.y) * e, scale };
      this.draw();
      if (t < 1) this.moving = requestAnimationFrame(step);
    };
    this.moving = requestAnimationFrame(step);
  }

  pulse() {
    if (still()) return;
    const start = performance.now();
    const step = (now) => {
      this.pulsing = Math.min(1, Math.max(0, (now - start) / 900)); // a frame may have begun before
      this.draw();
      if (this.pulsing < 1) requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  at(p) { return [(p.x - this.view.x) * this.view.scale + this.width / 2, (this.view.y - p.y) * this.view.scale + this.height / 2]; }
  place(px, py, v = this.view) { return [(px - this.width / 2) / v.scale + v.x, v.y - (py - this.height / 2) / v.scale]; }
  visible(p) { const [x, y] = this.at(p); return x > 8 && y > 8 && x < this.width - 8 && y < this.height - 8; }

  /** The member nearest to a point of the screen, within some pixels. */
  nearest(px, py, within = reach) {
    let best = null;
    let least = within * within;
    this.members.forEach((m, i) => {
      const [x, y] = this.at(m);
      const d = (x - px) ** 2 + (y - py) ** 2;
      if (d < least) [best, least] = [i, d];
    });
    return best;
  }

  resize() {
    const { clientWidth, clientHeight } = this.root;
    const first = !this.width;
    const ratio = clientWidth / (this.width || clientWidth);
    [this.width, this.height] = [clientWidth, clientHeight];
    const density = Math.min(devicePixelRatio || 1, 3);
    this.canvas.width = Math.round(clientWidth * density);
    this.canvas.height = Math.round(clientHeight * density);
    this.context = this.canvas.getContext("2d");
    this.context.setTransform(density, 0, 0, density, 0, 0);
    if (first || !this.moved) return this.fit(false);
    this.whole *= ratio;
    this.go({ ...this.goal, scale: this.goal.scale * ratio }, false);
  }

  /** Draws at the next frame. */
  draw() {
    if (this.waiting || !this.context) return;
    this.waiting = requestAnimationFrame(() => { this.waiting = null; this.paint(); });
  }

  paint() {
    const style = getComputedStyle(this.root);
    const ink = (name) => style.getPropertyValue(name);
    const c = this.context;
    c.clearRect(0, 0, this.width, this.height);
    this.paintGrid(c, ink("--line"));
    this.paintMembers(c, ink("--dot"), ink("--dot-edge"));
    const shown = this.pointed ?? this.picked;
    if (shown !== null) this.paintRun(c, shown, ink("--ink"), ink("--card"));
    this.paintModels(c, ink("--accent"), ink("--card"), ink("--ink"), style.fontFamily);
    this.placeTip(shown);
  }

  paintGrid(c, line) {
    const step = 2 ** Math.round(Math.log2(90 / this.view.scale));
    const [x0, y1] = this.place(0, 0);
    const [x1, y0] = this.place(this.width, this.height);
    c.strokeStyle = line;
    c.lineWidth = 1;
    c.beginPath();
    for (let x = Math.ceil(x0 / step) * step; x <= x1; x += step) {
      const px = Math.round(this.at({ x, y: 0 })[0]) + 0.5;
      c.moveTo(px, 0);
      c.lineTo(px, this.height);
    }
    for (let y = Math.ceil(y0 / step) * step; y <= y1; y += step) {
      const py = Math.round(this.at({ x: 0, y })[1]) + 0.5;
      c.moveTo(0, py);
      c.lineTo(this.width, py);
    }
    c.stroke();
  }

  /** How large a point is: larger as one zooms in, smaller the more there are and the narrower the map. */
  radius() {
    const crowd = this.members.length > crowded ? 1.9 : this.members.length > 1200 ? 2.6 : 3.4;
    return crowd * Math.min(1, Math.max(0.7, this.width / 560)) * Math.min(2.2, Math.max(1, (this.view.scale / this.whole) ** 0.3));
  }

  paintMembers(c, quiet, edge) {
    const r = this.radius();
    const set = this.colours.includes(null) ? r + 1 : r; // coloured ones among quiet ones stand out
    const edged = this.members.length <= crowded; // an edge takes as long as the point
    c.strokeStyle = edge;
    c.lineWidth = 0.7;
    const paint = (m, colour) => {
      const [x, y] = this.at(m);
      if (x < -r || y < -r || x > this.width + r || y > this.height + r) return;
      c.fillStyle = colour ?? quiet;
      c.beginPath();
      c.arc(x, y, colour ? set : r, 0, 2 * Math.PI);
      c.fill();
      if (colour && edged) c.stroke();
    };
    c.globalAlpha = 0.9;
    this.members.forEach((m, i) => this.colours[i] === null && paint(m, null));
    this.members.forEach((m, i) => this.colours[i] !== null && paint(m, this.colours[i]));
    c.globalAlpha = 1;
  }

  /** The training of a member's run as a path, with the member set off. */
  paintRun(c, i, ink, card) {
    const run = this.runs.get(this.members[i].run);
    const chosen = this.members[i];
    c.strokeStyle = ink;
    c.lineWidth = 1.4;
    c.lineJoin = "round";
    c.beginPath();
    run.forEach((j) => c.lineTo(...this.at(this.members[j])));
    c.stroke();
    const r = this.radius() + 1;
    for (const j of run) {
      const m = this.members[j];
      c.beginPath();
      c.arc(...this.at(m), m === chosen ? r + 2.2 : r, 0, 2 * Math.PI);
      c.fillStyle = this.colours[j] ?? card;
      c.fill();
      c.lineWidth = m === chosen ? 2 : 1.2;
      c.stroke();
    }
  }

  paintModels(c, accent, card, ink, family) {
    for (const m of [...this.models].sort((a, b) => a.current - b.current)) {
      const [x, y] = this.at(m);
      c.strokeStyle = accent;
      if (m.current) {
        c.lineWidth = 1;
        c.globalAlpha = 0.8;
        c.beginPath();
        for (const j of m.near) {
          c.moveTo(x, y);
          c.lineTo(...this.at(this.members[j]));
        }
        c.stroke();
        c.globalAlpha = 1;
        if (this.pulsing < 1) {
          c.globalAlpha = 1 - this.pulsing;
          c.lineWidth = 2;
          c.beginPath();
          c.arc(x, y, 9 + 34 * this.pulsing, 0, 2 * Math.PI);
          c.stroke();
          c.globalAlpha = 1;
        }
      }
      c.beginPath();
      c.arc(x, y, m.current ? 8 : 6, 0, 2 * Math.PI);
      c.fillStyle = card;
      c.fill();
      c.lineWidth = m.current ? 3 : 2;
      c.stroke();
      if (m.current) {
        c.beginPath();
        c.arc(x, y, 3, 0, 2 * Math.PI);
        c.fillStyle = accent;
        c.fill();
      }
      this.paintLabel(c, m, x, y, card, ink, family);
    }
  }

  paintLabel(c, m, x, y, card, ink, family) {
    c.font = `${m.current ? 600 : 500} 13px ${family}`;
    const w = c.measureText(m.label).width;
    const left = x + 22 + w < this.width - 6 ? x + 12 : x - 22 - w;
    c.globalAlpha = 0.86;
    c.fillStyle = card;
    c.beginPath();
    c.roundRect(left, y - 12, w + 10, 24, 6);
    c.fill();
    c.globalAlpha = 1;
    c.textBaseline = "middle";
    c.fillStyle = ink;
    c.fillText(m.label, left + 5, y + 0.5);
  }

  placeTip(i) {
    this.tip.hidden = i === null;
    if (i === null) return;
    if (this.tipped !== this.members[i]) this.tip.replaceChildren(this.on.describe(this.members[i]));
    this.tipped = this.members[i];
    const [x, y] = this.at(this.members[i]);
    const left = x + 16 + this.tip.offsetWidth < this.width ? x + 16 : x - 16 - this.tip.offsetWidth;
    const top = Math.min(Math.max(6, y - this.tip.offsetHeight - 10), this.height - this.tip.offsetHeight - 6);
    this.tip.style.transform = `translate(${Math.round(Math.max(6, left))}px, ${Math.round(top)}px)`;
  }

  listen() {
    const { root } = this;
    root.addEventListener("keydown", (e) => this.key(e));
    root.addEventListener("wheel", (e) => {
      if (document.activeElement !== root && !e.ctrlKey) return; // the page scrolls
      e.preventDefault();
      this.zoom(Math.exp(-e.deltaY * (e.deltaMode ? 0.05 : 0.0018) * (e.ctrlKey ? 4 : 1)), this.local(e), false);
    }, { passive: false });
    root.addEventListener("pointerdown", (e) => {
      this.pointers.set(e.pointerId, { at: this.local(e), start: this.local(e) });
      if (e.pointerType === "mouse") root.setPointerCapture(e.pointerId);
    });
    root.addEventListener("pointermove", (e) => this.move(e));
    root.addEventListener("pointerup", (e) => this.release(e));
    root.addEventListener("pointercancel", (e) => this.pointers.delete(e.pointerId));
    root.addEventListener("pointerleave", (e) => { this.pointers.delete(e.pointerId); this.point(null); });
  }

  local(e) {
    const box = this.root.getBoundingClientRect();
    return [e.clientX - box.left, e.clientY - box.top];
  }

  move(e) {
    const p = this.pointers.get(e.pointerId);
    const at = this.local(e);
    if (!p) return e.pointerType === "mouse" && this.point(this.nearest(...at));
    const others = [...this.pointers].filter(([id]) => id !== e.pointerId).map(([, q]) => q);
    if (others.length === 0) {
      this.pan(at[0] - p.at[0], at[1] - p.at[1]);
    } else { // two fingers: what is between them stays between them
      const o = others[0].at;
      const middle = [(at[0] + o[0]) / 2, (at[1] + o[1]) / 2];
      this.pan((at[0] - p.at[0]) / 2, (at[1] - p.at[1]) / 2);
      this.zoom(Math.hypot(at[0] - o[0], at[1] - o[1]) / Math.max(1, Math.hypot(p.at[0] - o[0], p.at[1] - o[1])), middle, false);
    }
    p.at = at;
  }

  release(e) {
    const p = this.pointers.get(e.pointerId);
    this.pointers.delete(e.pointerId);
    if (p && Math.hypot(p.at[0] - p.start[0], p.at[1] - p.start[1]) < 5) this.pick(this.nearest(...this.local(e), e.pointerType === "mouse" ? reach : 24));
  }

  key(e) {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const arrows = { ArrowLeft: [80, 0], ArrowRight: [-80, 0], ArrowUp: [0, 80], ArrowDown: [0, -80] };
    const others = {
      "+": () => this.zoom(1.6), "=": () => this.zoom(1.6), "-": () => this.zoom(1 / 1.6), 0: () => this.fit(),
      Enter: () => this.pick(this.nearest(this.width / 2, this.height / 2, Infinity)), " ": () => this.pick(this.nearest(this.width / 2, this.height / 2, Infinity)),
      ",": () => this.along(-1), ".": () => this.along(1), Escape: () => this.pick(null),
    };
    if (arrows[e.key]) this.pan(...arrows[e.key], true);
    else if (others[e.key]) others[e.key]();
    else return;
    e.preventDefault();
  }

  /** Picks the snapshot before or after the picked one in its run. */
  along(d) {
    if (this.picked === null) return;
    const run = this.runs.get(this.members[this.picked].run);
    const next = run[run.indexOf(this.picked) + d];
    if (next !== undefined) this.pick(next);
  }
}

function range(points, axis) {
  let [low, high] = [Infinity, -Infinity];
  for (const p of points) {
    low = Math.min(low, p[axis]);
    high = Math.max(high, p[axis]);
  }
  return [low, high];
}
