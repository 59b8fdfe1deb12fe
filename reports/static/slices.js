// The objective by what fills one hole: a mark for each scored trial, by value.
"use strict";

(() => {
  const box = byId("slices");
  if (!box) return;
  const select = byId("slice-hole");
  const asked = hashState("slices-title");
  for (const hole of report.draws.holes) if (hole.values.length > 1) select.append(element("option", hole.name));
  if (asked?.get("hole")) select.value = asked.get("hole");
  if (!select.value) select.selectedIndex = 0;

  /** [value, objective, trial] of each scored trial that has the hole. */
  function pointsOf(name, key) {
    const place = report.draws.holes.findIndex((hole) => hole.name === name);
    return report.draws.rows.flatMap((_, row) => {
      const value = report.columns[key][row];
      const pair = report.state[row] === 0 && value !== null && drawsOf(row).find(([hole]) => hole === name);
      return place >= 0 && pair ? [[pair[1], value, report.columns.number[row]]] : [];
    });
  }

  function draw() {
    const measure = report.measures[byId("slice-view")?.value ?? box.dataset.measure];
    const points = pointsOf(select.value, measure.key);
    const isNumber = points.every(([value]) => value !== "" && Number.isFinite(Number(value)));
    const values = [...new Set(points.map(([value]) => value))].sort((a, b) => (isNumber ? a - b : a < b ? -1 : 1));
    const escaped = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;");
    const trace = {
      type: "scatter",
      mode: "markers",
      meta: "scored",
      x: points.map(([value]) => escaped(value)),
      y: points.map(([, value]) => value),
      customdata: points.map(([, , number]) => number),
      marker: { size: 8, opacity: 0.6 },
      hovertemplate: "trial %{customdata}: %{y}<extra></extra>",
    };
    const { template, margin, hovermode, dragmode, autosize } = report.history[0].layout;
    const layout = {
      template,
      margin,
      hovermode,
      dragmode,
      autosize,
      height: 320,
      showlegend: false,
      xaxis: { automargin: true, type: "category", categoryorder: "array", categoryarray: values.map(escaped),
        title: { text: escaped(select.value) } },
      yaxis: { automargin: true, zeroline: false, nticks: 8, showticklabels: points.length > 0,
        title: { text: escaped(measure.title) } },
      annotations: points.length > 0 ? [] : [{ text: "nothing was scored", showarrow: false, xref: "paper",
        yref: "paper", x: 0.5, y: 0.5 }],
    };
    const config = { responsive: true, displaylogo: false, displayModeBar: false };
    Plotly.react(box, [themedTrace(trace)], themedLayout(layout), config);
  }

  select.addEventListener("change", () => {
    keepInHash("slices-title", { hole: select.value });
    draw();
  });
  byId("slice-view")?.addEventListener("change", draw);
  document.addEventListener("themechange", draw);
  draw();
  if (asked) byId("slices-title").scrollIntoView();
})();
