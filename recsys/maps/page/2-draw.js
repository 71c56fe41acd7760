// Drawing: dots are blended into the pixels directly, because 60,000 arcs on a canvas are too slow.

const stamps = []; // by radius in quarter pixels: coverage of a disc, 0 to 256
function stamp(q) {
  const r = q / 4;
  const half = Math.ceil(r - 0.25);
  const side = 2 * half + 1;
  const cover = new Uint16Array(side * side);
  for (let y = -half; y <= half; y++)
    for (let x = -half; x <= half; x++)
      cover[(y + half) * side + x + half] =
        256 * Math.min(1, Math.max(0, r + 0.5 - Math.hypot(x, y)));
  stamps[q] = { half, side, cover };
  return stamps[q];
}

// Whether some items are shown, and the others are only there for orientation.
const selected = () => state.chosen >= 0 || state.user >= 0 || state.path !== null;

function dots() {
  const w = view.width;
  const h = view.height;
  const paper = hex(scheme.paper);
  const words = new Uint32Array(pixels.buffer);
  words.fill((255 << 24) | (paper[2] << 16) | (paper[1] << 8) | paper[0]);
  const grow =
    ratio *
    Math.min(1, Math.max(0.75, Math.sqrt(area.w * area.h) / 800)) *
    Math.min(2.2, Math.max(0.8, state.zoom ** 0.35)) *
    Math.min(1.25, Math.max(0.7, (3000 / n) ** 0.16));
  const strength = selected() ? 72 : 210; // opacity, of 256
  // The most rated come last, on top.
  for (let k = n - 1; k >= 0; k--) {
    const i = order[k];
    const cx = (sx[i] * ratio + 0.5) | 0;
    const cy = (sy[i] * ratio + 0.5) | 0;
    if (cx < -40 || cy < -40 || cx >= w + 40 || cy >= h + 40) continue;
    const q = Math.max(3, (size[i] * grow * 4 + 0.5) | 0);
    const m = stamps[q] || stamp(q);
    const cover = m.cover;
    const r = colours[3 * i];
    const g = colours[3 * i + 1];
    const b = colours[3 * i + 2];
    const y0 = Math.max(0, cy - m.half);
    const y1 = Math.min(h - 1, cy + m.half);
    const x0 = Math.max(0, cx - m.half);
    const x1 = Math.min(w - 1, cx + m.half);
    for (let y = y0; y <= y1; y++) {
      let at = y * w + x0;
      let c = (y - cy + m.half) * m.side + x0 - cx + m.half;
      for (let x = x0; x <= x1; x++, at++, c++) {
        const a = (cover[c] * strength) >> 8;
        if (!a) continue;
        const old = words[at];
        const or = old & 255;
        const og = (old >> 8) & 255;
        const ob = (old >> 16) & 255;
        words[at] =
          0xff000000 |
          ((ob + (((b - ob) * a) >> 8)) << 16) |
          ((og + (((g - og) * a) >> 8)) << 8) |
          (or + (((r - or) * a) >> 8));
      }
    }
  }
  pen.putImageData(image, 0, 0);
}

const boxes = [];
function clear(b) {
  for (const o of boxes)
    if (b[0] <= o[2] && b[2] >= o[0] && b[1] <= o[3] && b[3] >= o[1]) return false;
  return true;
}
const spans = new Float32Array(n); // widths of titles; 0 where not measured yet
const font = weight =>
  weight === "region" ? "700 14px system-ui, sans-serif" : `${weight} 12px system-ui, sans-serif`;
