// What a network could be: the sliders, and its costs at them. Whole numbers are BigInt, so that no cost is rounded.
"use strict";

{
  /** A polynomial as the page has it, with whole numbers. */
  function read(polynomial) {
    return { over: BigInt(polynomial.over), terms: polynomial.terms.map(([factor, monomial]) => [BigInt(factor), monomial]) };
  }

  function valueOf(polynomial, point) {
    let total = 0n;
    for (const [factor, monomial] of polynomial.terms) {
      let value = factor;
      for (const [variable, power] of monomial) value *= point[variable] ** BigInt(power);
      total += value;
    }
    return total / polynomial.over;
  }

  function start(section) {
    const form = JSON.parse(section.querySelector("script[type='application/json']").textContent);
    if (form === null) return;
    const inputs = [...section.querySelectorAll("input[data-slider]")];
    const sliders = form.sliders;
    const params = read(form.params);
    const macs = read(form.macs);
    const moments = form.memory.map((moment) => ({ ...read(moment), repeats: moment.repeats }));
    const at = sliders.map((slider) => slider.at);

    /** The costs at places of the sliders; of a depth the polynomials take one less. */
    function costsAt(places) {
      const point = sliders.map((slider, i) => BigInt(slider.values[places[i]]) - (slider.kind === "depth" ? 1n : 0n));
      let live = 0n;
      for (const moment of moments) {
        if (!moment.repeats.every((depth) => point[depth] > 0n)) continue;
        const value = valueOf(moment, point);
        if (value > live) live = value;
      }
      return { params: valueOf(params, point), macs: valueOf(macs, point), memory: live * BigInt(form.bytes) };
    }

    const own = costsAt(at);

    function show() {
      const costs = costsAt(at);
      for (const row of section.querySelectorAll("[data-cost]")) {
        const name = row.dataset.cost;
        row.querySelector("b").textContent = formats[name === "memory" ? "bytes" : "count"](Number(costs[name]));
        row.querySelector("[data-exact]").textContent = formats.grouped(costs[name]);
        const ratio = Number(costs[name]) / Number(own[name]);
        row.querySelector("[data-ratio]").textContent = costs[name] === own[name] ? "" : `(${formats.percent(ratio)})`;
      }
      const changed = [];
      for (const input of inputs) {
        const number = Number(input.dataset.slider);
        const slider = sliders[number];
        const value = slider.values[at[number]];
        input.value = at[number];
        input.setAttribute("aria-valuetext", String(value));
        input.nextElementSibling.textContent = String(value);
        input.parentElement.classList.toggle("changed", at[number] !== slider.at);
        if (at[number] !== slider.at) changed.push(`--set ${slider.name}=${value}`);
      }
      section.querySelector("[data-setting]").textContent = changed.join(" ") || "none";
    }

    for (const input of inputs) {
      input.addEventListener("input", () => {
        at[Number(input.dataset.slider)] = Number(input.value);
        show();
      });
    }
    section.querySelector("[data-reset]").addEventListener("click", () => {
      sliders.forEach((slider, i) => (at[i] = slider.at));
      show();
    });
    show();
  }

  for (const section of document.querySelectorAll("[data-what-if]")) start(section);
}
