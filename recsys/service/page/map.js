// The map: the items as dots in one of two planes, the person among them.

import { $, calm, el, fill, oneLine, say } from "./dom.js";

// Far apart for the colour-blind, too, and from the grey of the others; as in the movie map.
const LIGHT = ["#1e58d3", "#ed264d", "#529c6c", "#cc7219", "#61088d", "#02c3ec", "#900258", "#525603", "#4c1f0e"];
const DARK = ["#2b87f3", "#b53e33", "#20c372", "#bc7900", "#9359ac", "#03fffb", "#bfadfe", "#9ddd5c", "#ffddba"];
const FONT = "system-ui, sans-serif";
const TITLE = 34; // characters of a title
const MOVE = 700; // milliseconds of a movement

const view = $("view");
const pen = view.getContext("2d");
let data = null;
let order = []; // rows, most rated first
let rowOf = new Map(); // id of the item as text → row
let size = [];
let scheme = null;
let act = null;
let W = 0;
let H = 0;
const camera = { zoom: 1, x: 0, y: 0 };
const shown = { view: "neighbourhoods", mix: 0, you: null, from: null, began: 0 };
let marks = { rated: new Map(), list: [], chosen: null, name: "you" };
let labels = [];
let boxes = [];
let dirty = false;
let frames = 0;

export function startMap(answer, actions) {
  data = answer;
  act = actions;
  camera.zoom = 1;
  camera.x = camera.y = 0;
  shown.you = null;
  frame = Object.fromEntries(VIEWS.map(name => [name, framed(data[name])]));
  const n = data.items.length;
  rowOf = new Map(data.items.map((item, i) => [String(item), i]));
  const counts = data.ratings ?? new Array(n).fill(1);
  const most = Math.max(1, ...counts);
  order = counts.map((_, i) => i).sort((a, b) => counts[b] - counts[a] || a - b);
  size = counts.map(c => 1.2 + 5.2 * Math.sqrt(c / most));
  $("map-wait").hidden = true;
  readScheme();
  legend();
  listen();
  resize();
}

// Where somebody stands, what they rated (item → share of the scale) and what they are offered.
export function showPerson(answer, rated, list, name) {
  if (!data) return;
  marks = { ...marks, rated, list, name };
  if (!answer?.near.length) shown.you = null;
  else {
    const now = you();
    const to = VIEWS.map(view => answer[view]);
    shown.from = now ?? to;
    shown.you = to;
    shown.began = now ? performance.now() : 0;
  }
  const near = (answer?.near ?? []).slice(0, 3).map(one => oneLine(one.title, 60));
  const who = name === "you" ? "You are" : `Person ${oneLine(name, 60)} is`;
  fill($("where"), near.length ? `${who} nearest to ${near.join(", ")}.` : "Rate something, and you appear on the map.");
  redraw();
}
export function choose(item) {
  if (!data) return;
  marks.chosen = rowOf.get(String(item)) ?? null;
  if (marks.chosen !== null) bringIntoView(marks.chosen);
  redraw();
}
export function recolour() {
  if (!data) return;
  readScheme();
  legend();
  redraw();
}

