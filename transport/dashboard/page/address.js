// What is looked at is in the address: a link shows the same to somebody else, and back goes back.
const views = ["product", "sale"];
export const windows = [["1m", "1 min"], ["15m", "15 min"], ["1h", "1 h"], ["24h", "24 h"], ["sale", "Whole sale"]];
export const dimensions = [
  ["flow", "flow"], ["device", "device"], ["method", "payment method"], ["channel", "channel"], ["hour", "hour of the day"], ["genre", "genre"], ["event", "event"],
];

export function read() {
  const given = new URLSearchParams(location.search);
  const one = (name, known, otherwise) => (known.includes(given.get(name)) ? given.get(name) : otherwise);
  const view = one("view", views, "product");
  return {
    view, event: given.get("event") ?? "", account: given.get("account") ?? "", baseline: given.get("baseline") ?? "",
    window: one("window", windows.map(([id]) => id), ""), by: one("by", dimensions.map(([id]) => id), "flow"),
  };
}

// windowOf is the time range: who watches a sale wants the last minutes, who asks what it brought wants all of it.
export const windowOf = (address) => address.window || (address.view === "sale" ? "15m" : "sale");

// link is the address with some of it changed.
export function link(address, change) {
  const next = { ...address, ...change }, text = new URLSearchParams();
  if (next.account) text.set("account", next.account);
  if (next.event) text.set("event", next.event);
  if (next.view !== "product") text.set("view", next.view);
  if (next.window) text.set("window", next.window);
  if (next.by !== "flow") text.set("by", next.by);
  if (next.baseline) text.set("baseline", next.baseline);
  const search = text.toString();
  return search ? "?" + search : location.pathname;
}
