// Courses in time, drawn by uPlot, with a line for every moment that a reader has to know.
import uPlot from "uplot";
import { clock, clockShort, count, day, short } from "./format.js";

// steps is what several courses have together: the times, and for each course its values. The last step is left out while it is not over: it would look like a fall.
export function steps(courses, nowMs) {
  const times = [...new Set(courses.flatMap((c) => (c.points ?? []).map((p) => p.at_ms)))].sort((a, b) => a - b);
  const stepMs = times.length > 1 ? times.slice(1).reduce((least, t, i) => Math.min(least, t - times[i]), Infinity) : 60_000;
  while (times.length && times.at(-1) + stepMs > nowMs) times.pop();
  const columns = courses.map((c) => {
    const at = new Map((c.points ?? []).map((p) => [p.at_ms, p.value]));
    return times.map((t) => at.get(t) ?? null);
  });
  return { times, stepMs, columns };
}

export const stepWords = (ms) => (ms === 60_000 ? "per minute" : ms === 1000 ? "per second" : ms < 60_000 ? `per ${count(ms / 1000)} s` : ms === 3_600_000 ? "per hour" : `per ${count(ms / 60_000)} min`);

// markersIn are those in a range, each with its number, which the list below the chart has too.
export const markersIn = (markers, times) => (times.length ? markers.filter((m) => m.at_ms >= times[0] && m.at_ms <= times.at(-1) + 60_000) : []);

class Course extends HTMLElement {
  connectedCallback() {
    this.resized = new ResizeObserver(() => this.fit());
    this.resized.observe(this);
    this.draw();
  }

  disconnectedCallback() {
    this.resized.disconnect();
    this.plot?.destroy();
    this.plot = undefined;
  }

  // data is {steps, series: [{label, colour}], markers, zone, theme}.
  set data(data) {
    const look = JSON.stringify([data.series, data.zone, data.theme, data.steps.stepMs]);
    this.shown = data;
    if (look !== this.look) {
      this.look = look;
      this.plot?.destroy();
      this.plot = undefined;
    }
    if (this.isConnected) this.draw();
  }

  draw() {
    if (!this.shown) return;
    const table = [this.shown.steps.times.map((t) => t / 1000), ...this.shown.steps.columns];
    if (this.plot) {
      const zoomed = this.zoomed();
      this.plot.setData(table, !zoomed);
      if (zoomed) this.plot.redraw();
      return;
    }
    if (!this.clientWidth) return;
    this.plot = new uPlot(this.options(), table, this);
    this.querySelector(".u-legend").setAttribute("role", "presentation"); // it is laid out as a table, and is none
  }

  // zoomed reports whether somebody has dragged over a part of the chart: it is then left where it is.
  zoomed() {
    const { scales, data } = this.plot, x = data[0];
    return x.length > 1 && (scales.x.min > x[0] || scales.x.max < x.at(-1));
  }

  fit() {
    if (!this.plot) return this.draw();
    if (this.clientWidth && this.clientWidth !== this.plot.width) this.plot.setSize({ width: this.clientWidth, height: this.height });
  }

  get height() {
    return this.clientWidth < 500 ? 190 : 230;
  }

  options() {
    const style = getComputedStyle(this), colour = (name) => style.getPropertyValue(name).trim();
    const { series, zone } = this.shown, font = "12px " + style.fontFamily;
    const axis = { stroke: colour("--soft"), font, ticks: { show: false }, grid: { stroke: colour("--grid"), width: 1 } };
    return {
      width: this.clientWidth, height: this.height, padding: [18, 8, 0, 0], cursor: { drag: { x: true, y: false }, points: { size: 7 }, y: false },
      scales: { x: { time: true }, y: { range: (_, __, max) => [0, Math.max(1, max ?? 1) * 1.08] } },
      axes: [
        { ...axis, grid: { show: false }, space: 70, size: 30, values: (_, at, __, ___, step) => at.map((s, i) => (step >= 86_400 ? day(s * 1000, zone) : step < 60 ? clock(s * 1000, zone) : clockShort(s * 1000, zone))) },
        { ...axis, size: 50, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6], values: (_, at) => at.map(short) },
      ],
      series: [
        { label: "\u200b", value: (_, s) => (s == null ? "" : clock(s * 1000, zone)) },
        ...series.map((s) => ({
          label: s.label, stroke: colour(s.colour), width: 1.75, fill: s.fill ? colour(s.colour) + "22" : undefined, paths: uPlot.paths.stepped({ align: 1 }),
          points: { show: false }, value: (_, v, __, i) => (i == null ? "" : v == null ? "no value" : count(v)),
        })),
      ],
      hooks: { draw: [(u) => this.mark(u)] },
    };
  }

  mark(u) {
    const style = getComputedStyle(this), ink = style.getPropertyValue("--ink").trim(), paper = style.getPropertyValue("--card").trim();
    const c = u.ctx, scale = devicePixelRatio, numbers = [];
    for (const [i, m] of this.shown.markers.entries()) {
      const x = u.valToPos(m.at_ms / 1000, "x", true);
      if (x < u.bbox.left - 1 || x > u.bbox.left + u.bbox.width + 1) continue;
      c.save();
      c.strokeStyle = ink;
      c.globalAlpha = 0.55;
      c.lineWidth = scale;
      c.setLineDash([3 * scale, 3 * scale]);
      c.beginPath();
      c.moveTo(x, u.bbox.top);
      c.lineTo(x, u.bbox.top + u.bbox.height);
      c.stroke();
      c.restore();
      const last = numbers.at(-1);
      if (last && x - last.x < 18 * scale) last.to = i + 1;
      else numbers.push({ x, from: i + 1, to: i + 1 });
    }
    for (const n of numbers) {
      const text = n.from === n.to ? String(n.from) : `${n.from}–${n.to}`;
      c.save();
      c.font = `600 ${10.5 * scale}px ${style.fontFamily}`;
      c.textAlign = "center";
      c.textBaseline = "middle";
      const width = Math.max(16 * scale, c.measureText(text).width + 9 * scale);
      const x = Math.min(Math.max(n.x, width / 2), u.bbox.left + u.bbox.width - width / 2 + 8 * scale), y = u.bbox.top - 9 * scale;
      c.fillStyle = ink;
      c.beginPath();
      c.roundRect(x - width / 2, y - 8 * scale, width, 16 * scale, 8 * scale);
      c.fill();
      c.fillStyle = paper;
      c.fillText(text, x, y + scale / 2);
      c.restore();
    }
  }
}

customElements.define("time-course", Course);
