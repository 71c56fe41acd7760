// Ratings by stars, as a slider: click, drag, arrow keys, digits; Delete removes the rating.

import { el, title } from "./dom.js";

// How values are chosen: { low, high, step }; null where a model knows likes only.
let scale = null;
const REST = 700; // milliseconds

export function setScale(low, high, step) {
  scale = low === undefined || low === null ? null : { low, high, step: step || steps(low, high) };
}
function steps(low, high) {
  const span = high - low;
  if (Number.isInteger(low) && Number.isInteger(high) && span <= 10) return 1;
  if (Number.isInteger(2 * low) && Number.isInteger(2 * high) && span <= 5) return 0.5;
  return span / 10;
}
export const likesOnly = () => scale === null;
export const worded = value =>
  scale === null ? "liked" : `${Number(value.toFixed(2))} of ${Number(scale.high.toFixed(2))}`;

// A control with the value of a row, or none; calls `rate(row, value)`, null to remove it.
export function stars(row, value, rate) {
  return scale === null ? heart(row, value, rate) : slider(row, value, rate);
}

function heart(row, value, rate) {
  const button = el("button", {
    class: "heart",
    type: "button",
    "aria-label": `Like ${title(row)}`,
    "aria-pressed": String(value !== undefined),
  });
  button.append("♥");
  button.onclick = () => rate(row, button.getAttribute("aria-pressed") === "true" ? null : 1);
  return button;
}

function slider(row, value, rate) {
  const { low, high, step } = scale;
  const none = low - step; // one step below the lowest: not rated
  const clamp = v => Math.min(high, Math.max(none, v));
  const snap = v => clamp(low + Math.round((v - low) / step) * step);
  const share = v => (v - none) / (high - none);
  const made = el("span", {
    class: "stars",
    role: "slider",
    tabindex: 0,
    "aria-label": `Your rating of ${title(row)}`,
    "aria-valuemin": none,
    "aria-valuemax": high,
  });
  let now = value ?? none;
  const show = v => made.style.setProperty("--fill", `${100 * share(v)}%`);
  const set = v => {
    now = v;
    const rated = v >= low - step / 2;
    made.setAttribute("aria-valuenow", v);
    made.setAttribute("aria-valuetext", rated ? worded(v) : "not rated");
    made.classList.toggle("given", rated);
    show(v);
  };
  let given = now; // what `rate` knows
  let waiting = 0;
  const give = v => {
    clearTimeout(waiting);
    set(v);
    if (v === given) return;
    given = v;
    rate(row, v < low - step / 2 ? null : v);
  };
  // Arrow keys pass over the values between, so they count when they rest.
  const pass = v => {
    clearTimeout(waiting);
    set(v);
    waiting = setTimeout(() => give(now), REST);
  };
  const under = event => {
    const box = made.getBoundingClientRect();
    const at = (event.clientX - box.left) / box.width;
    return Math.max(low, snap(none + Math.ceil((at * (high - none)) / step - 1e-9) * step));
  };
  made.onpointermove = event => event.pointerType !== "touch" && show(under(event));
  made.onpointerleave = () => show(now);
  made.onclick = event => {
    const chosen = under(event);
    give(chosen === now ? none : chosen);
  };
  made.onkeydown = event => {
    const by = { ArrowRight: step, ArrowUp: step, ArrowLeft: -step, ArrowDown: -step }[event.key];
    if (by) {
      event.preventDefault();
      pass(clamp(now + by));
      return;
    }
    const to = { Home: low, End: high, Delete: none, Backspace: none, Enter: now };
    let chosen = to[event.key];
    if (/^[0-9]$/.test(event.key) && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const digit = Number(event.key);
      chosen = digit === 0 && low > 0 ? none : digit >= low && digit <= high ? snap(digit) : now;
    }
    if (chosen === undefined) return;
    event.preventDefault();
    give(chosen);
  };
  made.onblur = () => give(now);
  // Shows a value that comes from elsewhere.
  made.set = v => {
    given = v ?? none;
    set(given);
  };
  set(now);
  return made;
}
