// Pointer, wheel and keys on the map.

import { camera, pan, whole, zoomAt } from "./camera.js";

const STEP = 60; // pixels of an arrow key
const STILL = 6; // pixels that a click may move

// Calls `redraw()` after each movement, `press(x, y, reach)` for a click or tap, and `over(x, y)` for
// the place of the mouse, without one when it leaves.
export function listen(view, redraw, press, over) {
  const touches = new Map();
  let moved = 0;
  let spread = 0;
  const within = event => {
    const box = view.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  view.onpointerdown = event => {
    view.setPointerCapture(event.pointerId);
    touches.set(event.pointerId, event);
    moved = 0;
  };
  view.onpointermove = event => {
    const before = touches.get(event.pointerId);
    if (!before) return over(...within(event));
    const n = touches.size;
    const [dx, dy] = [event.clientX - before.clientX, event.clientY - before.clientY];
    moved += Math.abs(dx) + Math.abs(dy);
    touches.set(event.pointerId, event);
    if (camera.zoom > 1 || n > 1) pan(dx / n, dy / n);
    if (n === 2) {
      const [a, b] = [...touches.values()];
      const now = Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
      const [[ax, ay], [bx, by]] = [within(a), within(b)];
      if (spread) zoomAt((ax + bx) / 2, (ay + by) / 2, now / spread);
      spread = now;
    }
    redraw();
  };
  view.onpointerup = view.onpointercancel = event => {
    const held = touches.delete(event.pointerId);
    spread = 0;
    if (!held || event.type !== "pointerup" || moved > STILL) return;
    press(...within(event), event.pointerType === "touch" ? 18 : 8);
  };
  view.onpointerleave = () => over();
  view.addEventListener(
    "wheel",
    event => {
      event.preventDefault();
      zoomAt(...within(event), Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)));
      redraw();
    },
    { passive: false },
  );
  view.onkeydown = event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrows = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const step = arrows[event.key];
    if (step) pan(STEP * step[0], STEP * step[1]);
    else if (!zoom({ "+": "in", "=": "in", "-": "out", 0: "all" }[event.key])) return;
    event.preventDefault();
    redraw();
  };
}
// Zooms on the middle; whether there is such a way.
export function zoom(way) {
  if (way === "all") whole();
  else if (way) zoomAt(camera.width / 2, camera.height / 2, way === "in" ? 1.5 : 1 / 1.5);
  return Boolean(way);
}
