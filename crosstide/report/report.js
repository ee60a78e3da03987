// Reads the values under the pointer from the drawn lines: no second copy of the data in the page.
"use strict";
(() => {
  const readout = document.getElementById("readout");
  const svg = document.querySelector("[data-chart] svg");
  if (!svg || !readout) return;
  const { start, end, left, edge } = Object.fromEntries(Object.entries(svg.dataset).map(([k, v]) => [k, Number(v)]));
  const cross = svg.querySelector(".cross");
  const height = svg.viewBox.baseVal.height;
  const lanes = [...svg.querySelectorAll(".lane")].map((lane) => {
    const line = lane.querySelector(".line");
    const marks = [...lane.querySelectorAll(".scale")].map((t) => [Number(t.getAttribute("y")), Number(t.textContent)]);
    const points = line ? [...line.getAttribute("d").matchAll(/(-?[\d.]+) (-?[\d.]+)/g)].map((m) => [+m[1], +m[2]]) : [];
    const [high, low] = [marks[0], marks[1]];
    const fused = lane.classList.contains("fused");
    const value = (y) => {
      const share = (low[0] - y) / (low[0] - (high[0] - 8));
      return fused ? Math.expm1(share * Math.log1p(high[1])) : low[1] + share * (high[1] - low[1]);
    };
    return { name: lane.dataset.lane, points, value };
  });
  const nearest = (points, x) => points.reduce((best, p) => (Math.abs(p[0] - x) < Math.abs(best[0] - x) ? p : best));
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
    if (x < left || x > edge) return;
    cross.setAttribute("d", `M${x} 16V${height}`);
    const at = new Date(start + ((x - left) / (edge - left)) * (end - start));
    readout.replaceChildren(Object.assign(document.createElement("b"), { textContent: at.toISOString().slice(0, 19).replace("T", " ") }));
    for (const lane of lanes) {
      if (!lane.points.length) continue;
      const near = nearest(lane.points, x);
      if (Math.abs(near[0] - x) < 12) readout.append(`  |  ${lane.name}: ${Number(lane.value(near[1]).toPrecision(3))}`);
    }
  });
})();