function readScheme() {
  const probe = el("span", {});
  document.body.append(probe);
  const get = name => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  scheme = Object.fromEntries(
    ["paper", "ink", "soft", "rule", "accent", "advice", "region", "other", "good", "bad"].map(n => [n, get(n)]),
  );
  const dark = getComputedStyle(probe).colorScheme === "dark" ||
    (getComputedStyle(probe).colorScheme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  scheme.groups = dark ? DARK : LIGHT;
  probe.remove();
}
function legend() {
  const dot = (kind, colour) => {
    const made = el("i", { class: kind, "aria-hidden": "true" });
    if (colour) made.style.background = colour;
    return made;
  };
  const entry = (mark, words) => el("span", {}, mark, words);
  fill($("key"),
    entry(dot("you"), "you"), entry(dot("advised"), "your list"), entry(dot("rated"), "rated"),
    ...data.groups.map((name, g) => entry(dot("dot", scheme.groups[g]), oneLine(name, 24))),
    ...data.remarks.map(text => el("span", {}, text)));
}

// From the planes to the canvas, and between the two while the view changes.
const VIEWS = ["neighbourhoods", "components"];
const SKEW = 1.5; // by how much one direction may be stretched more than the other
let frame = null; // by view: middle and half width of the items, across and up
function framed(plane) {
  const span = values => {
    const low = values.reduce((a, b) => Math.min(a, b), Infinity);
    const high = values.reduce((a, b) => Math.max(a, b), -Infinity);
    return [(low + high) / 2, Math.max((high - low) / 2, 1e-3)];
  };
  return [span(plane.x), span(plane.y)];
}
let fitted = [];
function fit() {
  fitted = VIEWS.map(name => {
    const [[midX, halfX], [midY, halfY]] = frame[name];
    const across = (W / 2 - 30) / halfX;
    const up = (H / 2 - 46) / halfY;
    return [midX, midY, Math.min(across, SKEW * up), Math.min(up, SKEW * across)];
  });
}
// A point of each plane, and where between them it is now.
function put([ax, ay], [bx, by]) {
  const [a, b] = fitted;
  const t = shown.mix;
  const x = (1 - t) * (ax - a[0]) * a[2] + t * (bx - b[0]) * b[2];
  const y = (1 - t) * (ay - a[1]) * a[3] + t * (by - b[1]) * b[3];
  return [W / 2 + camera.x + x * camera.zoom, H / 2 + 12 + camera.y - y * camera.zoom];
}
function at(i) {
  const { neighbourhoods: a, components: b } = data;
  return put([a.x[i], a.y[i]], [b.x[i], b.y[i]]);
}
const region = one => put([one.x, one.y], [one.x, one.y]);
const ease = t => (t < 0.5 ? 4 * t ** 3 : 1 - (-2 * t + 2) ** 3 / 2);
// Where the person is now in each plane; null for somebody who has no place.
function you() {
  if (!shown.you) return null;
  const e = ease(calm() ? 1 : Math.min(1, (performance.now() - shown.began) / MOVE));
  return shown.you.map((point, p) => point.map((v, k) => shown.from[p][k] + e * (v - shown.from[p][k])));
}

// Drawing

function clear(box) {
  return boxes.every(o => box[0] > o[2] || box[2] < o[0] || box[1] > o[3] || box[3] < o[1]);
}
function write(text, x, y, align, { colour = scheme.ink, weight = 500, px = 12, kind = "text", region } = {}) {
  pen.font = `${weight} ${px}px ${FONT}`;
  const w = pen.measureText(text).width;
  const left = align === "center" ? x - w / 2 : align === "right" ? x - w : x;
  const box = [left - 3, y - px, left + w + 3, y + 4];
  if (box[0] < 2 || box[2] > W - 2 || box[1] < 2 || box[3] > H - 2 || !clear(box)) return false;
  boxes.push(box);
  labels.push({ text, box, kind, region });
  pen.lineWidth = 3.5;
  pen.lineJoin = "round";
  pen.strokeStyle = scheme.paper;
  pen.strokeText(text, left, y);
  pen.fillStyle = colour;
  pen.fillText(text, left, y);
  return true;
}
function tag(i, style, rank) {
  const [x, y] = at(i);
  const r = size[i] + (rank ? 7 : 4);
  const text = (rank ? `${rank} ` : "") + oneLine(data.titles[i], TITLE);
  return (
    write(text, x + r, y + 4, "left", style) || write(text, x - r, y + 4, "right", style) ||
    write(text, x, y - r - 3, "center", style) || write(text, x, y + r + 12, "center", style) ||
    Boolean(rank && write(String(rank), x + r, y + 4, "left", style))
  );
}
function circle(x, y, r, fillWith, strokeWith, width = 2) {
  pen.beginPath();
  pen.arc(x, y, r, 0, 7);
  if (fillWith) {
    pen.fillStyle = fillWith;
    pen.fill();
  }
  if (strokeWith) {
    pen.lineWidth = width;
    pen.strokeStyle = strokeWith;
    pen.stroke();
  }
}
function dots() {
  const grow = Math.min(2, Math.max(0.75, Math.min(W, H) / 620)) * Math.min(1.9, camera.zoom ** 0.35);
  const busy = marks.list.length || marks.rated.size;
  pen.globalAlpha = busy ? 0.55 : 0.8;
  for (let k = order.length - 1; k >= 0; k--) {
    const i = order[k];
    const [x, y] = at(i);
    if (x < -9 || y < -9 || x > W + 9 || y > H + 9) continue;
    circle(x, y, size[i] * grow, data.group[i] < 0 ? scheme.other : scheme.groups[data.group[i]]);
  }
  pen.globalAlpha = 1;
}
function draw() {
  dirty = false;
  if (!W || !data) return;
  const mixed = mixing();
  const ratio = Math.min(2, devicePixelRatio || 1);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.fillStyle = scheme.paper;
  pen.fillRect(0, 0, W, H);
  boxes = overlays();
  labels = [];
  dots();
  const me = you();
  const [mx, my] = me ? put(...me) : [0, 0];
  const list = marks.list.map(item => rowOf.get(String(item))).filter(i => i !== undefined);
  if (me) {
    pen.globalAlpha = 0.5;
    for (const i of list) line(mx, my, ...at(i), scheme.accent, 1);
    pen.globalAlpha = 1;
  }
  const grow = marks.rated.size > 40 ? 0.5 : 2.5;
  for (const [item, share] of marks.rated) {
    const i = rowOf.get(String(item));
    if (i !== undefined) circle(...at(i), size[i] + grow, share < 0.5 ? scheme.bad : scheme.good, scheme.paper, 1);
  }
  for (const i of list) circle(...at(i), size[i] + 4, scheme.paper, scheme.advice, 2.5);
  if (marks.chosen !== null) circle(...at(marks.chosen), size[marks.chosen] + 7, null, scheme.ink, 2);
  if (me) {
    circle(mx, my, 10, scheme.accent, scheme.paper, 3);
    circle(mx, my, 3.5, scheme.paper);
    boxes.push([mx - 13, my - 13, mx + 13, my + 13]);
    const style = { colour: scheme.accent, weight: 700, px: 13 };
    const name = oneLine(marks.name, 24);
    write(name, mx, my - 19, "center", style) || write(name, mx, my + 28, "center", style) ||
      write(name, mx + 18, my + 4, "left", style) || write(name, mx - 18, my + 4, "right", style);
  }
  if (marks.chosen !== null) tag(marks.chosen, { weight: 700 });
  list.forEach((i, k) => tag(i, { weight: 600 }, k + 1));
  words();
  axes();
  frames++;
  const moving = (me && !calm() && performance.now() - shown.began < MOVE) || mixed;
  if (moving) redraw();
}
function line(x1, y1, x2, y2, colour, width) {
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.lineTo(x2, y2);
  pen.lineWidth = width;
  pen.strokeStyle = colour;
  pen.stroke();
}
// Titles of what was rated, names of regions, then the most rated titles, as there is room.
function words() {
  for (const item of [...marks.rated.keys()].slice(0, 12)) {
    const i = rowOf.get(String(item));
    if (i !== undefined) tag(i, { colour: scheme.soft });
  }
  if (shown.mix < 0.01) {
    const most = Math.round(((W * H) / 40_000) * Math.max(1, camera.zoom) ** 2);
    data.regions.slice(0, most).forEach((one, r) => {
      const [x, y] = region(one);
      if (x < 0 || y < 0 || x > W || y > H) return;
      const style = { colour: scheme.region, weight: 700, px: 13, kind: "region", region: r };
      write(oneLine(one.name, TITLE), x, y, "center", style);
    });
  }
  const room = camera.zoom < 1.5 ? 26_000 : 9_000;
  let left = Math.min(60, Math.round((W * H) / room));
  for (const i of order.slice(0, 600)) {
    if (left <= 0) break;
    const [x, y] = at(i);
    if (x > 0 && y > 0 && x < W && y < H && tag(i, { colour: scheme.soft, weight: 400, px: 11 })) left--;
  }
}
function axes() {
  if (shown.mix < 0.99) return;
  const [across, up] = data.axes;
  const style = { colour: scheme.soft, weight: 600, px: 11 };
  const half = Math.floor(W / 16);
  if (across) {
    write(oneLine(`← ${across.low}`, half), 8, H - 8, "left", style);
    write(oneLine(`${across.high} →`, half), W - 8, H - 8, "right", style);
  }
  if (up) {
    write(oneLine(`↑ ${up.high}`, half), 8, 54, "left", style);
    write(oneLine(`↓ ${up.low}`, half), 8, H - 26, "left", style);
  }
}
// The parts of the canvas that buttons cover.
function overlays() {
  const from = view.getBoundingClientRect();
  return [...$("stage").querySelectorAll("[role=group]")].map(group => {
    const box = group.getBoundingClientRect();
    return [box.left - from.left - 4, box.top - from.top - 4, box.right - from.left + 4, box.bottom - from.top + 4];
  });
}
export function redraw() {
  if (dirty) return;
  dirty = true;
  requestAnimationFrame(draw);
}

// Changing the view: the dots move from one plane to the other.

let turn = { from: 0, to: 0, began: 0 };
function mixing() {
  const t = calm() ? 1 : Math.min(1, (performance.now() - turn.began) / MOVE);
  shown.mix = turn.from + ease(t) * (turn.to - turn.from);
  return t < 1;
}
function changeView(name) {
  if (name === shown.view) return;
  for (const button of $("views").children)
    button.setAttribute("aria-pressed", String(button.dataset.view === name));
  shown.view = name;
  turn = { from: shown.mix, to: name === "components" ? 1 : 0, began: performance.now() };
  say(name === "components" ? "The plane of the first two components." : "The neighbourhoods.");
  redraw();
}

// Moving the map

function zoomAt(x, y, by) {
  const zoom = Math.min(40, Math.max(1, camera.zoom * by));
  const real = zoom / camera.zoom;
  camera.x = x - W / 2 - (x - W / 2 - camera.x) * real;
  camera.y = y - H / 2 - (y - H / 2 - camera.y) * real;
  camera.zoom = zoom;
  if (zoom === 1) camera.x = camera.y = 0;
  redraw();
}
function whole() {
  camera.zoom = 1;
  camera.x = camera.y = 0;
  redraw();
}
function bringIntoView(i) {
  const [x, y] = at(i);
  if (x < 20 || x > W - 20) camera.x += W / 2 - x;
  if (y < 20 || y > H - 20) camera.y += H / 2 - y;
}
function press(x, y, reach) {
  const name = labels.find(({ kind, box: b }) => kind === "region" && x >= b[0] && x <= b[2] && y >= b[1] && y <= b[3]);
  let best = null;
  let least = reach;
  for (const i of order) {
    const [px, py] = at(i);
    const d = Math.hypot(px - x, py - y) - size[i];
    if (d < least) {
      least = d;
      best = i;
    }
  }
  const label = labels.find(({ kind, box: b }) => kind === "text" && x >= b[0] && x <= b[2] && y >= b[1] && y <= b[3]);
  if (best !== null && !(name && least > 0)) act.choose({ item: data.items[best], title: data.titles[best] });
  else if (name) {
    const one = data.regions[name.region];
    zoomAt(...region(one), 2.2);
    const [px, py] = region(one);
    camera.x += W / 2 - px;
    camera.y += H / 2 - py;
    redraw();
  } else if (label) {
    const i = order.find(row => label.text.endsWith(oneLine(data.titles[row], TITLE)));
    if (i !== undefined) act.choose({ item: data.items[i], title: data.titles[i] });
  }
}

let listening = false;
function listen() {
  if (listening) return;
  listening = true;
  const touches = new Map();
  let moved = 0;
  let spread = 0;
  view.onpointerdown = event => {
    view.setPointerCapture(event.pointerId);
    touches.set(event.pointerId, event);
    moved = 0;
  };
  view.onpointermove = event => {
    const before = touches.get(event.pointerId);
    if (!before) return;
    const n = touches.size;
    const [dx, dy] = [event.clientX - before.clientX, event.clientY - before.clientY];
    moved += Math.abs(dx) + Math.abs(dy);
    touches.set(event.pointerId, event);
    if (camera.zoom > 1 || n > 1) {
      camera.x += dx / n;
      camera.y += dy / n;
    }
    if (n === 2) {
      const [a, b] = [...touches.values()];
      const now = Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
      const box = view.getBoundingClientRect();
      if (spread) zoomAt((a.clientX + b.clientX) / 2 - box.left, (a.clientY + b.clientY) / 2 - box.top, now / spread);
      spread = now;
    }
    redraw();
  };
  view.onpointerup = view.onpointercancel = event => {
    touches.delete(event.pointerId);
    spread = 0;
    if (event.type !== "pointerup" || moved > 6) return;
    const box = view.getBoundingClientRect();
    press(event.clientX - box.left, event.clientY - box.top, event.pointerType === "touch" ? 18 : 8);
  };
  view.addEventListener("wheel", event => {
    event.preventDefault();
    const box = view.getBoundingClientRect();
    zoomAt(event.clientX - box.left, event.clientY - box.top, Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)));
  }, { passive: false });
  view.onkeydown = event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
    if (step) {
      camera.x += step[0];
      camera.y += step[1];
      redraw();
    } else if (event.key === "+" || event.key === "=") zoomAt(W / 2, H / 2, 1.4);
    else if (event.key === "-") zoomAt(W / 2, H / 2, 1 / 1.4);
    else if (event.key === "0") whole();
    else return;
    event.preventDefault();
  };
  $("views").onclick = event => event.target.dataset.view && changeView(event.target.dataset.view);
  $("zoom").onclick = event => {
    const kind = event.target.dataset.zoom;
    if (kind === "all") whole();
    else if (kind) zoomAt(W / 2, H / 2, kind === "in" ? 1.5 : 1 / 1.5);
  };
  new ResizeObserver(resize).observe($("stage"));
}
function resize() {
  const box = $("stage").getBoundingClientRect();
  const ratio = Math.min(2, devicePixelRatio || 1);
  W = Math.round(box.width);
  H = Math.round(box.height);
  view.width = Math.round(W * ratio);
  view.height = Math.round(H * ratio);
  fit();
  dirty = false;
  redraw();
}

// What tests ask of the map.
export const inspect = {
  frames: () => frames,
  labels: () => labels,
  you: () => (shown.you ? put(...you()) : null),
  size: () => [W, H],
  at: item => at(rowOf.get(String(item))),
};
