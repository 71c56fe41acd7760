// Numbers of the server from its metrics, in the text format of Prometheus.

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+([^\s]+)/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;

// Samples as [{ name, labels, value }].
export function parse(text) {
  const found = [];
  for (const line of text.split("\n")) {
    const [, name, labels, value] = LINE.exec(line) ?? [];
    if (!name || line.startsWith("#")) continue;
    const pairs = [...(labels ?? "").matchAll(LABEL)].map(([, key, text]) => [key, text]);
    found.push({
      name,
      labels: Object.fromEntries(pairs),
      value: Number(value.replace("Inf", "Infinity")),
    });
  }
  return found;
}

// The time below which a share of the requests took, in seconds, between the ends of its bucket.
export function quantile(buckets, share) {
  const sorted = [...buckets].sort((a, b) => a[0] - b[0]);
  const total = sorted.at(-1)?.[1] ?? 0;
  if (!total) return null;
  const wanted = share * total;
  let [from, below] = [0, 0];
  for (const [to, count] of sorted) {
    if (count >= wanted) {
      if (to === Infinity) return from;
      return from + ((wanted - below) / (count - below || 1)) * (to - from);
    }
    [from, below] = [to, count];
  }
  return from;
}

// Requests to the API by route and status, and how long they took; what watches the server, such as
// this page, is left out.
export function summary(samples) {
  const routes = new Map();
  const all = new Map();
  const counts = route => /\/v1\//.test(route) && !/\/(metrics|health|ready)$/.test(route);
  let failed = 0;
  let total = 0;
  for (const { name, labels, value } of samples) {
    const { route = "", status = "" } = labels;
    if (!counts(route)) continue;
    if (name.endsWith("requests_total")) {
      total += value;
      if (status.startsWith("5")) failed += value;
      const one = routes.get(route) ?? { route, n: 0, buckets: new Map() };
      one.n += value;
      routes.set(route, one);
    } else if (name.endsWith("seconds_bucket") && labels.le) {
      const le = labels.le === "+Inf" ? Infinity : Number(labels.le);
      all.set(le, (all.get(le) ?? 0) + value);
      const one = routes.get(route) ?? { route, n: 0, buckets: new Map() };
      one.buckets.set(le, (one.buckets.get(le) ?? 0) + value);
      routes.set(route, one);
    }
  }
  const timed = buckets => ({ half: quantile(buckets, 0.5), most: quantile(buckets, 0.99) });
  return {
    total,
    failed,
    ...timed([...all]),
    routes: [...routes.values()]
      .filter(one => one.n)
      .map(one => ({ route: one.route, n: one.n, ...timed([...one.buckets]) }))
      .sort((a, b) => b.n - a.n),
  };
}
