// What the page knows of the engine's own rules; tests hold these to the engine.
export const targetMs = 2000; // from click to result: the ruler of latency.confirmed_2s
export const matureMs = 30 * 60_000; // how long a buyer-event is watched before it counts as ended
export const failuresHigh = 0.05; // above this share of purchases that failed by us or by payment, a sale is not normal
export const failuresOfMin = 20; // but not of fewer purchases than this
export const staleMs = 10_000; // figures older than this are said to be old
