// Shows one finalist at a time, and opens and closes the stages of its drawing.
"use strict";

const panels = [...document.querySelectorAll(".finalist")];

function showFinalist(rank) {
  if (!byId(`finalist-${rank}`)) return; // of many finalists only the best have a panel
  for (const panel of panels) {
    panel.open = panel.id === `finalist-${rank}`;
    panel.hidden = !panel.open;
  }
  const select = byId("finalist");
  if (select) select.value = String(rank);
}

if (panels.length) {
  showFinalist(Number(location.hash.match(/^#finalist-(\d+)$/)?.[1]) || 1);
  if (panels.every((panel) => !panel.hidden)) showFinalist(1);
}
byId("finalist")?.addEventListener("change", (event) => showFinalist(event.target.value));
document.addEventListener("click", (event) => {
  const rank = event.target.closest("[data-finalist]")?.dataset.finalist;
  if (rank) showFinalist(rank);
  const stages = event.target.closest("[data-stages]");
  if (!stages) return;
  for (const stage of stages.closest(".finalist").querySelectorAll(".net-stage")) {
    stage.open = stages.dataset.stages === "open";
  }
});

// A point of the trade-off that is a finalist leads to it.
document.querySelector('[data-plot="pareto"]')?.on?.("plotly_click", ({ points }) => {
  const point = points.find(({ data }) => data.meta === "finalist");
  const rank = point?.customdata[1];
  if (rank) showFinalist(rank);
});
