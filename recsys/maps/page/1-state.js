// The scripts of this folder are one module: movie_map joins them in the order of their names.

const data = JSON.parse(document.getElementById("data").textContent);
const bytes = text => Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer;
const n = data.titles.length;
const depth = data.components.length;
const coords = new Int16Array(bytes(data.coords)); // n × depth
const plane = new Int16Array(bytes(data.plane)); // n × 2
const regionOf = new Uint8Array(bytes(data.regionOf)); // 255 where there is none
const near = new Int32Array(bytes(data.near)); // n × width, −1 where there are fewer
const nearScore = new Int16Array(bytes(data.nearScore)); // in ten-thousandths
const width = data.nearWidth;
const counts = new Uint32Array(bytes(data.counts));
const genreBits = new Uint32Array(bytes(data.genreBits));
const numeric = {
  year: data.years && new Uint16Array(bytes(data.years)),
  mean: data.means && new Float32Array(bytes(data.means)),
  popularity: counts,
};
const $ = id => document.getElementById(id);
const view = $("view");
const pen = view.getContext("2d", { alpha: false });
const order = Uint32Array.from({ length: n }, (_, i) => i).sort(
  (a, b) => counts[b] - counts[a] || a - b,
);
const mostRated = Math.max(1, counts[order[0]] || 1);
const size = Float32Array.from(counts, c => 1.3 + 6.2 * Math.sqrt(c / mostRated));
const fold = text =>
  text
    .normalize("NFD")
    .replace(/[\u0300-\u036f]/g, "")
    .toLowerCase();
const folded = data.titles.map(fold);

const state = {
  view: "plane", // or "axes"
  x: 0,
  y: depth > 1 ? 1 : 0,
  z: -1,
  zoom: 1,
  panX: 0,
  panY: 0,
  yaw: 0,
  pitch: 0,
  colour: data.genres.length ? "genre" : "popularity",
  chosen: -1,
  path: null,
  user: -1,
  region: -1,
};
let W = 0;
let H = 0;
let ratio = 1;
let image = null;
let pixels = null;
let dirty = true;
let scheme = {};
let colours = null;
const sx = new Float32Array(n);
const sy = new Float32Array(n);
const sz = new Float32Array(n);
let labels = []; // of the last picture, and its rings
let rings = [];

// Projection of items and users onto the canvas

// The coordinates of the items in the present view, and which of them are across, up and depth.
function axesShown() {
  return state.view === "plane"
    ? { from: plane, stride: 2, x: 0, y: 1, z: -1 }
    : { from: coords, stride: depth, x: state.x, y: state.y, z: state.z };
}
function extent() {
  const { from, stride, x, y, z } = axesShown();
  // Of components, the middle 99.8 % of the items fill the picture; a few outliers must not squeeze
  // the rest. Neighbourhoods are compact.
  const cut = state.view === "plane" ? 0 : 0.001;
  const span = axis => {
    const values = Int16Array.from({ length: n }, (_, i) => from[i * stride + axis]).sort();
    const low = values[Math.floor(cut * (n - 1))];
    const high = values[Math.ceil((1 - cut) * (n - 1))];
    return [low, high > low ? high : low + 1];
  };
  return { x: span(x), y: span(y), z: z >= 0 ? span(z) : [-1, 1] };
}
let box = extent();

let area = { w: 1, h: 1 }; // of the last picture
// The part of the window that the panel does not cover.
function free() {
  const r = $("panel").getBoundingClientRect();
  return W > 640 ? { w: Math.max(200, r.left - 8), h: H } : { w: W, h: Math.max(160, r.top) };
}

