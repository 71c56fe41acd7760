// From the two planes of the map to the canvas: where a point is, and what moving does to it.

export const VIEWS = ["neighbourhoods", "components"];
const SKEW = 1.5; // by how much one direction may be stretched more than the other
const TOP = 12; // pixels by which the middle is lower, because of the buttons above

export const camera = { zoom: 1, x: 0, y: 0, width: 0, height: 0 };
let frame = []; // by view: middle and half width of the items, across and up
let fitted = [];

// The planes of a map; their items fill the canvas.
export function show(planes) {
  const span = values => {
    const low = values.reduce((a, b) => Math.min(a, b), Infinity);
    const high = values.reduce((a, b) => Math.max(a, b), -Infinity);
    return [(low + high) / 2, Math.max((high - low) / 2, 1e-3)];
  };
  frame = planes.map(plane => [span(plane.x), span(plane.y)]);
  whole();
}
export function fit(width, height) {
  Object.assign(camera, { width, height });
  fitted = frame.map(([[midX, halfX], [midY, halfY]]) => {
    const across = Math.max(10, width / 2 - 30) / halfX;
    const up = Math.max(10, height / 2 - 46) / halfY;
    return [midX, midY, Math.min(across, SKEW * up), Math.min(up, SKEW * across)];
  });
}
// Where a point of both planes is; mix goes from 0, the first plane, to 1, the second.
export function put([ax, ay], [bx, by], mix) {
  const [a, b] = fitted;
  const x = (1 - mix) * (ax - a[0]) * a[2] + mix * (bx - b[0]) * b[2];
  const y = (1 - mix) * (ay - a[1]) * a[3] + mix * (by - b[1]) * b[3];
  return [
    camera.width / 2 + camera.x + x * camera.zoom,
    camera.height / 2 + TOP + camera.y - y * camera.zoom,
  ];
}
// The point under (x, y) stays where it is.
export function zoomAt(x, y, by) {
  const zoom = Math.min(40, Math.max(1, camera.zoom * by));
  const real = zoom / camera.zoom;
  const [midX, midY] = [camera.width / 2, camera.height / 2 + TOP];
  camera.x = x - midX - (x - midX - camera.x) * real;
  camera.y = y - midY - (y - midY - camera.y) * real;
  camera.zoom = zoom;
  if (zoom === 1) camera.x = camera.y = 0;
}
export function pan(dx, dy) {
  camera.x += dx;
  camera.y += dy;
}
export function whole() {
  Object.assign(camera, { zoom: 1, x: 0, y: 0 });
}
export const inside = ([x, y], margin = 0) =>
  x > -margin && y > -margin && x < camera.width + margin && y < camera.height + margin;
