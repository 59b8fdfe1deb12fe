// Two trials side by side: their measures, and every hole that either has; what differs is marked.
"use strict";

(() => {
  const table = byId("pair-table");
  if (!table) return;
  const fields = ["left-trial", "right-trial"].map(byId);
  const asked = hashState("side-by-side");
  fields.forEach((field) => (field.value = asked?.get(field.id.split("-")[0]) || field.value));
  const rowOf = (number) => report.columns.number.indexOf(Number(number));

  function line(name, left, right, isHole) {
    const row = element("tr", "", left === right ? "" : "differs");
    const head = element("th", name, isHole ? "mono" : "");
    head.scope = "row";
    row.append(head, element("td", left), element("td", right));
    return row;
  }

  function render() {
    const rows = fields.map((field) => rowOf(field.value));
    const missing = fields.filter((field, i) => rows[i] < 0).map((field) => field.value || "an empty number");
    byId("pair-note").textContent = missing.length ? `This page holds no trial ${missing.join(" and no trial ")}.` : "";
    if (missing.length) return table.replaceChildren();
    const head = element("thead"), titles = element("tr"), body = element("tbody");
    const names = rows.map((row, i) => {
      const rank = report.finalist[row];
      return `trial ${fields[i].value}${rank ? `, finalist ${rank}` : ""}`;
    });
    for (const title of ["", ...names]) {
      const cell = element(title ? "th" : "td", title);
      if (title) cell.scope = "col";
      titles.append(cell);
    }
    head.append(titles);
    body.append(line("state", ...rows.map((row) => report.states[report.state[row]])));
    for (const measure of report.measures) {
      body.append(line(measure.title, ...rows.map((row) => shownValue(measure, report.columns[measure.key][row]))));
    }
    const draws = rows.map((row) => new Map(drawsOf(row)));
    const holes = report.draws.holes.map((hole) => hole.name).filter((name) => draws.some((draw) => draw.has(name)));
    const differing = holes.filter((name) => draws[0].get(name) !== draws[1].get(name));
    for (const name of differing) body.append(line(name, ...draws.map((draw) => draw.get(name) ?? "–"), true));
    const same = holes.length - differing.length;
    byId("pair-note").textContent = `${differing.length} of ${holes.length} holes differ; ${same} are the same.`;
    table.replaceChildren(head, body);
  }

  for (const field of fields) {
    field.addEventListener("input", () => {
      keepInHash("side-by-side", { left: fields[0].value, right: fields[1].value });
      render();
    });
  }
  render();
  if (asked) byId("side-by-side").scrollIntoView();
})();
