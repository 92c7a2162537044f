// What the page knows of the engine's own rules; tests hold these to the engine.
export const targetMs = 2000; // from click to result: the ruler of latency.confirmed_2s
export const matureMs = 30 * 60_000; // how long a buyer-event is watched before it counts as ended
export const oursHigh = 0.01; // above this share of purchases that failed by us, or by payment, a sale is not normal: some cards are always declined
export const paymentHigh = 0.2;
export const failuresOfMin = 20; // but not of fewer purchases than this
export const staleMs = 10_000; // figures older than this are said to be old
