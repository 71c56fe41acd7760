"use strict";
(() => {
const data = JSON.parse(document.getElementById("data").textContent);
const bytes = text => Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer;
const n = data.titles.length, depth = data.components.length;
const coords = new Int16Array(bytes(data.coords));          // n × depth, in units of data.unit
const near = new Int32Array(bytes(data.near));              // n × width, −1 where there are fewer
const nearScore = new Int16Array(bytes(data.nearScore));    // in ten-thousandths
const width = data.nearWidth;
const counts = new Uint32Array(bytes(data.counts));
const genreBits = new Uint32Array(bytes(data.genreBits));
const numeric = { year: data.years && new Uint16Array(bytes(data.years)),
  mean: data.means && new Float32Array(bytes(data.means)), popularity: counts };
const $ = id => document.getElementById(id);
const view = $("view"), pen = view.getContext("2d", { alpha: false });
const order = Uint32Array.from({ length: n }, (_, i) => i).sort((a, b) => counts[b] - counts[a] || a - b);
const mostRated = Math.max(1, counts[order[0]] || 1);
const size = Float32Array.from(counts, c => 1.3 + 6.2 * Math.sqrt(c / mostRated));
const folded = data.titles.map(t => t.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase());

const state = { x: 0, y: depth > 1 ? 1 : 0, z: -1, zoom: 1, panX: 0, panY: 0, yaw: 0, pitch: 0,
  colour: data.genres.length ? "genre" : "popularity", chosen: -1, path: null, user: -1 };
let W = 0, H = 0, ratio = 1, image = null, pixels = null, dirty = true, scheme = {}, colours = null;
const sx = new Float32Array(n), sy = new Float32Array(n), sz = new Float32Array(n);
let labels = [];

// ── where things are ────────────────────────────────────────────────────────────────────────────

function extent() {
  // The middle 99.8 % of the items fill the picture: a few far out must not squeeze the rest.
  const span = axis => {
    const values = Int16Array.from({ length: n }, (_, i) => coords[i * depth + axis]).sort();
    const low = values[Math.floor(0.001 * (n - 1))], high = values[Math.ceil(0.999 * (n - 1))];
    return [low, high > low ? high : low + 1];
  };
  return { x: span(state.x), y: span(state.y), z: state.z >= 0 ? span(state.z) : [-1, 1] };
}
let box = extent();

let area = { w: 1, h: 1 }; // as of the last picture
function free() { // the part of the window the panel leaves
  const r = $("panel").getBoundingClientRect();
  return W > 640 ? { w: Math.max(200, r.left - 8), h: H } : { w: W, h: Math.max(160, r.top) };
}

function place(source, stride, count, outX, outY, outZ) {
  const { w, h } = area, margin = 46, ax = state.x, ay = state.y, az = state.z;
  const scaleX = (w - 2 * margin) / (box.x[1] - box.x[0]), scaleY = (h - 2 * margin) / (box.y[1] - box.y[0]);
  const midX = (box.x[0] + box.x[1]) / 2, midY = (box.y[0] + box.y[1]) / 2;
  const midZ = (box.z[0] + box.z[1]) / 2, scaleZ = Math.min(w, h) * 0.8 / (box.z[1] - box.z[0]);
  const cy = Math.cos(state.yaw), sny = Math.sin(state.yaw), cp = Math.cos(state.pitch), snp = Math.sin(state.pitch);
  const left = w / 2 + state.panX, top = h / 2 + state.panY, zoom = state.zoom, turned = state.z >= 0;
  for (let i = 0; i < count; i++) {
    const from = i * stride;
    let a = (source[from + ax] - midX) * scaleX, b = (source[from + ay] - midY) * scaleY, c = 0;
    if (turned) {
      c = (source[from + az] - midZ) * scaleZ;
      const a2 = a * cy + c * sny, c2 = c * cy - a * sny;
      a = a2; c = c2;
      const b2 = b * cp - c * snp;
      c = c * cp + b * snp; b = b2;
      const near = 1 / (1 + c / (2.2 * Math.max(w, h)));
      a *= near; b *= near;
    }
    outX[i] = left + a * zoom; outY[i] = top - b * zoom; outZ[i] = c;
  }
}

// ── colours ─────────────────────────────────────────────────────────────────────────────────────

const LIGHT = ["#0b6bcb", "#d1495b", "#2a9d62", "#e08a00", "#8a4fbf", "#009aa6", "#b5488f", "#6b7a1e", "#8c5a3c"];
const DARK = ["#5aa9f5", "#f27a88", "#5fd098", "#f5b04a", "#c094ee", "#4fd0d8", "#ec8bc8", "#b9c95c", "#d3a17f"];
const RAMP = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
const RAMP_LIGHT = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [74, 170, 80], [196, 158, 0]];

function readScheme() {
  const css = getComputedStyle(document.documentElement), get = name => css.getPropertyValue(name).trim();
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  scheme = { dark, paper: get("--paper"), ink: get("--ink"), soft: get("--soft"), rule: get("--rule"),
    halo: get("--halo"), accent: get("--accent"), genres: dark ? DARK : LIGHT, ramp: dark ? RAMP : RAMP_LIGHT };
}
const hex = text => { const v = parseInt(text.slice(1), 16); return [v >> 16, (v >> 8) & 255, v & 255]; };
const rampAt = t => {
  const at = Math.min(0.9999, Math.max(0, t)) * (scheme.ramp.length - 1), i = Math.floor(at), f = at - i;
  return scheme.ramp[i].map((v, c) => Math.round(v + f * (scheme.ramp[i + 1][c] - v)));
};
// The genre an item is shown in: the rarest of its genres that has a colour of its own.
const shown = data.genres.map((_, g) => g).slice(0, 9);
const genreSize = shown.map(g => { let s = 0; for (let i = 0; i < n; i++) s += (genreBits[i] >>> g) & 1; return s; });
const genreOf = i => {
  let best = -1;
  for (const g of shown) if ((genreBits[i] >>> g) & 1 && (best < 0 || genreSize[g] < genreSize[best])) best = g;
  return best;
};

function paintColours() {
  colours = new Uint8Array(3 * n);
  const other = hex(scheme.dark ? "#76828f" : "#9aa4af");
  const key = $("key");
  key.textContent = "";
  if (state.colour === "genre") {
    const table = shown.map(g => hex(scheme.genres[g]));
    for (let i = 0; i < n; i++) colours.set(genreOf(i) >= 0 ? table[genreOf(i)] : other, 3 * i);
    for (const g of [...shown, -1]) {
      const entry = document.createElement("span"), dot = document.createElement("i");
      dot.style.background = g < 0 ? `rgb(${other})` : scheme.genres[g];
      entry.append(dot, g < 0 ? "other" : data.genres[g]);
      key.append(entry);
    }
    return;
  }
  const values = numeric[state.colour], log = state.colour === "popularity";
  const known = Array.from(values).filter(v => v > 0).sort((a, b) => a - b);
  const ends = [known[Math.floor(0.02 * known.length)] || 0, known[Math.floor(0.98 * (known.length - 1))] || 1];
  const scaled = v => log ? Math.log(v / ends[0]) / Math.log(ends[1] / ends[0] || 2) : (v - ends[0]) / (ends[1] - ends[0] || 1);
  for (let i = 0; i < n; i++) colours.set(values[i] > 0 ? rampAt(scaled(values[i])) : other, 3 * i);
  const ramp = document.createElement("div"), words = document.createElement("div");
  ramp.className = "ramp"; words.className = "ends";
  ramp.style.background = `linear-gradient(90deg, ${scheme.ramp.map(c => `rgb(${c})`).join(",")})`;
  const say = v => state.colour === "mean" ? v.toFixed(1) : String(Math.round(v));
  words.append(`${say(ends[0])} or less`, document.createElement("b"), `${say(ends[1])} or more`);
  key.append(ramp, words);
}

// ── drawing: dots are blended into the pixels directly, which takes a few milliseconds for 60,000 ─

const stamps = []; // by radius in quarter pixels: coverage of a disc, 0 to 256
function stamp(q) {
  const r = q / 4, half = Math.ceil(r - 0.25), side = 2 * half + 1, cover = new Uint16Array(side * side);
  for (let y = -half; y <= half; y++) for (let x = -half; x <= half; x++)
    cover[(y + half) * side + x + half] = 256 * Math.min(1, Math.max(0, r + 0.5 - Math.hypot(x, y)));
  return stamps[q] = { half, side, cover };
}

function dots() {
  const w = view.width, h = view.height, paper = hex(scheme.paper), words = new Uint32Array(pixels.buffer);
  words.fill((255 << 24) | (paper[2] << 16) | (paper[1] << 8) | paper[0]);
  const grow = ratio * Math.min(1, Math.max(0.75, Math.sqrt(area.w * area.h) / 800)) * Math.min(2.2, Math.max(0.8, state.zoom ** 0.35)) * Math.min(1.25, Math.max(0.7, (3000 / n) ** 0.16));
  const dim = state.chosen >= 0 || state.user >= 0 || state.path, strength = dim ? 56 : 210; // of 256
  for (let k = n - 1; k >= 0; k--) { // the most rated on top
    const i = order[k];
    const cx = (sx[i] * ratio + 0.5) | 0, cy = (sy[i] * ratio + 0.5) | 0;
    if (cx < -40 || cy < -40 || cx >= w + 40 || cy >= h + 40) continue;
    const q = Math.max(3, (size[i] * grow * 4 + 0.5) | 0), m = stamps[q] || stamp(q), cover = m.cover;
    const r = colours[3 * i], g = colours[3 * i + 1], b = colours[3 * i + 2];
    const y0 = Math.max(0, cy - m.half), y1 = Math.min(h - 1, cy + m.half);
    const x0 = Math.max(0, cx - m.half), x1 = Math.min(w - 1, cx + m.half);
    for (let y = y0; y <= y1; y++) {
      let at = y * w + x0, c = (y - cy + m.half) * m.side + x0 - cx + m.half;
      for (let x = x0; x <= x1; x++, at++, c++) {
        const a = (cover[c] * strength) >> 8;
        if (!a) continue;
        const old = words[at], or = old & 255, og = (old >> 8) & 255, ob = (old >> 16) & 255;
        words[at] = 0xff000000 | (ob + ((b - ob) * a >> 8)) << 16 | (og + ((g - og) * a >> 8)) << 8 | (or + ((r - or) * a >> 8));
      }
    }
  }
  pen.putImageData(image, 0, 0);
}

const boxes = [];
function clear(b) {
  for (const o of boxes) if (b[0] <= o[2] && b[2] >= o[0] && b[1] <= o[3] && b[3] >= o[1]) return false;
  return true;
}
const spans = new Float32Array(n); // widths of titles, where known
const widths = new Map(), inked = new Map(); // letters are slow to measure and slower to draw
function wide(text, weight) {
  const key = weight + text;
  let w = widths.get(key);
  if (w === undefined) {
    pen.font = `${weight} 12px system-ui, sans-serif`;
    widths.set(key, w = pen.measureText(text).width);
  }
  return w;
}
function ink(text, colour, weight) {
  const key = `${weight} ${colour} ${text}`;
  let sheet = inked.get(key);
  if (!sheet) {
    const font = `${weight} 12px system-ui, sans-serif`, w = wide(text, weight);
    sheet = document.createElement("canvas");
    sheet.width = Math.ceil((w + 8) * ratio); sheet.height = Math.ceil(22 * ratio);
    const draft = sheet.getContext("2d");
    draft.scale(ratio, ratio); draft.font = font; draft.lineWidth = 3.5; draft.lineJoin = "round";
    draft.strokeStyle = scheme.halo; draft.fillStyle = colour;
    draft.strokeText(text, 4, 15); draft.fillText(text, 4, 15);
    if (inked.size > 600) inked.clear();
    inked.set(key, sheet);
  }
  return sheet;
}
function write(text, x, y, align, colour, weight, must, known) {
  const w = known || wide(text, weight || 400);
  const left = align === "center" ? x - w / 2 : align === "right" ? x - w : x;
  const frame = [left - 3, y - 11, left + w + 3, y + 5];
  if (!must && (frame[0] < 2 || frame[2] > area.w - 2 || frame[1] < 2 || frame[3] > area.h - 2)) return false;
  if (!clear(frame)) return false;
  boxes.push(frame);
  labels.push({ text, box: frame });
  const sheet = ink(text, colour, weight || 400);
  pen.drawImage(sheet, left - 4, y - 15, sheet.width / ratio, sheet.height / ratio);
  return true;
}
function tag(i, colour, weight) { // beside, above or below its dot
  const x = sx[i], y = sy[i], r = size[i] + 4, text = data.titles[i];
  const w = weight === 500 ? spans[i] || (spans[i] = wide(text, 500)) : wide(text, weight);
  return write(text, x + r, y + 4, "left", colour, weight, false, w) || write(text, x - r, y + 4, "right", colour, weight, false, w) ||
    write(text, x, y - r - 2, "center", colour, weight, false, w) || write(text, x, y + r + 11, "center", colour, weight, false, w);
}
function ring(x, y, r, colour, thick) {
  pen.beginPath(); pen.arc(x, y, r, 0, 7); pen.lineWidth = thick || 2; pen.strokeStyle = colour; pen.stroke();
}
function disc(i, colour) {
  pen.beginPath(); pen.arc(sx[i], sy[i], size[i] + 1.5, 0, 7);
  pen.fillStyle = colour || `rgb(${colours.subarray(3 * i, 3 * i + 3)})`; pen.fill();
}
function line(x1, y1, x2, y2, colour, thick) {
  pen.beginPath(); pen.moveTo(x1, y1); pen.lineTo(x2, y2); pen.lineWidth = thick; pen.strokeStyle = colour; pen.stroke();
}
const clip = (text, room) => { let t = text; pen.font = "600 12px system-ui, sans-serif";
  while (t.length > 4 && pen.measureText(t).width > room) t = t.replace(/,?[^,]*$/, "") || t.slice(0, -4) + "…";
  return t; };

// Shorter words where there is little room.
const fit = (text, room) => { pen.font = "400 12px system-ui, sans-serif";
  return pen.measureText(text).width <= room ? text : text.replace("component ", "").replace("of the items' variance", "of items").replace("the predictions'", "predictions"); };

function axes() {
  const { w, h } = area, across = data.components[state.x], up = data.components[state.y];
  if (state.z >= 0) {
    write(`Three dimensions: components ${state.x + 1}, ${state.y + 1} and ${state.z + 1}; drag to turn`, w / 2, h - 10, "center", scheme.soft, 600, true);
    return;
  }
  const room = w / 2 - 70;
  write(clip(`← ${across.low}`, room), 8, h - 26, "left", scheme.soft, 600, true);
  write(clip(`${across.high} →`, room), w - 8, h - 26, "right", scheme.soft, 600, true);
  write(fit(`component ${state.x + 1}: ${across.share}`, w - 16), w / 2, h - 9, "center", scheme.soft, 400, true);
  write(clip(`↑ ${up.high}`, w - 20), 8, 18, "left", scheme.soft, 600, true);
  write(clip(`↓ ${up.low}`, w - 20), 8, h - 44, "left", scheme.soft, 600, true);
  write(fit(`component ${state.y + 1}: ${up.share}`, w - 16), 8, 35, "left", scheme.soft, 400, true);
}

const userX = new Float32Array(1), userY = new Float32Array(1), userZ = new Float32Array(1);
function draw() {
  dirty = false;
  const began = performance.now();
  area = free();
  place(coords, depth, n, sx, sy, sz);
  dots();
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  boxes.length = 0; labels = [];
  axes();
  if (state.path) {
    for (let k = 1; k < state.path.length; k++)
      line(sx[state.path[k - 1]], sy[state.path[k - 1]], sx[state.path[k]], sy[state.path[k]], scheme.accent, 2);
    for (const i of state.path) disc(i);
    for (const i of state.path) tag(i, scheme.ink, 600);
  } else if (state.chosen >= 0) {
    const i = state.chosen, friends = neighbours(i);
    for (const [j] of friends) line(sx[i], sy[i], sx[j], sy[j], scheme.soft, 1.2);
    for (const [j] of friends) disc(j);
    disc(i); ring(sx[i], sy[i], size[i] + 4, scheme.accent);
    tag(i, scheme.ink, 700);
    for (const [j, score] of friends) tag(j, scheme.ink, 500);
  } else if (state.user >= 0) {
    const person = data.users[state.user];
    place(person.at, depth, 1, userX, userY, userZ);
    person.items.forEach((i, k) => disc(i, `rgb(${rampAt((person.ratings[k] - data.lowest) / (data.highest - data.lowest || 1))})`));
    ring(userX[0], userY[0], 8, scheme.accent, 3); ring(userX[0], userY[0], 2, scheme.accent, 3);
    write(person.name, userX[0] + 12, userY[0] + 4, "left", scheme.accent, 700, true);
    const best = person.items.map((i, k) => [i, person.ratings[k]]).sort((a, b) => b[1] - a[1] || counts[b[0]] - counts[a[0]]);
    for (const [i] of best.slice(0, 60)) tag(i, scheme.ink, 500);
  }
  if (state.chosen < 0 && !state.path && state.user < 0) {
    // Important movies first; as many as there is room for.
    const most = Math.min(70, Math.round(area.w * area.h / 9000));
    let tried = 0, done = 0;
    for (let k = 0; k < n && done < most && tried < 500; k++) {
      const i = order[k];
      if (sx[i] < 0 || sy[i] < 0 || sx[i] > area.w || sy[i] > area.h) continue;
      tried++;
      if (tag(i, scheme.ink, 500)) done++;
    }
  }
  pen.setTransform(1, 0, 0, 1, 0, 0);
  api.frames++; api.lastFrame = performance.now() - began;
}
function redraw() { if (!dirty) { dirty = true; requestAnimationFrame(draw); } }

// ── what is near, and the way from one to another ───────────────────────────────────────────────

function neighbours(i) {
  const found = [];
  for (let k = 0; k < width; k++) if (near[i * width + k] >= 0) found.push([near[i * width + k], nearScore[i * width + k] / 10000]);
  return found;
}
let back = null; // who has i among their nearest
function path(from, to) {
  if (!back) {
    back = Array.from({ length: n }, () => []);
    for (let i = 0; i < n; i++) for (const [j, s] of neighbours(i)) back[j].push([i, s]);
  }
  // Dijkstra with the cost 1 − similarity over the graph of nearest neighbours; a binary heap.
  const cost = new Float64Array(n).fill(Infinity), via = new Int32Array(n).fill(-1), heap = [[0, from]];
  cost[from] = 0;
  const push = entry => { heap.push(entry); let i = heap.length - 1;
    while (i && heap[(i - 1) >> 1][0] > heap[i][0]) { [heap[i], heap[(i - 1) >> 1]] = [heap[(i - 1) >> 1], heap[i]]; i = (i - 1) >> 1; } };
  const pop = () => { const top = heap[0], last = heap.pop();
    if (heap.length) { heap[0] = last; let i = 0;
      for (;;) { let c = 2 * i + 1; if (c >= heap.length) break; if (c + 1 < heap.length && heap[c + 1][0] < heap[c][0]) c++;
        if (heap[c][0] >= heap[i][0]) break; [heap[c], heap[i]] = [heap[i], heap[c]]; i = c; } }
    return top; };
  while (heap.length) {
    const [c, i] = pop();
    if (i === to) break;
    if (c > cost[i]) continue;
    for (const [j, s] of [...neighbours(i), ...back[i]]) {
      const next = c + Math.max(0, 1 - s) + 0.05;
      if (next < cost[j]) { cost[j] = next; via[j] = i; push([next, j]); }
    }
  }
  if (cost[to] === Infinity) return null;
  const way = [to];
  while (way[0] !== from) way.unshift(via[way[0]]);
  return way;
}

// ── the panel ───────────────────────────────────────────────────────────────────────────────────

function describe(i) {
  const facts = [];
  if (numeric.year && numeric.year[i]) facts.push(numeric.year[i]);
  const genres = data.genres.filter((_, g) => (genreBits[i] >>> g) & 1);
  if (genres.length) facts.push(genres.join(", "));
  facts.push(`${counts[i].toLocaleString("en")} ratings` + (numeric.mean && numeric.mean[i] ? `, mean ${numeric.mean[i].toFixed(2)}` : ""));
  return facts.join(" · ");
}
function rows(list) {
  const ol = document.createElement("ol");
  ol.className = "near";
  for (const [j, score] of list) {
    const li = document.createElement("li"), name = document.createElement("span"), value = document.createElement("span");
    name.className = "name"; value.className = "score"; li.tabIndex = 0; li.dataset.item = j;
    name.textContent = data.titles[j]; value.textContent = score;
    li.append(name, value);
    li.onclick = () => choose(j, true);
    li.onkeydown = e => { if (e.key === "Enter") choose(j, true); };
    ol.append(li);
  }
  return ol;
}
function choose(i, centre) {
  if (pathFrom >= 0 && i >= 0 && i !== pathFrom) { showPath(pathFrom, i); return; }
  state.chosen = i; state.path = null; state.user = -1; $("user").value = "-1";
  const box = $("item");
  box.hidden = i < 0;
  box.textContent = "";
  if (i >= 0) {
    const title = document.createElement("h2"), facts = document.createElement("p"), buttons = document.createElement("div");
    title.textContent = data.titles[i]; facts.textContent = describe(i); buttons.className = "row";
    const way = document.createElement("button"), go = document.createElement("button");
    way.id = "path"; way.textContent = "Path to …"; go.id = "release"; go.textContent = "Let go";
    way.onclick = () => { pathFrom = i; $("search").value = ""; $("search").placeholder = "… to which title?"; $("search").focus(); };
    go.onclick = () => choose(-1);
    buttons.append(way, go);
    box.append(title, facts, buttons, "Most similar (cosine)", rows(neighbours(i).map(([j, s]) => [j, s.toFixed(3)])));
    if (centre) bring(i);
  }
  redraw();
}
let pathFrom = -1;
function showPath(from, to) {
  pathFrom = -1; $("search").placeholder = "Search a title  ( / )";
  const way = path(from, to), box = $("item");
  box.hidden = false; box.textContent = "";
  const title = document.createElement("h2"), go = document.createElement("button");
  title.textContent = way ? `From ${data.titles[from]} to ${data.titles[to]}` : "No path over similar items";
  go.id = "release"; go.textContent = "Let go"; go.onclick = () => choose(-1);
  state.chosen = -1; state.path = way;
  box.append(title, go);
  if (way) box.append(rows(way.map((j, k) => [j, String(k + 1)])));
  redraw();
}
function showUser(u) {
  choose(-1);
  state.user = u; $("user").value = String(u);
  const box = $("item");
  box.hidden = u < 0;
  if (u >= 0) {
    const person = data.users[u], title = document.createElement("h2"), facts = document.createElement("p");
    title.textContent = person.name;
    facts.textContent = `${person.items.length} ratings, shown in the colours of the ramp: dark ${data.lowest}, bright ${data.highest}. The ring is where the person stands.`;
    const best = person.items.map((i, k) => [i, person.ratings[k]]).sort((a, b) => b[1] - a[1] || counts[b[0]] - counts[a[0]]);
    box.append(title, facts, rows(best.slice(0, 12)));
  }
  redraw();
}
function bring(i) { // into the middle, near enough to tell it from its neighbours
  const { w, h } = free();
  area = { w, h };
  place(coords, depth, n, sx, sy, sz);
  const target = Math.max(state.zoom, 2), grow = target / state.zoom;
  state.panX = (state.panX + w / 2 - sx[i]) * grow; state.panY = (state.panY + h / 2 - sy[i]) * grow;
  state.zoom = target;
}

let hits = [], on = 0;
function find() {
  const text = $("search").value.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase().trim(), list = $("found");
  hits = []; on = 0;
  if (text) for (let k = 0; k < n && hits.length < 400; k++) if (folded[order[k]].includes(text)) hits.push(order[k]);
  hits.sort((a, b) => folded[b].startsWith(text) - folded[a].startsWith(text) || counts[b] - counts[a]);
  hits = hits.slice(0, 8);
  list.hidden = !text;
  list.textContent = text && !hits.length ? "Nothing has this title." : "";
  hits.forEach((i, k) => {
    const li = document.createElement("li");
    li.textContent = data.titles[i]; li.className = k === on ? "on" : "";
    li.onpointerdown = e => { e.preventDefault(); take(i); };
    list.append(li);
  });
}
function take(i) { $("search").value = ""; find(); view.focus(); choose(i, true); }
$("search").oninput = find;
$("search").onkeydown = e => {
  if (e.key === "Enter" && hits.length) { take(hits[on]); e.preventDefault(); }
  if (e.key === "Escape") { pathFrom = -1; $("search").value = ""; $("search").placeholder = "Search a title  ( / )"; find(); view.focus(); }
  if (e.key === "ArrowDown" || e.key === "ArrowUp") {
    on = (on + (e.key === "ArrowDown" ? 1 : hits.length - 1)) % Math.max(1, hits.length);
    [...$("found").children].forEach((li, k) => li.className = k === on ? "on" : "");
    e.preventDefault();
  }
};

function options(select, entries, value) {
  for (const [key, text] of entries) select.append(new Option(text, key));
  select.value = String(value);
}
const axisNames = data.components.map((c, k) => [k, `${k + 1}: ${c.short}`]);
options($("x"), axisNames, state.x); options($("y"), axisNames, state.y); options($("z"), [[-1, "none"], ...axisNames], -1);
for (const key of ["x", "y", "z"]) $(key).onchange = e => { state[key] = +e.target.value; reset(); };
options($("colour"), [data.genres.length && ["genre", "genre"], numeric.year && ["year", "year"],
  ["popularity", "number of ratings"], numeric.mean && ["mean", "mean rating"]].filter(Boolean), state.colour);
$("colour").onchange = e => { state.colour = e.target.value; paintColours(); redraw(); };
options($("user"), [[-1, "nobody"], ...data.users.map((p, u) => [u, p.name])], -1);
$("user").onchange = e => showUser(+e.target.value);
$("people").hidden = !data.users.length;
$("fold").onclick = e => { const rest = $("rest"); rest.hidden = !rest.hidden; e.target.setAttribute("aria-expanded", String(!rest.hidden)); redraw(); };

// ── moving about ────────────────────────────────────────────────────────────────────────────────

function reset() { box = extent(); state.zoom = 1; state.panX = state.panY = 0; state.yaw = state.z >= 0 ? 0.5 : 0; state.pitch = state.z >= 0 ? 0.25 : 0; redraw(); }
function zoomAt(x, y, factor) {
  const { w, h } = free(), target = Math.min(200, Math.max(0.5, state.zoom * factor)), grow = target / state.zoom;
  state.panX = x - w / 2 - (x - w / 2 - state.panX) * grow; state.panY = y - h / 2 - (y - h / 2 - state.panY) * grow;
  state.zoom = target; redraw();
}
const touches = new Map();
let moved = 0, spread = 0;
view.onpointerdown = e => { view.setPointerCapture(e.pointerId); touches.set(e.pointerId, [e.clientX, e.clientY]); moved = 0; spread = 0; view.classList.add("held"); };
view.onpointermove = e => {
  if (!touches.has(e.pointerId)) { view.title = ""; const i = at(e.clientX, e.clientY, 6); if (i >= 0) view.title = data.titles[i]; return; }
  const last = touches.get(e.pointerId), dx = e.clientX - last[0], dy = e.clientY - last[1];
  touches.set(e.pointerId, [e.clientX, e.clientY]);
  moved += Math.abs(dx) + Math.abs(dy);
  if (touches.size === 2) {
    const [a, b] = [...touches.values()], now = Math.hypot(a[0] - b[0], a[1] - b[1]);
    if (spread) zoomAt((a[0] + b[0]) / 2, (a[1] + b[1]) / 2, now / spread);
    spread = now;
  } else if (state.z >= 0) { state.yaw += dx * 0.008; state.pitch = Math.max(-1.5, Math.min(1.5, state.pitch + dy * 0.008)); }
  else { state.panX += dx; state.panY += dy; }
  redraw();
};
view.onpointerup = view.onpointercancel = e => {
  touches.delete(e.pointerId); view.classList.remove("held"); spread = 0;
  if (moved < 6 && e.type === "pointerup") choose(at(e.clientX, e.clientY, e.pointerType === "touch" ? 22 : 10));
};
view.addEventListener("wheel", e => { e.preventDefault(); zoomAt(e.clientX, e.clientY, Math.exp(-e.deltaY * (e.deltaMode ? 0.05 : 0.0016))); }, { passive: false });
view.ondblclick = e => zoomAt(e.clientX, e.clientY, 2);
function at(x, y, reach) {
  let best = -1, least = Infinity;
  for (let i = 0; i < n; i++) {
    const d = Math.hypot(sx[i] - x, sy[i] - y) - size[i];
    if (d < reach && d < least) { least = d; best = i; }
  }
  return best;
}
addEventListener("keydown", e => {
  if (/INPUT|SELECT/.test(document.activeElement.tagName) || e.ctrlKey || e.metaKey || e.altKey) return;
  const step = 60, keys = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] }, { w, h } = free();
  if (keys[e.key]) { state.panX += keys[e.key][0]; state.panY += keys[e.key][1]; redraw(); }
  else if (e.key === "+" || e.key === "=") zoomAt(w / 2, h / 2, 1.4);
  else if (e.key === "-") zoomAt(w / 2, h / 2, 1 / 1.4);
  else if (e.key === "0") reset();
  else if (e.key === "/") $("search").focus();
  else if (e.key === "Escape") { pathFrom = -1; choose(-1); }
  else return;
  e.preventDefault();
});
function resize() {
  W = innerWidth; H = innerHeight; ratio = Math.min(2, devicePixelRatio || 1);
  view.width = Math.round(W * ratio); view.height = Math.round(H * ratio);
  image = pen.createImageData(view.width, view.height); pixels = image.data; inked.clear();
  redraw();
}
const api = window.movieMap = { frames: 0, lastFrame: 0, state, labels: () => labels, where: i => [sx[i], sy[i]], free, choose, titles: data.titles };
addEventListener("resize", resize);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { readScheme(); paintColours(); inked.clear(); redraw(); });
if (innerWidth <= 640) { $("rest").hidden = true; $("fold").setAttribute("aria-expanded", "false"); }
readScheme(); paintColours(); dirty = false; resize(); new ResizeObserver(redraw).observe($("panel"));
})();
