// The table of all trials: sorted, filtered and paged from the data; each row opens to show its draw.
"use strict";

(() => {
  const table = byId("trial-table");
  if (!table) return;
  const PAGE = 50;
  const body = table.tBodies[0];
  const count = report.state.length;
  const order = Array.from({ length: count }, (_, i) => i);
  const counted = byId("shown").dataset.counted;
  const view = { sort: null, descending: false, page: 0, rows: order };

  const noteOf = (row) => (report.finalist[row] ? `finalist ${report.finalist[row]}` : (report.note[row] ?? ""));

  /** All that the filter looks at, in lower case; it is made when it is first needed. */
  const texts = [];
  function textOf(row) {
    texts[row] ??= [
      `trial=${report.columns.number[row]}`,
      report.states[report.state[row]],
      noteOf(row),
      ...drawsOf(row).map((pair) => pair.join("=")),
    ]
      .join("\n")
      .toLowerCase();
    return texts[row];
  }

  function compare(a, b) {
    const values = view.sort === "state" ? report.state : report.columns[view.sort];
    // A row without a value is last, whichever way the others go.
    if (values[a] === null || values[b] === null) return (values[a] === null) - (values[b] === null);
    return (view.descending ? -1 : 1) * (values[a] - values[b]) || a - b;
  }

  function update() {
    const words = byId("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
    const label = byId("state").selectedOptions[0].dataset.state;
    view.rows = order.filter(
      (row) =>
        (!label || report.states[report.state[row]] === label) && words.every((word) => textOf(row).includes(word)),
    );
    if (view.sort) view.rows.sort(compare);
    view.page = 0;
    render();
  }

  /** Keeps filter, state and order in the address. */
  function keep() {
    const state = byId("state").selectedOptions[0].dataset.state ?? "";
    const sort = view.sort ? `${view.descending ? "-" : ""}${view.sort}` : "";
    keepInHash("trials", { filter: byId("filter").value, state, sort });
  }

  function rowElement(row) {
    const line = element("tr");
    const number = element("td", "", "right");
    const button = element("button", report.columns.number[row], "row");
    button.type = "button";
    button.setAttribute("aria-expanded", "false");
    button.title = "show the draw";
    button.addEventListener("click", () => toggleDraws(line, row, button));
    number.append(button);
    const state = element("td");
    state.append(stateKey(report.state[row]), report.states[report.state[row]]);
    line.append(number, state);
    for (const measure of report.measures) {
      line.append(element("td", shownValue(measure, report.columns[measure.key][row]), "right"));
    }
    line.append(noteCell(row));
    return line;
  }

  function noteCell(row) {
    const cell = element("td", "", "wide");
    const rank = report.finalist[row];
    if (!rank || !byId(`finalist-${rank}`)) { // of many finalists only the best have a panel
      cell.textContent = noteOf(row);
      return cell;
    }
    const link = element("a", noteOf(row));
    link.href = `#finalist-${rank}`;
    link.dataset.finalist = rank;
    cell.append(link);
    return cell;
  }

  function stateKey(state) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    svg.setAttribute("class", "key");
    svg.setAttribute("viewBox", "0 0 10 10");
    svg.setAttribute("aria-hidden", "true");
    rect.setAttribute("class", `state-${report.states[state].replace(" ", "_")}`);
    for (const side of ["width", "height"]) rect.setAttribute(side, "10");
    rect.setAttribute("rx", "2");
    svg.append(rect);
    return svg;
  }

  function toggleDraws(line, row, button) {
    const isOpen = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!isOpen));
    if (isOpen) {
      line.nextElementSibling.remove();
      return;
    }
    const cell = element("td");
    cell.colSpan = line.cells.length;
    const list = element("ul", "", "chips");
    for (const [hole, value] of drawsOf(row)) {
      const item = element("li", `${hole} `);
      item.append(element("b", value));
      list.append(item);
    }
    cell.append(list.children.length ? list : "This page does not hold the draw; result.json does.");
    const detail = element("tr", "", "drawn");
    detail.append(cell);
    line.after(detail);
  }

  function render() {
    const pages = Math.max(1, Math.ceil(view.rows.length / PAGE));
    const start = view.page * PAGE;
    const shown = view.rows.slice(start, start + PAGE);
    body.replaceChildren(...shown.map(rowElement));
    if (!shown.length) {
      const cell = element("td", "No trial matches the filter.");
      cell.colSpan = table.tHead.rows[0].cells.length;
      const line = element("tr");
      line.append(cell);
      body.append(line);
    }
    const total = count.toLocaleString("en");
    const matching = view.rows.length.toLocaleString("en");
    byId("shown").textContent = view.rows.length === count ? counted : `${matching} of ${total} trials.`;
    byId("page").textContent = `Page ${view.page + 1} of ${pages}`;
    byId("previous").disabled = view.page === 0;
    byId("next").disabled = view.page >= pages - 1;
    byId("page").parentElement.hidden = pages === 1;
  }

  function sortBy(heading) {
    const key = heading.dataset.key;
    // The first press shows the best on top.
    const best = report.measures.find((measure) => measure.key === key)?.direction === "maximize";
    view.descending = view.sort === key ? !view.descending : best;
    view.sort = key;
    for (const other of table.tHead.rows[0].cells) if (other.dataset.key) other.setAttribute("aria-sort", "none");
    heading.setAttribute("aria-sort", view.descending ? "descending" : "ascending");
    update();
  }

  for (const heading of table.tHead.rows[0].cells) {
    if (!heading.dataset.key) continue;
    const button = element("button", heading.textContent, "sort");
    button.type = "button";
    button.addEventListener("click", () => {
      sortBy(heading);
      keep();
    });
    heading.replaceChildren(button);
    heading.setAttribute("aria-sort", "none");
  }
  for (const [id, event] of [["filter", "input"], ["state", "change"]]) {
    byId(id).addEventListener(event, () => {
      update();
      keep();
    });
  }
  for (const [id, step] of [["previous", -1], ["next", 1]]) {
    byId(id).addEventListener("click", () => {
      view.page += step;
      render();
      byId("trials").scrollIntoView();
    });
  }

  const asked = hashState("trials");
  if (asked) {
    byId("filter").value = asked.get("filter") ?? "";
    const state = [...byId("state").options].find((option) => option.dataset.state === asked.get("state"));
    if (state) state.selected = true;
    const [, minus, key] = (asked.get("sort") ?? "").match(/^(-?)(.+)$/) ?? [];
    const heading = [...table.tHead.rows[0].cells].find((cell) => cell.dataset.key === key);
    if (heading) sortBy(heading);
    if (heading && view.descending !== (minus === "-")) sortBy(heading);
    update();
    byId("trials").scrollIntoView();
  } else {
    render();
  }
})();