function place(source, stride, count, outX, outY, outZ) {
  const { w, h } = area;
  const margin = W > 640 ? 46 : 24;
  const { x: ax, y: ay, z: az } = axesShown();
  let scaleX = (w - 2 * margin) / (box.x[1] - box.x[0]);
  let scaleY = (h - 2 * margin) / (box.y[1] - box.y[0]);
  // Distances count in the neighbourhood view, so both directions have one scale.
  if (state.view === "plane") scaleX = scaleY = Math.min(scaleX, scaleY);
  const midX = (box.x[0] + box.x[1]) / 2;
  const midY = (box.y[0] + box.y[1]) / 2;
  const midZ = (box.z[0] + box.z[1]) / 2;
  const scaleZ = (Math.min(w, h) * 0.8) / (box.z[1] - box.z[0]);
  const cy = Math.cos(state.yaw);
  const sny = Math.sin(state.yaw);
  const cp = Math.cos(state.pitch);
  const snp = Math.sin(state.pitch);
  const left = w / 2 + state.panX;
  const top = h / 2 + state.panY;
  const zoom = state.zoom;
  const turned = az >= 0;
  for (let i = 0; i < count; i++) {
    const from = i * stride;
    let a = (source[from + ax] - midX) * scaleX;
    let b = (source[from + ay] - midY) * scaleY;
    let c = 0;
    if (turned) {
      c = (source[from + az] - midZ) * scaleZ;
      const a2 = a * cy + c * sny;
      const c2 = c * cy - a * sny;
      a = a2;
      c = c2;
      const b2 = b * cp - c * snp;
      c = c * cp + b * snp;
      b = b2;
      const perspective = 1 / (1 + c / (2.2 * Math.max(w, h)));
      a *= perspective;
      b *= perspective;
    }
    outX[i] = left + a * zoom;
    outY[i] = top - b * zoom;
    outZ[i] = c;
  }
}
function placeItems() {
  const { from, stride } = axesShown();
  place(from, stride, n, sx, sy, sz);
}

// Colours

const RAMP_DARK = [
  [98, 78, 158],
  [72, 118, 178],
  [52, 160, 150],
  [120, 205, 100],
  [253, 231, 37],
];
const RAMP_LIGHT = [
  [68, 1, 84],
  [59, 82, 139],
  [33, 145, 140],
  [74, 170, 80],
  [196, 158, 0],
];

function readScheme() {
  const css = getComputedStyle(document.documentElement);
  const get = name => css.getPropertyValue(name).trim();
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  scheme = {
    dark,
    paper: get("--paper"),
    ink: get("--ink"),
    soft: get("--soft"),
    rule: get("--rule"),
    halo: get("--halo"),
    accent: get("--accent"),
    advice: get("--advice"),
    region: get("--region"),
    genres: dark ? data.palette.dark : data.palette.light,
    ramp: dark ? RAMP_DARK : RAMP_LIGHT,
  };
}
const hex = text => {
  const v = parseInt(text.slice(1), 16);
  return [v >> 16, (v >> 8) & 255, v & 255];
};
const rampAt = t => {
  const at = Math.min(0.9999, Math.max(0, t)) * (scheme.ramp.length - 1);
  const i = Math.floor(at);
  const f = at - i;
  return scheme.ramp[i].map((v, c) => Math.round(v + f * (scheme.ramp[i + 1][c] - v)));
};
// An item is shown in the colour of the rarest of its genres that has one.
const shown = data.genres.map((_, g) => g).slice(0, data.palette.light.length);
const genreSize = shown.map(g => {
  let s = 0;
  for (let i = 0; i < n; i++) s += (genreBits[i] >>> g) & 1;
  return s;
});
const genreOf = i => {
  let best = -1;
  for (const g of shown)
    if ((genreBits[i] >>> g) & 1 && (best < 0 || genreSize[g] < genreSize[best])) best = g;
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
      const entry = document.createElement("span");
      const dot = document.createElement("i");
      dot.style.background = g < 0 ? `rgb(${other})` : scheme.genres[g];
      entry.append(dot, g < 0 ? "other" : data.genres[g]);
      key.append(entry);
    }
    return;
  }
  const values = numeric[state.colour];
  const known = Array.from(values)
    .filter(v => v > 0)
    .sort((a, b) => a - b);
  const low = known[Math.floor(0.02 * known.length)] || 0;
  const high = known[Math.floor(0.98 * (known.length - 1))] || 1;
  const scaled = scale(low, high);
  for (let i = 0; i < n; i++) colours.set(values[i] > 0 ? rampAt(scaled(values[i])) : other, 3 * i);
  const say = v => (state.colour === "mean" ? v.toFixed(1) : String(Math.round(v)));
  key.append(...rampKey(`${say(low)} or less`, `${say(high)} or more`));
}
// Where a value lies between two others, from 0 to 1: by its logarithm where they are far apart.
function scale(low, high) {
  if (low > 0 && high / low > 20) return v => Math.log(v / low) / Math.log(high / low);
  return v => (v - low) / (high - low || 1);
}
function rampKey(low, high) {
  const ramp = document.createElement("div");
  const words = document.createElement("div");
  ramp.className = "ramp";
  words.className = "ends";
  ramp.style.background = `linear-gradient(90deg, ${scheme.ramp.map(c => `rgb(${c})`).join(",")})`;
  const [from, to] = [document.createElement("span"), document.createElement("span")];
  from.textContent = low;
  to.textContent = high;
  words.append(from, to);
  return [ramp, words];
}
