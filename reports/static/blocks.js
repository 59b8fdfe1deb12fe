// What a convolution costs: the sliders, and the formulas of each block at them.
"use strict";

{
  const inputs = [...document.querySelectorAll("[data-control]")];
  const controls = Object.fromEntries(report.controls.map((control) => [control.name, control]));

  /** What a factor stands for: a setting, or a number. */
  const factorOf = (factor, point) => (factor in point ? point[factor] : Number(factor));

  function valueOf(product, point) {
    const whole = product.factors.reduce((value, factor) => value * factorOf(factor, point), 1);
    return product.by ? whole / factorOf(product.by, point) : whole;
  }

  function filled(product, point) {
    const text = product.factors.map((factor) => factorOf(factor, point)).join(" · ");
    return product.by ? `${text} / ${factorOf(product.by, point)}` : text;
  }

  const settings = () =>
    Object.fromEntries(inputs.map((input) => [input.dataset.control, controls[input.dataset.control].values[Number(input.value)]]));

  /** Fills a row's weights and MACs. */
  function fill(row, weights, point) {
    row.querySelector("[data-weights]").textContent = formats.grouped(weights);
    row.querySelector("[data-macs]").textContent = formats.grouped(weights * point.n * point.n);
  }

  function fillShare(row, share) {
    row.querySelector("[data-share]").textContent = formats.percent(share);
    row.querySelector(".fill").setAttribute("width", String(100 * Math.min(share, 1.5)));
  }

  function showLesson(lesson, settingsNow) {
    const point = lesson.middle ? { ...settingsNow, m: valueOf(lesson.middle, settingsNow) } : settingsNow;
    const card = byId(lesson.key);
    let total = 0;
    lesson.steps.forEach((step, number) => {
      const row = card.querySelector(`[data-step="${number}"]`);
      row.hidden = step.is_projection && point.in === point.c;
      const weights = valueOf(step, point);
      if (!row.hidden) total += weights;
      fill(row, weights, point);
      row.querySelector("[data-filled]").textContent = filled(step, point);
    });
    const standard = valueOf(lesson.standard, point);
    fill(card.querySelector("[data-standard]"), standard, point);
    card.querySelector("[data-standard] [data-filled]").textContent = filled(lesson.standard, point);
    for (const row of [card.querySelector("[data-sum]"), document.querySelector(`[data-total="${lesson.key}"]`)]) {
      fill(row, total, point);
      fillShare(row, total / standard);
    }
    card.querySelector("[data-text]").textContent = lesson.text.replace(/\{(\w+)\}/g, (_, name) => String(point[name]));
    if (lesson.middle) card.querySelector("[data-middle]").textContent = `${filled(lesson.middle, point)} = ${point.m}`;
    for (const label of card.querySelectorAll("[data-product]")) {
      label.textContent = String(valueOf({ factors: label.dataset.product.split(" ") }, point));
    }
  }

  /** Whether a part of a drawing belongs to these settings: "g=4", "same" or "differ". */
  function applies(condition, point) {
    if (condition === "same") return point.in === point.c;
    if (condition === "differ") return point.in !== point.c;
    const [name, value] = condition.split("=");
    return point[name] === Number(value);
  }

  function show() {
    const point = settings();
    for (const input of inputs) {
      const value = String(point[input.dataset.control]);
      input.setAttribute("aria-valuetext", value);
      input.nextElementSibling.textContent = value;
    }
    for (const lesson of report.lessons) showLesson(lesson, point);
    for (const part of document.querySelectorAll("[data-when]")) part.toggleAttribute("hidden", !applies(part.dataset.when, point));
    document.querySelector("[data-settings-line]").textContent =
      `${point.in} → ${point.c} channels, ${point.k}×${point.k}, map ${point.n}×${point.n}`;
  }

  for (const input of inputs) input.addEventListener("input", show);
  document.querySelector("[data-settings-reset]").addEventListener("click", () => {
    for (const input of inputs) {
      const control = controls[input.dataset.control];
      input.value = control.values.indexOf(control.default);
    }
    show();
  });
  // On a small screen the settings stay in sight as one line.
  if (matchMedia("(max-width: 900px)").matches) document.querySelector(".settings").open = false;
  show();
}
