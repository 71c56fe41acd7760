// Moving the map to what is shown

// The zoom at which an item and its neighbours are told apart.
const closest = Math.min(12, Math.max(2, Math.sqrt(n) / 16));
function flat() {
  area = free();
  state.zoom = 1;
  state.panX = state.panY = 0;
  placeItems();
}
// Puts a point of the flat picture into the middle, as far as the map still fills the picture.
function look(x, y, zoom) {
  state.zoom = Math.min(200, Math.max(0.5, zoom));
  const pan = (side, at, all) => {
    const low = all.reduce((a, b) => Math.min(a, b)) - 30 / state.zoom;
    const high = all.reduce((a, b) => Math.max(a, b)) + 30 / state.zoom;
    const half = side / 2 / state.zoom;
    const middle =
      high - low > 2 * half
        ? Math.min(high - half, Math.max(low + half, at))
        : Math.min(low + half, Math.max(high - half, at));
    return (side / 2 - middle) * state.zoom;
  };
  state.panX = pan(area.w, x, sx);
  state.panY = pan(area.h, y, sy);
  redraw();
}
// Fills the picture with some items.
function frame(items, most) {
  flat();
  const [x, y] = [sx, sy].map(all => items.map(i => all[i]));
  const [left, right] = [Math.min(...x), Math.max(...x)];
  const [top, bottom] = [Math.min(...y), Math.max(...y)];
  const across = (area.w - Math.min(200, area.w / 3)) / Math.max(1, right - left);
  const up = (area.h - 90) / Math.max(1, bottom - top);
  look((left + right) / 2, (top + bottom) / 2, Math.min(most, across, up));
}
// Moves an item to the middle, so that most of its neighbours are in the picture.
function bring(i) {
  flat();
  const far = neighbours(i)
    .map(([j]) => Math.hypot(sx[j] - sx[i], sy[j] - sy[i]))
    .sort((a, b) => a - b);
  const reach = far[Math.floor(0.7 * (far.length - 1))] || 1;
  const room = Math.min(area.w, area.h) / 2 - 40;
  look(sx[i], sy[i], Math.max(1.2, Math.min(1.6 * closest, room / reach)));
}
function setView(name) {
  if (state.view === name) return;
  state.view = name;
  for (const id of ["plane", "axes"]) $(id).setAttribute("aria-pressed", String(id === name));
  $("places").hidden = name !== "plane" || !data.regions.length;
  $("directions").hidden = name !== "axes";
  const { user, chosen, path: way } = state;
  reset();
  if (user >= 0) showUser(user);
  else if (chosen >= 0) bring(chosen);
  else if (way) frame(way, 8 * closest);
}

// Moving: pointer, wheel and keys

