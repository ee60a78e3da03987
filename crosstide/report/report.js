// Reads the values under the pointer from the drawn lines: no second copy of the data in the page.
"use strict";
const pointsOf = (line) => [...line.getAttribute("d").matchAll(/(-?[\d.]+) (-?[\d.]+)/g)].map((m) => [+m[1], +m[2]]);
const nearest = (points, x) => points.reduce((best, p) => (Math.abs(p[0] - x) < Math.abs(best[0] - x) ? p : best));
const valueAt = (line, y) => {
  const [low, high, bottom, top, fused] = line.dataset.scale.split(" ").map(Number);
  const share = (bottom - y) / (bottom - top);
  return fused ? Math.expm1(share * Math.log1p(high)) : low + share * (high - low);
};
for (const svg of document.querySelectorAll("svg.chart")) {
  const readout = svg.closest("figure").nextElementSibling;
  const { start, end, left, edge } = Object.fromEntries(Object.entries(svg.dataset).map(([k, v]) => [k, Number(v)]));
  const { width, height } = svg.viewBox.baseVal;
  const cross = svg.querySelector(".cross");
  let lines = null;
  svg.addEventListener("pointermove", (event) => {
    // parsed when first asked for: most charts are never pointed at
    lines ??= [...svg.querySelectorAll(".line")].map((line) => ({ line, points: pointsOf(line) }));
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * width;
    if (x < left || x > edge) return;
    cross.setAttribute("d", `M${x} 16V${height}`);
    const at = new Date(start + ((x - left) / (edge - left)) * (end - start));
    const time = document.createElement("b");
    time.textContent = at.toISOString().slice(0, 19).replace("T", " ");
    readout.replaceChildren(time);
    for (const { line, points } of lines) {
      if (!points.length) continue;
      const near = nearest(points, x);
      if (Math.abs(near[0] - x) < 12) readout.append(`  |  ${line.dataset.name}: ${Number(valueAt(line, near[1]).toPrecision(3))}`);
    }
  });
}
// what is folded would be missing on paper
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => (one.open = true)));
