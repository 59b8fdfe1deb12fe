// Draws the figures in the colours of the theme, and draws them again when theme, view or paper change.
"use strict";

const PAPER_WIDTH = 690; // pixels across a printed page
const probe = element("span");
probe.hidden = true;
document.body.append(probe);

/** The colour that a variable of the style sheet has in the present theme. */
function colour(variable) {
  probe.style.color = `var(--${variable})`;
  return getComputedStyle(probe).color;
}

/** The values of a column for scored trials, in the order of the columns. */
function columnsOf(trace) {
  const xs = report.columns[trace.columns.x];
  const ys = report.columns[trace.columns.y];
  const rows = xs.map((_, i) => i).filter((i) => report.state[i] === 0 && xs[i] !== null && ys[i] !== null);
  return {
    x: rows.map((i) => xs[i]),
    y: rows.map((i) => ys[i]),
    customdata: rows.map((i) => report.columns.number[i]),
  };
}

function themedTrace(trace) {
  const ink = colour(trace.meta);
  const made = { ...trace, ...(trace.columns ? columnsOf(trace) : {}) };
  made.marker = { ...trace.marker, color: ink, line: { ...trace.marker?.line, color: ink } };
  if (trace.meta === "finalist") made.marker.line = { width: 1.5, color: colour("card") };
  made.line = { ...trace.line, color: ink };
  made.textfont = { color: colour("text"), size: 12 };
  return made;
}

function themedLayout(layout, width) {
  const [text, muted, line] = ["text", "muted", "line"].map(colour);
  const font = { family: getComputedStyle(document.body).fontFamily, size: 12, color: muted };
  const axis = (base) => base && { ...base, gridcolor: line, linecolor: line, tickfont: font, color: muted };
  const made = {
    ...layout,
    width,
    font,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    hoverlabel: { bgcolor: colour("card"), bordercolor: line, font: { ...font, color: text } },
    shapes: (layout.shapes ?? []).map((shape) => ({ ...shape, line: { ...shape.line, color: muted } })),
    annotations: (layout.annotations ?? []).map((note) => ({ ...note, font: { ...font, color: text } })),
    // Dragging on a touch screen should scroll the page.
    dragmode: matchMedia("(pointer: coarse)").matches ? false : layout.dragmode,
  };
  for (const name of ["xaxis", "yaxis", "yaxis2"]) if (layout[name]) made[name] = axis(layout[name]);
  return made;
}

/** Draws one plot; `width` is given for paper, else the plot is as wide as its box. */
function drawPlot(box, width) {
  const views = report[box.dataset.plot];
  const chosen = byId(`${box.dataset.plot}-view`)?.value ?? 0;
  const figure = views[chosen];
  if (!box.classList.contains("js-plotly-plot")) box.replaceChildren();
  const config = { responsive: true, displaylogo: false, displayModeBar: false };
  const data = figure.data.map(themedTrace);
  return Plotly.react(box, data, themedLayout(figure.layout, width), config).then(() => labelFinalists(box));
}

/** Puts the finalists' ranks where none lies on another; again whenever the axes change. */
function labelFinalists(box) {
  const place = box.data.findIndex((trace) => trace.meta === "finalist");
  if (place < 0) return;
  const { xaxis, yaxis } = box._fullLayout;
  const marks = box.data[place].customdata.map((_, i) => ({
    x: xaxis.d2p(box.data[place].x[i]),
    y: yaxis.d2p(box.data[place].y[i]),
    text: String(box.data[place].customdata[i][1]),
  }));
  const labels = placeLabels(marks, { width: xaxis._length, height: yaxis._length });
  const text = labels.map((label) => label.text);
  const textposition = labels.map((label) => label.position);
  if (String(box.data[place].text) === String(text) && String(box.data[place].textposition) === String(textposition)) return;
  Plotly.restyle(box, { text: [text], textposition: [textposition] }, [place]);
}

const plots = [...document.querySelectorAll("[data-plot]")];
const drawPlots = (width) => plots.forEach((box) => drawPlot(box, width));

drawPlots();
for (const box of plots) box.on?.("plotly_relayout", () => labelFinalists(box));
addEventListener("resize", () => setTimeout(() => plots.forEach(labelFinalists), 300));
document.addEventListener("themechange", () => drawPlots());
for (const box of plots) byId(`${box.dataset.plot}-view`)?.addEventListener("change", () => drawPlot(box));

// Paper is light whatever the screen is.
let themeBefore;
addEventListener("beforeprint", () => {
  themeBefore = document.documentElement.dataset.theme;
  document.documentElement.dataset.theme = "light";
  drawPlots(PAPER_WIDTH);
});
addEventListener("afterprint", () => {
  if (themeBefore) document.documentElement.dataset.theme = themeBefore;
  else delete document.documentElement.dataset.theme;
  drawPlots();
});