// Text is slow to measure and slower to draw, so both are cached.
const widths = new Map();
const inked = new Map();
function wide(text, weight) {
  const key = weight + text;
  let w = widths.get(key);
  if (w === undefined) {
    pen.font = font(weight);
    w = pen.measureText(text).width;
    widths.set(key, w);
  }
  return w;
}
function ink(text, colour, weight) {
  const key = `${weight} ${colour} ${text}`;
  let sheet = inked.get(key);
  if (!sheet) {
    const w = wide(text, weight);
    sheet = document.createElement("canvas");
    sheet.width = Math.ceil((w + 8) * ratio);
    sheet.height = Math.ceil(22 * ratio);
    const draft = sheet.getContext("2d");
    draft.scale(ratio, ratio);
    draft.font = font(weight);
    draft.lineWidth = 3.5;
    draft.lineJoin = "round";
    draft.strokeStyle = scheme.halo;
    draft.fillStyle = colour;
    draft.strokeText(text, 4, 15);
    draft.fillText(text, 4, 15);
    if (inked.size > 600) inked.clear();
    inked.set(key, sheet);
  }
  return sheet;
}
// Writes a text unless it would overlap another; returns whether it did.
function write(text, x, y, align, colour, weight, must, known) {
  const w = known || wide(text, weight || 400);
  const left = align === "center" ? x - w / 2 : align === "right" ? x - w : x;
  const frame = [left - 3, y - (weight === "region" ? 13 : 11), left + w + 3, y + 5];
  if (!must && (frame[0] < 2 || frame[2] > area.w - 2 || frame[1] < 2 || frame[3] > area.h - 2))
    return false;
  if (!clear(frame)) return false;
  boxes.push(frame);
  labels.push({ text, box: frame, kind: weight === "region" ? "region" : "text" });
  const sheet = ink(text, colour, weight || 400);
  pen.drawImage(sheet, left - 4, y - 15, sheet.width / ratio, sheet.height / ratio);
  return true;
}
// Writes an item's title to the right, left, above or below its dot, where there is room.
function tag(i, colour, weight, rank) {
  const x = sx[i];
  const y = sy[i];
  const r = size[i] + (rank ? 8 : 4);
  if (rank) {
    const ranked = `${rank} ${data.titles[i]}`;
    return (
      write(ranked, x + r, y + 4, "left", colour, weight) ||
      write(ranked, x - r, y + 4, "right", colour, weight) ||
      write(String(rank), x + r, y + 4, "left", colour, weight)
    );
  }
  const text = data.titles[i];
  if (weight === 500 && !spans[i]) spans[i] = wide(text, 500);
  const w = weight === 500 ? spans[i] : wide(text, weight);
  return (
    write(text, x + r, y + 4, "left", colour, weight, false, w) ||
    write(text, x - r, y + 4, "right", colour, weight, false, w) ||
    write(text, x, y - r - 2, "center", colour, weight, false, w) ||
    write(text, x, y + r + 11, "center", colour, weight, false, w)
  );
}
function ring(x, y, r, colour, thick) {
  rings.push([x, y]);
  pen.beginPath();
  pen.arc(x, y, r, 0, 7);
  pen.lineWidth = thick || 2;
  pen.strokeStyle = colour;
  pen.stroke();
}
function disc(i, colour) {
  pen.beginPath();
  pen.arc(sx[i], sy[i], size[i] + 1.5, 0, 7);
  pen.fillStyle = colour || `rgb(${colours.subarray(3 * i, 3 * i + 3)})`;
  pen.fill();
}
function line(x1, y1, x2, y2, colour, thick) {
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.lineTo(x2, y2);
  pen.lineWidth = thick;
  pen.strokeStyle = colour;
  pen.stroke();
}
const clip = (text, room) => {
  let t = text;
  pen.font = "600 12px system-ui, sans-serif";
  while (t.length > 4 && pen.measureText(t).width > room)
    t = t.replace(/,?[^,]*$/, "") || `${t.slice(0, -4)}…`;
  return t;
};

// Shortens the text where there is little room.
const fit = (text, room) => {
  pen.font = "400 12px system-ui, sans-serif";
  return pen.measureText(text).width <= room
    ? text
    : text
        .replace("component ", "")
        .replace("of the items' variance", "of items")
        .replace("the predictions'", "predictions");
};

function axes() {
  if (state.view === "plane") return;
  const { w, h } = area;
  const across = data.components[state.x];
  const up = data.components[state.y];
  if (state.z >= 0) {
    const shownAxes = `components ${state.x + 1}, ${state.y + 1} and ${state.z + 1}`;
    const text = `Three dimensions: ${shownAxes}; drag to turn`;
    write(text, w / 2, h - 10, "center", scheme.soft, 600, true);
    return;
  }
  const room = w / 2 - 70;
  write(clip(`← ${across.low}`, room), 8, h - 26, "left", scheme.soft, 600, true);
  write(clip(`${across.high} →`, room), w - 8, h - 26, "right", scheme.soft, 600, true);
  const shareAcross = fit(`component ${state.x + 1}: ${across.share}`, w - 16);
  write(shareAcross, w / 2, h - 9, "center", scheme.soft, 400, true);
  write(clip(`↑ ${up.high}`, w - 20), 8, 18, "left", scheme.soft, 600, true);
  write(clip(`↓ ${up.low}`, w - 20), 8, h - 44, "left", scheme.soft, 600, true);
  const shareUp = fit(`component ${state.y + 1}: ${up.share}`, w - 16);
  write(shareUp, 8, 35, "left", scheme.soft, 400, true);
}

