// Nearest neighbours, and paths through them

function neighbours(i) {
  const found = [];
  for (let k = 0; k < width; k++)
    if (near[i * width + k] >= 0)
      found.push([near[i * width + k], nearScore[i * width + k] / 10000]);
  return found;
}
let back = null; // for each item, those that have it among their nearest
// The items on the shortest path, or null where there is none.
function path(from, to) {
  if (!back) {
    back = Array.from({ length: n }, () => []);
    for (let i = 0; i < n; i++) for (const [j, s] of neighbours(i)) back[j].push([i, s]);
  }
  // Dijkstra with the cost 1 − similarity over the graph of nearest neighbours; a binary heap.
  const cost = new Float64Array(n).fill(Infinity);
  const via = new Int32Array(n).fill(-1);
  const heap = [[0, from]];
  cost[from] = 0;
  const push = entry => {
    heap.push(entry);
    let i = heap.length - 1;
    while (i && heap[(i - 1) >> 1][0] > heap[i][0]) {
      [heap[i], heap[(i - 1) >> 1]] = [heap[(i - 1) >> 1], heap[i]];
      i = (i - 1) >> 1;
    }
  };
  const pop = () => {
    const top = heap[0];
    const last = heap.pop();
    if (heap.length) {
      heap[0] = last;
      let i = 0;
      for (;;) {
        let c = 2 * i + 1;
        if (c >= heap.length) break;
        if (c + 1 < heap.length && heap[c + 1][0] < heap[c][0]) c++;
        if (heap[c][0] >= heap[i][0]) break;
        [heap[c], heap[i]] = [heap[i], heap[c]];
        i = c;
      }
    }
    return top;
  };
  while (heap.length) {
    const [c, i] = pop();
    if (i === to) break;
    if (c > cost[i]) continue;
    for (const [j, s] of [...neighbours(i), ...back[i]]) {
      const next = c + Math.max(0, 1 - s) + 0.05;
      if (next < cost[j]) {
        cost[j] = next;
        via[j] = i;
        push([next, j]);
      }
    }
  }
  if (cost[to] === Infinity) return null;
  const way = [to];
  while (way[0] !== from) way.unshift(via[way[0]]);
  return way;
}

// The panel

function describe(i) {
  const facts = [];
  if (numeric.year?.[i]) facts.push(numeric.year[i]);
  const genres = data.genres.filter((_, g) => (genreBits[i] >>> g) & 1);
  if (genres.length) facts.push(genres.join(", "));
  const mean = numeric.mean?.[i] ? `, mean ${numeric.mean[i].toFixed(2)}` : "";
  facts.push(`${counts[i].toLocaleString("en")} ratings${mean}`);
  return facts.join(" · ");
}
function rows(list) {
  const ol = document.createElement("ol");
  ol.className = "near";
  for (const [j, score] of list) {
    const li = document.createElement("li");
    const name = document.createElement("span");
    const value = document.createElement("span");
    name.className = "name";
    value.className = "score";
    li.tabIndex = 0;
    li.dataset.item = j;
    name.textContent = data.titles[j];
    value.textContent = score;
    li.append(name, value);
    li.onclick = () => choose(j, true);
    li.onkeydown = e => {
      if (e.key === "Enter") choose(j, true);
    };
    ol.append(li);
  }
  return ol;
}
function choose(i, centre) {
  if (pathFrom >= 0 && i >= 0 && i !== pathFrom) {
    showPath(pathFrom, i);
    return;
  }
  state.chosen = i;
  state.path = null;
  state.user = -1;
  $("user").value = "-1";
  const box = $("item");
  box.hidden = i < 0;
  box.textContent = "";
  if (i >= 0) {
    const title = document.createElement("h2");
    const facts = document.createElement("p");
    const buttons = document.createElement("div");
    title.textContent = data.titles[i];
    facts.textContent = describe(i);
    buttons.className = "row";
    const way = document.createElement("button");
    const go = document.createElement("button");
    way.id = "path";
    way.textContent = "Path to …";
    go.id = "release";
    go.textContent = "Close";
    way.onclick = () => {
      pathFrom = i;
      $("search").value = "";
      $("search").placeholder = "… to which title?";
      $("search").focus();
    };
    go.onclick = () => choose(-1);
    buttons.append(way, go);
    box.append(
      title,
      facts,
      buttons,
      "Most similar (cosine)",
      rows(neighbours(i).map(([j, s]) => [j, s.toFixed(3)])),
    );
    if (centre) bring(i);
  }
  redraw();
}
let pathFrom = -1;
function showPath(from, to) {
  pathFrom = -1;
  $("search").placeholder = "Search a title  ( / )";
  const way = path(from, to);
  const box = $("item");
  box.hidden = false;
  box.textContent = "";
  const title = document.createElement("h2");
  const go = document.createElement("button");
  title.textContent = way
    ? `From ${data.titles[from]} to ${data.titles[to]}`
    : "No path over similar items";
  go.id = "release";
  go.textContent = "Close";
  go.onclick = () => choose(-1);
  state.chosen = -1;
  state.path = way;
  box.append(title, go);
  if (way) box.append(rows(way.map((j, k) => [j, String(k + 1)])));
  redraw();
}
// [item, rating] of a user, highest rating first; equal ratings by number of ratings.
function bestRated(person) {
  return person.items
    .map((i, k) => [i, person.ratings[k]])
    .sort((a, b) => b[1] - a[1] || counts[b[0]] - counts[a[0]]);
}
function showUser(u) {
  choose(-1);
  state.user = u;
  $("user").value = String(u);
  const box = $("item");
  box.hidden = u < 0;
  if (u >= 0) {
    const person = data.users[u];
    const title = document.createElement("h2");
    const facts = document.createElement("p");
    title.textContent = person.name;
    facts.textContent =
      `${person.items.length} ratings, coloured from dark (${data.lowest}) to bright ` +
      `(${data.highest}). The ring marks the user.`;
    box.append(title, facts, rows(bestRated(person).slice(0, 12)));
  }
  redraw();
}
// Moves an item to the middle, zoomed in enough to distinguish it from its neighbours.
function bring(i) {
  const { w, h } = free();
  area = { w, h };
  place(coords, depth, n, sx, sy, sz);
  const target = Math.max(state.zoom, 2);
  const grow = target / state.zoom;
  state.panX = (state.panX + w / 2 - sx[i]) * grow;
  state.panY = (state.panY + h / 2 - sy[i]) * grow;
  state.zoom = target;
}

