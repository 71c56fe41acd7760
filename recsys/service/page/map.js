// The map: the items as dots in one of two planes, the person among them.

import { camera, fit, inside, pan, put, show, VIEWS, zoomAt } from "./camera.js";
import { legend, readScheme } from "./colours.js";
import { $, calm, fill, oneLine, say, title } from "./dom.js";
import { listen, zoom } from "./hands.js";

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
const shown = { view: "neighbourhoods", mix: 0, you: null, from: null, began: 0 };
let marks = { rated: new Map(), list: [], chosen: null, hovered: null, name: "you" };
let labels = [];
let boxes = [];
const tagged = new Map(); // row of an item → its label
let dirty = false;
let frames = 0;

export function startMap(answer, actions) {
  data = answer;
  act = actions;
  shown.you = null;
  marks = { ...marks, chosen: null, hovered: null };
  show(VIEWS.map(name => data[name]));
  const n = data.items.length;
  rowOf = new Map(data.items.map((item, i) => [String(item), i]));
  const counts = data.ratings ?? new Array(n).fill(1);
  const most = Math.max(1, ...counts);
  order = counts.map((_, i) => i).sort((a, b) => counts[b] - counts[a] || a - b);
  size = counts.map(c => 1.2 + 5.2 * Math.sqrt(c / most));
  $("map-wait").hidden = true;
  scheme = readScheme(data.palette);
  legend(scheme, data);
  listenOnce();
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
  const near = (answer?.near ?? []).slice(0, 3).map(one => oneLine(title(one), 60));
  const who = name === "you" ? "You are" : `Person ${oneLine(name, 60)} is`;
  fill(
    $("where"),
    near.length
      ? `${who} nearest to ${near.join(", ")}.`
      : "Rate something, and you appear on the map.",
  );
  redraw();
}
export function choose(item) {
  if (!data) return;
  marks.chosen = rowOf.get(String(item)) ?? null;
  if (marks.chosen !== null) bringIntoView(marks.chosen);
  redraw();
}
// Shows where an item is, while the pointer or the focus is on it.
export function hover(which) {
  const i = which === null ? null : (rowOf.get(String(which)) ?? null);
  if (!data || i === marks.hovered) return;
  marks.hovered = i;
  redraw();
}
export function recolour() {
  if (!data) return;
  scheme = readScheme(data.palette);
  legend(scheme, data);
  redraw();
}

// Where an item is, and a point that is the same in both planes.
function at(i) {
  const { neighbourhoods: a, components: b } = data;
  return put([a.x[i], a.y[i]], [b.x[i], b.y[i]], shown.mix);
}
const item = i => ({ item: data.items[i], title: data.titles[i] });
const middle = region => put([region.x, region.y], [region.x, region.y], shown.mix);
const ease = t => (t < 0.5 ? 4 * t ** 3 : 1 - (-2 * t + 2) ** 3 / 2);
// Where the person is now in each plane; null for somebody who has no place.
function you() {
  if (!shown.you) return null;
  const e = ease(calm() ? 1 : Math.min(1, (performance.now() - shown.began) / MOVE));
  return shown.you.map((point, p) =>
    point.map((v, k) => shown.from[p][k] + e * (v - shown.from[p][k])),
  );
}

// Drawing