const userX = new Float32Array(1);
const userY = new Float32Array(1);
const userZ = new Float32Array(1);
const centres = Float32Array.from(data.regions.flatMap(r => r.at));
const regionX = new Float32Array(data.regions.length);
const regionY = new Float32Array(data.regions.length);
const regionZ = new Float32Array(data.regions.length);
// Names of regions, those with the most ratings first, as many as there is room for.
function drawRegions() {
  if (state.view !== "plane") return;
  place(centres, 2, data.regions.length, regionX, regionY, regionZ);
  const { w, h } = area;
  // The map at a glance has few names; more come with the zoom, fewer with a selection.
  const room = selected() ? 72_000 : 36_000;
  const most = Math.round(((w * h) / room) * Math.max(1, state.zoom) ** 2);
  data.regions.slice(0, most).forEach((region, r) => {
    if (regionX[r] < 0 || regionY[r] < 0 || regionX[r] > w || regionY[r] > h) return;
    const half = wide(region.name, "region") / 2 + 6;
    const x = Math.max(half, Math.min(w - half, regionX[r]));
    const y = Math.max(18, Math.min(h - 8, regionY[r]));
    const colour = selected() ? scheme.soft : scheme.region;
    if (write(region.name, x, y, "center", colour, "region")) labels.at(-1).region = r;
  });
}
function drawPath(items) {
  const steps = items.slice(1).map((j, k) => [items[k], j]);
  for (const [i, j] of steps) line(sx[i], sy[i], sx[j], sy[j], scheme.accent, 2);
  for (const i of items) disc(i);
  const ends = [items[0], items.at(-1)];
  for (const i of ends) ring(sx[i], sy[i], size[i] + 4, scheme.accent);
  for (const i of [...ends, ...items.slice(1, -1)]) tag(i, scheme.ink, 600);
  for (const [i, j] of steps) {
    const [x, y] = [(sx[i] + sx[j]) / 2, (sy[i] + sy[j]) / 2];
    write(likeness(i, j).toFixed(2), x, y + 4, "center", scheme.accent, 600);
  }
}
function drawChosen(i) {
  const friends = neighbours(i);
  for (const [j] of friends) line(sx[i], sy[i], sx[j], sy[j], scheme.soft, 1.2);
  for (const [j] of friends) disc(j);
  disc(i);
  ring(sx[i], sy[i], size[i] + 4, scheme.accent);
  tag(i, scheme.ink, 700);
  for (const [j] of friends) tag(j, scheme.ink, 500);
}
// The colour of an item that somebody rated; without different values there is one.
const ratedColour = value => `rgb(${rampAt(scale(data.lowest, data.highest)(value))})`;
function drawUser(person) {
  person.items.forEach((i, k) => {
    disc(i, ratedColour(person.ratings[k]));
  });
  for (const i of person.recommended) {
    disc(i, scheme.paper); // hollow: not rated yet
    ring(sx[i], sy[i], size[i] + 5, scheme.advice, 3);
  }
  if (state.view === "axes") {
    place(person.at, depth, 1, userX, userY, userZ);
    ring(userX[0], userY[0], 8, scheme.accent, 3);
    ring(userX[0], userY[0], 2, scheme.accent, 3);
    write(person.name, userX[0] + 12, userY[0] + 4, "left", scheme.accent, 700);
  }
  person.recommended.forEach((i, k) => {
    tag(i, scheme.ink, 700, k + 1);
  });
  for (const [i] of bestRated(person).slice(0, LISTED)) tag(i, scheme.soft, 500);
}
// The most rated titles first; as many as there is room for.
function drawTitles() {
  // The whole map is for the regions; titles come with the zoom.
  const room = state.view === "plane" && state.zoom < 1.5 ? 24_000 : 9000;
  const most = Math.min(70, Math.round((area.w * area.h) / room));
  let tried = 0;
  let done = 0;
  for (let k = 0; k < n && done < most && tried < 500; k++) {
    const i = order[k];
    if (sx[i] < 0 || sy[i] < 0 || sx[i] > area.w || sy[i] > area.h) continue;
    tried++;
    if (tag(i, scheme.ink, 500)) done++;
  }
}
function draw() {
  dirty = false;
  const began = performance.now();
  area = free();
  placeItems();
  dots();
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  boxes.length = 0;
  labels = [];
  rings = [];
  axes();
  if (state.path) drawPath(state.path);
  else if (state.chosen >= 0) drawChosen(state.chosen);
  else if (state.user >= 0) drawUser(data.users[state.user]);
  drawRegions();
  if (!selected()) drawTitles();
  pen.setTransform(1, 0, 0, 1, 0, 0);
  api.frames++;
  api.lastFrame = performance.now() - began;
}
function redraw() {
  if (!dirty) {
    dirty = true;
    requestAnimationFrame(draw);
  }
}