let hits = [];
let on = 0;
function find() {
  const text = fold($("search").value).trim();
  const list = $("found");
  hits = [];
  on = 0;
  if (text)
    for (let k = 0; k < n && hits.length < 400; k++)
      if (folded[order[k]].includes(text)) hits.push(order[k]);
  hits.sort(
    (a, b) => folded[b].startsWith(text) - folded[a].startsWith(text) || counts[b] - counts[a],
  );
  hits = hits.slice(0, 8);
  list.hidden = !text;
  list.textContent = text && !hits.length ? "No title matches." : "";
  hits.forEach((i, k) => {
    const li = document.createElement("li");
    li.textContent = data.titles[i];
    li.className = k === on ? "on" : "";
    li.onpointerdown = e => {
      e.preventDefault();
      take(i);
    };
    list.append(li);
  });
}
function take(i) {
  $("search").value = "";
  find();
  view.focus();
  choose(i, true);
}
$("search").oninput = find;
$("search").onkeydown = e => {
  if (e.key === "Enter" && hits.length) {
    take(hits[on]);
    e.preventDefault();
  }
  if (e.key === "Escape") {
    pathFrom = -1;
    $("search").value = "";
    $("search").placeholder = "Search a title  ( / )";
    find();
    view.focus();
  }
  if (e.key === "ArrowDown" || e.key === "ArrowUp") {
    on = (on + (e.key === "ArrowDown" ? 1 : hits.length - 1)) % Math.max(1, hits.length);
    [...$("found").children].forEach((li, k) => {
      li.className = k === on ? "on" : "";
    });
    e.preventDefault();
  }
};

function options(select, entries, value) {
  for (const [key, text] of entries) select.append(new Option(text, key));
  select.value = String(value);
}
const axisNames = data.components.map((c, k) => [k, `${k + 1}: ${c.short}`]);
options($("x"), axisNames, state.x);
options($("y"), axisNames, state.y);
options($("z"), [[-1, "none"], ...axisNames], -1);
for (const key of ["x", "y", "z"])
  $(key).onchange = e => {
    state[key] = +e.target.value;
    reset();
  };
options(
  $("colour"),
  [
    data.genres.length && ["genre", "genre"],
    numeric.year && ["year", "year"],
    ["popularity", "number of ratings"],
    numeric.mean && ["mean", "mean rating"],
  ].filter(Boolean),
  state.colour,
);
$("colour").onchange = e => {
  state.colour = e.target.value;
  paintColours();
  redraw();
};
options($("user"), [[-1, "nobody"], ...data.users.map((p, u) => [u, p.name])], -1);
$("user").onchange = e => showUser(+e.target.value);
$("people").hidden = !data.users.length;
$("fold").onclick = e => {
  const rest = $("rest");
  rest.hidden = !rest.hidden;
  e.target.setAttribute("aria-expanded", String(!rest.hidden));
  redraw();
};