function clear(box) {
  return boxes.every(o => box[0] > o[2] || box[2] < o[0] || box[1] > o[3] || box[3] < o[1]);
}
function write(
  text,
  x,
  y,
  align,
  { colour = scheme.ink, weight = 500, px = 12, kind = "text", region } = {},
) {
  pen.font = `${weight} ${px}px ${FONT}`;
  const w = pen.measureText(text).width;
  const left = align === "center" ? x - w / 2 : align === "right" ? x - w : x;
  const box = [left - 3, y - px, left + w + 3, y + 4];
  const { width, height } = camera;
  if (box[0] < 2 || box[2] > width - 2 || box[1] < 2 || box[3] > height - 2 || !clear(box))
    return false;
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
  if (tagged.has(i)) return false;
  const [x, y] = at(i);
  const r = size[i] + (rank ? 7 : 4);
  const text = (rank ? `${rank} ` : "") + oneLine(title(item(i)), TITLE);
  const written =
    write(text, x + r, y + 4, "left", style) ||
    write(text, x - r, y + 4, "right", style) ||
    write(text, x, y - r - 3, "center", style) ||
    write(text, x, y + r + 12, "center", style) ||
    Boolean(rank && write(String(rank), x + r, y + 4, "left", style));
  if (written) tagged.set(i, labels.at(-1));
  return written;
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
  const grow =
    Math.min(2, Math.max(0.75, Math.min(camera.width, camera.height) / 620)) *
    Math.min(1.9, camera.zoom ** 0.35);
  const busy = marks.list.length || marks.rated.size;
  pen.globalAlpha = busy ? 0.55 : 0.8;
  for (let k = order.length - 1; k >= 0; k--) {
    const i = order[k];
    const [x, y] = at(i);
    if (inside([x, y], 9))
      circle(x, y, size[i] * grow, data.group[i] < 0 ? scheme.other : scheme.groups[data.group[i]]);
  }
  pen.globalAlpha = 1;
}
function draw() {
  dirty = false;
  if (!camera.width || !data) return;
  const { width: W, height: H } = camera;
  const mixed = mixing();
  const ratio = Math.min(2, devicePixelRatio || 1);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.fillStyle = scheme.paper;
  pen.fillRect(0, 0, W, H);
  boxes = overlays();
  labels = [];
  tagged.clear();
  dots();
  const me = you();
  const [mx, my] = me ? put(...me, shown.mix) : [0, 0];
  const list = marks.list.map(item => rowOf.get(String(item))).filter(i => i !== undefined);
  if (me) {
    pen.globalAlpha = 0.5;
    for (const i of list) line(mx, my, ...at(i), scheme.accent, 1);
    pen.globalAlpha = 1;
  }
  const grow = marks.rated.size > 40 ? 0.5 : 2.5;
  for (const [item, share] of marks.rated) {
    const i = rowOf.get(String(item));
    if (i !== undefined)
      circle(...at(i), size[i] + grow, share < 0.5 ? scheme.bad : scheme.good, scheme.paper, 1);
  }
  for (const i of list) circle(...at(i), size[i] + 4, scheme.paper, scheme.advice, 2.5);
  for (const i of [marks.hovered, marks.chosen])
    if (i !== null) circle(...at(i), size[i] + 7, null, scheme.ink, 2);
  if (me) {
    circle(mx, my, 10, scheme.accent, scheme.paper, 3);
    circle(mx, my, 3.5, scheme.paper);
    boxes.push([mx - 13, my - 13, mx + 13, my + 13]);
    const style = { colour: scheme.accent, weight: 700, px: 13 };
    const name = oneLine(marks.name, 24);
    write(name, mx, my - 19, "center", style) ||
      write(name, mx, my + 28, "center", style) ||
      write(name, mx + 18, my + 4, "left", style) ||
      write(name, mx - 18, my + 4, "right", style);
  }
  for (const i of [marks.hovered, marks.chosen]) if (i !== null) tag(i, { weight: 700 });
  for (const [k, i] of list.entries()) tag(i, { weight: 600 }, k + 1);
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
  const { width: W, height: H } = camera;
  for (const item of [...marks.rated.keys()].slice(0, 12)) {
    const i = rowOf.get(String(item));
    if (i !== undefined) tag(i, { colour: scheme.soft });
  }
  if (shown.mix < 0.01) {
    const most = Math.round(((W * H) / 40_000) * Math.max(1, camera.zoom) ** 2);
    data.regions.slice(0, most).forEach((one, r) => {
      const [x, y] = middle(one);
      if (!inside([x, y])) return;
      const style = { colour: scheme.region, weight: 700, px: 13, kind: "region", region: r };
      write(oneLine(one.name, TITLE), x, y, "center", style);
    });
  }
  const room = camera.zoom < 1.5 ? 26_000 : 9_000;
  let left = Math.min(60, Math.round((W * H) / room));
  for (const i of order.slice(0, 600)) {
    if (left <= 0) break;
    if (inside(at(i)) && tag(i, { colour: scheme.soft, weight: 400, px: 11 })) left--;
  }
}
function axes() {
  if (shown.mix < 0.99) return;
  const { width: W, height: H } = camera;
  const [across, up] = data.axes;
  const style = { colour: scheme.soft, weight: 600, px: 11 };
  const half = Math.floor(W / 16);
  if (across) {
    write(oneLine(`← ${across.low}`, half), 8, H - 8, "left", style);
    write(oneLine(`${across.high} →`, half), W - 8, H - 8, "right", style);
  }
  if (up) {
    write(oneLine(`↑ ${up.high}`, half), 8, 64, "left", style);
    write(oneLine(`↓ ${up.low}`, half), 8, H - 26, "left", style);
  }
}
// The parts of the canvas that buttons cover.
function overlays() {
  const from = view.getBoundingClientRect();
  return [...$("stage").querySelectorAll("[role=group]")].map(group => {
    const box = group.getBoundingClientRect();
    return [
      box.left - from.left - 4,
      box.top - from.top - 4,
      box.right - from.left + 4,
      box.bottom - from.top + 4,
    ];
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

function bringIntoView(i) {
  const [x, y] = at(i);
  if (!inside([x, y], -20)) pan(camera.width / 2 - x, camera.height / 2 - y);
}
// A dot under the pointer comes first, then a title, the name of a region, a dot nearby.
function press(x, y, reach) {
  const [i, distance] = nearest(x, y);
  if (distance <= 0) return act.choose(item(i));
  const on = ({ box: b }) => x >= b[0] && x <= b[2] && y >= b[1] && y <= b[3];
  const titled = [...tagged].find(([, label]) => on(label));
  if (titled) return act.choose(item(titled[0]));
  const name = labels.find(label => label.kind === "region" && on(label));
  if (name) return goTo(data.regions[name.region]);
  if (distance < reach) act.choose(item(i));
}
function over(x, y) {
  const [i, distance] = x === undefined ? [-1, Infinity] : nearest(x, y);
  view.classList.toggle("on-dot", distance < 4);
  hover(distance < 4 ? data.items[i] : null);
}
// The dot nearest to a point, and how far away its edge is.
function nearest(x, y) {
  const found = [-1, Infinity];
  for (const i of order) {
    const [px, py] = at(i);
    const d = Math.hypot(px - x, py - y) - size[i];
    if (d < found[1]) [found[0], found[1]] = [i, d];
  }
  return found;
}
function goTo(region) {
  zoomAt(...middle(region), 2.2);
  const [x, y] = middle(region);
  pan(camera.width / 2 - x, camera.height / 2 - y);
  redraw();
}

let listening = false;
function listenOnce() {
  if (listening) return;
  listening = true;
  listen(view, redraw, press, over);
  $("views").onclick = event => event.target.dataset.view && changeView(event.target.dataset.view);
  $("zoom").onclick = event => zoom(event.target.dataset.zoom) && redraw();
  new ResizeObserver(resize).observe($("stage"));
}
function resize() {
  const box = $("stage").getBoundingClientRect();
  const ratio = Math.min(2, devicePixelRatio || 1);
  fit(Math.round(box.width), Math.round(box.height));
  view.width = Math.round(camera.width * ratio);
  view.height = Math.round(camera.height * ratio);
  dirty = false;
  redraw();
}

// What tests ask of the map.
export const inspect = {
  frames: () => frames,
  labels: () => labels,
  you: () => (shown.you ? put(...you(), shown.mix) : null),
  size: () => [camera.width, camera.height],
  at: item => at(rowOf.get(String(item))),
};