function reset() {
  box = extent();
  state.zoom = 1;
  state.panX = state.panY = 0;
  state.yaw = axesShown().z >= 0 ? 0.5 : 0;
  state.pitch = axesShown().z >= 0 ? 0.25 : 0;
  redraw();
}
function zoomAt(x, y, factor) {
  const { w, h } = free();
  const target = Math.min(200, Math.max(0.5, state.zoom * factor));
  const grow = target / state.zoom;
  state.panX = x - w / 2 - (x - w / 2 - state.panX) * grow;
  state.panY = y - h / 2 - (y - h / 2 - state.panY) * grow;
  state.zoom = target;
  redraw();
}
const touches = new Map();
let moved = 0;
let spread = 0;
view.onpointerdown = e => {
  view.setPointerCapture(e.pointerId);
  touches.set(e.pointerId, [e.clientX, e.clientY]);
  moved = 0;
  spread = 0;
  view.classList.add("held");
};
view.onpointermove = e => {
  if (!touches.has(e.pointerId)) {
    view.title = "";
    const i = at(e.clientX, e.clientY, 6);
    if (i >= 0) view.title = data.titles[i];
    return;
  }
  const last = touches.get(e.pointerId);
  const dx = e.clientX - last[0];
  const dy = e.clientY - last[1];
  touches.set(e.pointerId, [e.clientX, e.clientY]);
  moved += Math.abs(dx) + Math.abs(dy);
  if (touches.size === 2) {
    const [a, b] = [...touches.values()];
    const now = Math.hypot(a[0] - b[0], a[1] - b[1]);
    if (spread) zoomAt((a[0] + b[0]) / 2, (a[1] + b[1]) / 2, now / spread);
    spread = now;
  } else if (axesShown().z >= 0) {
    state.yaw += dx * 0.008;
    state.pitch = Math.max(-1.5, Math.min(1.5, state.pitch + dy * 0.008));
  } else {
    state.panX += dx;
    state.panY += dy;
  }
  redraw();
};
view.onpointerup = view.onpointercancel = e => {
  touches.delete(e.pointerId);
  view.classList.remove("held");
  spread = 0;
  if (moved < 6 && e.type === "pointerup") press(e.clientX, e.clientY, e.pointerType === "touch");
};
// A name of a region is on top of the dots.
function press(x, y, coarse) {
  const name = labels.find(
    ({ kind, box: [left, top, right, bottom] }) =>
      kind === "region" && x >= left && x <= right && y >= top && y <= bottom,
  );
  if (name && pathFrom < 0) showRegion(name.region);
  else choose(at(x, y, coarse ? 22 : 10));
}
view.addEventListener(
  "wheel",
  e => {
    e.preventDefault();
    zoomAt(e.clientX, e.clientY, Math.exp(-e.deltaY * (e.deltaMode ? 0.05 : 0.0016)));
  },
  { passive: false },
);
view.ondblclick = e => zoomAt(e.clientX, e.clientY, 2);
// The item whose dot is within `reach` pixels of a point, or −1.
function at(x, y, reach) {
  let best = -1;
  let least = Infinity;
  for (let i = 0; i < n; i++) {
    const d = Math.hypot(sx[i] - x, sy[i] - y) - size[i];
    if (d < reach && d < least) {
      least = d;
      best = i;
    }
  }
  return best;
}
addEventListener("keydown", e => {
  if (/INPUT|SELECT/.test(document.activeElement.tagName) || e.ctrlKey || e.metaKey || e.altKey)
    return;
  const step = 60;
  const keys = {
    ArrowLeft: [step, 0],
    ArrowRight: [-step, 0],
    ArrowUp: [0, step],
    ArrowDown: [0, -step],
  };
  const { w, h } = free();
  if (keys[e.key]) {
    state.panX += keys[e.key][0];
    state.panY += keys[e.key][1];
    redraw();
  } else if (e.key === "+" || e.key === "=") zoomAt(w / 2, h / 2, 1.4);
  else if (e.key === "-") zoomAt(w / 2, h / 2, 1 / 1.4);
  else if (e.key === "0") reset();
  else if (e.key === "/") $("search").focus();
  else if (e.key === "Escape") {
    pathFrom = -1;
    choose(-1);
  } else return;
  e.preventDefault();
});
function resize() {
  W = innerWidth;
  H = innerHeight;
  ratio = Math.min(2, devicePixelRatio || 1);
  view.width = Math.round(W * ratio);
  view.height = Math.round(H * ratio);
  image = pen.createImageData(view.width, view.height);
  pixels = image.data;
  inked.clear();
  redraw();
}
const api = {
  frames: 0,
  lastFrame: 0,
  state,
  labels: () => labels,
  rings: () => rings,
  where: i => [sx[i], sy[i]],
  free,
  choose,
  titles: data.titles,
};
window.movieMap = api;
addEventListener("resize", resize);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  readScheme();
  paintColours();
  inked.clear();
  redraw();
});
if (innerWidth <= 640) {
  $("rest").hidden = true;
  $("fold").setAttribute("aria-expanded", "false");
}
readScheme();
paintColours();
dirty = false;
resize();
if (data.open === "user") showUser(0);
else choose(order[0], true);
new ResizeObserver(redraw).observe($("panel"));
