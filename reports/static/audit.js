// The tables of modules and operators: sorted, filtered and paged from the data. Text enters the page as text only.
"use strict";

const PAGE = 60;

/** A number in the form that its column's heading names; nothing for zero. */
function shown(form, value) {
  if (!value) return "";
  if (form === "ratio") return formats.fixed(value, 1);
  return formats[form === "seconds" || form === "bytes" ? form : "count"](value);
}

/** Operators have their module's number and the rest of their name. */
function columnsFor(data, level) {
  if (level === "modules") return data.modules;
  const of = data.operators;
  of.name ??= of.module.map((m, i) => (data.modules.name[m] ? `${data.modules.name[m]}.` : "") + of.tail[i]);
  of.calls ??= of.name.map(() => 1);
  return of;
}

function auditTable(root, data) {
  const table = root.querySelector("table");
  const body = table.tBodies[0];
  const numbers = [...table.tHead.rows[0].cells].map((cell) => cell.dataset).filter((column) => column.form);
  const filter = root.querySelector("input");
  const level = root.querySelector("select");
  const pager = root.querySelector(".pages");
  for (const { key } of numbers) data.operators[key] ??= data.operators.tail.map(() => 0); // modules only
  const view = { sort: null, descending: true, page: 0, rows: [] };

  function update() {
    const columns = columnsFor(data, level.value);
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    view.rows = columns.name
      .map((_, i) => i)
      .filter((i) => {
        const text = ["name", "kind", "settings", "takes", "shape"].map((key) => columns[key][i]).join(" ").toLowerCase();
        return words.every((word) => text.includes(word));
      });
    if (view.sort) {
      const values = columns[view.sort];
      const sign = view.descending ? -1 : 1;
      view.rows.sort((a, b) => sign * (values[a] > values[b] ? 1 : values[a] < values[b] ? -1 : 0) || a - b);
    }
    view.page = 0;
    render();
  }

  function render() {
    const columns = columnsFor(data, level.value);
    const start = view.page * PAGE;
    body.replaceChildren(
      ...view.rows.slice(start, start + PAGE).map((i) => {
        const line = element("tr");
        const name = element("td", columns.name[i] || "(whole)", "path");
        name.title = columns.name[i];
        line.append(name, ...["kind", "settings", "takes", "shape"].map((key) => element("td", columns[key][i])));
        for (const { key, form } of numbers) line.append(element("td", shown(form, columns[key][i]), "right"));
        return line;
      }),
    );
    if (!view.rows.length) {
      const cell = element("td", "No row matches the filter.");
      cell.colSpan = 5 + numbers.length;
      const line = element("tr");
      line.append(cell);
      body.append(line);
    }
    const pages = Math.max(1, Math.ceil(view.rows.length / PAGE));
    root.querySelector("[aria-live]").textContent = `${view.rows.length.toLocaleString("en")} ${level.value}`;
    pager.hidden = pages === 1;
    pager.querySelector("span").textContent = `Page ${view.page + 1} of ${pages}`;
    const [previous, next] = pager.querySelectorAll("button");
    previous.disabled = view.page === 0;
    next.disabled = view.page >= pages - 1;
  }

  for (const heading of table.tHead.rows[0].cells) {
    const button = element("button", heading.textContent, "sort");
    button.type = "button";
    heading.replaceChildren(button);
    heading.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const key = heading.dataset.key;
      view.descending = view.sort === key ? !view.descending : Boolean(heading.dataset.form);
      view.sort = key;
      for (const other of table.tHead.rows[0].cells) other.setAttribute("aria-sort", "none");
      heading.setAttribute("aria-sort", view.descending ? "descending" : "ascending");
      update();
    });
  }
  filter.addEventListener("input", update);
  level.addEventListener("change", update);
  pager.querySelectorAll("button").forEach((button, i) =>
    button.addEventListener("click", () => {
      view.page += i ? 1 : -1;
      render();
    }),
  );
  update();
}

report.forEach((data, i) => {
  const root = byId(`table-${i + 1}`);
  if (data && root) auditTable(root, data);
});

for (const select of document.querySelectorAll("[data-icicle]")) {
  const boxes = [...select.closest(".card").querySelectorAll("[data-view]")];
  const show = () => boxes.forEach((box) => (box.hidden = box.dataset.view !== select.value));
  select.addEventListener("change", show);
  show();
}

for (const button of document.querySelectorAll("[data-stages]")) {
  button.addEventListener("click", () => {
    for (const stage of button.closest(".card").querySelectorAll(".net-stage")) {
      stage.open = button.dataset.stages === "open";
    }
  });
}
