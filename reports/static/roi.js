// One box on a map, as each RoI operator reads it: the arithmetic of archlab.roi, for one channel and one box.
"use strict";

{
  const { pixels, bins, samples } = report.roi;
  const LENGTH = pixels.length;
  const CELL = 46, MARGIN = 16, INSET = 2.5, COLOURS = 4;
  const STEP = 0.1, LEAST = 0.1;
  const NAMESPACE = document.querySelector("svg").namespaceURI; // spelt out it would look like a request
  const range = (count) => [...Array(count).keys()];
  const at = (position) => MARGIN + position * CELL;

  /** Halves away from zero, as C rounds; Math.round takes them upward. */
  const rounded = (x) => Math.trunc(x) + (Math.abs(x - Math.trunc(x)) >= 0.5 ? Math.sign(x) : 0);

  /** The [first pixel, end) of each bin of pooling along one axis, wherever the map ends. */
  function pooledBins(low, high, mode) {
    const first = rounded(low), last = rounded(high);
    if (mode === "caffe") {
      const step = Math.max(last - first + 1, 1) / bins;
      return range(bins).map((p) => [first + Math.floor(p * step), first + Math.ceil((p + 1) * step)]);
    }
    const size = Math.max(last - first, 0), step = Math.floor(size / bins);
    return range(bins).map((p) => [first + p * step, first + (p === bins - 1 ? size : (p + 1) * step)]);
  }

  function pooled(box, mode) {
    const columns = pooledBins(box[0], box[2], mode), rows = pooledBins(box[1], box[3], mode);
    const clip = (edge) => Math.min(Math.max(edge, 0), LENGTH);
    const values = rows.map(([top, bottom]) => columns.map(([left, right]) => {
      const inside = pixels.slice(clip(top), clip(bottom)).flatMap((row) => row.slice(clip(left), clip(right)));
      return inside.length ? Math.max(...inside) : 0;
    }));
    const last = mode === "caffe" ? 1 : 0;
    const words = ([begin, end]) => `${begin}–${end - last}`;
    const ends = (spans) => [spans[0][0], spans.at(-1)[1]];
    return { columns, rows, values, points: [], rounded: `x ${words(ends(columns))} and y ${words(ends(rows))}` };
  }

  /** Where the samples of each bin lie along one axis, in the coordinates in which pixel i is at i. */
  function positions(low, high) {
    const start = low - 0.5, step = (high - 0.5 - start) / bins;
    return range(bins).map((p) => range(samples).map((s) => start + p * step + ((s + 0.5) * step) / samples));
  }

  /** The pixels around a sample along one axis: a sample outside [-1, length] counts as 0. */
  function corners(position) {
    const inside = position >= -1 && position <= LENGTH;
    const clamped = Math.min(Math.max(position, 0), LENGTH);
    const low = Math.min(Math.floor(clamped), LENGTH - 1);
    const free = low < LENGTH - 1 ? 1 : 0;
    return { inside, low, high: low + free, frac: (clamped - low) * free };
  }

  function bilinear(y, x) {
    const v = corners(y), h = corners(x);
    if (!v.inside || !h.inside) return 0;
    const row = (line) => line[h.low] * (1 - h.frac) + line[h.high] * h.frac;
    return row(pixels[v.low]) * (1 - v.frac) + row(pixels[v.high]) * v.frac;
  }

  function aligned(box, mode) {
    const across = positions(box[0], box[2]), down = positions(box[1], box[3]);
    const edges = (low, high) => {
      const start = low - 0.5 + 0.5, step = (high - low) / bins;
      return range(bins).map((p) => [start + p * step, start + (p + 1) * step]);
    };
    const values = down.map((ys) => across.map((xs) => {
      const read = ys.flatMap((y) => xs.map((x) => bilinear(y, x)));
      return mode === "max" ? Math.max(...read) : read.reduce((sum, value) => sum + value, 0) / read.length;
    }));
    const points = down.flat().flatMap((y) => across.flat().map((x) => [y + 0.5, x + 0.5]));
    return { columns: edges(box[0], box[2]), rows: edges(box[1], box[3]), values, points, rounded: "" };
  }

  /** What an operator reads of a box; shifts are those of the left, top, right and bottom edge. */
  function readingOf(mode, box) {
    const found = mode === "caffe" || mode === "partition" ? pooled(box, mode) : aligned(box, mode);
    const ends = [found.columns[0][0], found.rows[0][0], found.columns.at(-1)[1], found.rows.at(-1)[1]];
    return { ...found, shifts: ends.map((end, i) => end - box[i]) };
  }

  function shape(name, attributes) {
    const made = document.createElementNS(NAMESPACE, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  }

  function binShape([top, bottom], [left, right], colour) {
    const size = (length) => Math.max(length * CELL - 2 * INSET, 0);
    return shape("rect", {
      class: `bin b${colour}`, rx: 5, x: at(left) + INSET, y: at(top) + INSET, width: size(right - left), height: size(bottom - top),
    });
  }

  const boxShape = ([x1, y1, x2, y2]) => ({ x: at(x1), y: at(y1), width: (x2 - x1) * CELL, height: (y2 - y1) * CELL });

  function setAll(target, attributes) {
    for (const [key, value] of Object.entries(attributes)) target.setAttribute(key, value);
  }

  let box = [...report.roi.box];
  const figures = [...document.querySelectorAll("[data-reading]")];
  const sliders = [...document.querySelectorAll("[data-side]")];

  function showFigure(figure) {
    const mode = figure.dataset.reading;
    const found = readingOf(mode, box);
    const colour = (p, q) => (2 * p + q) % COLOURS;
    figure.querySelector(".bins").replaceChildren(
      ...found.rows.flatMap((row, p) => found.columns.map((column, q) => binShape(row, column, colour(p, q)))),
    );
    figure.querySelector(".samples").replaceChildren(
      ...found.points.map(([y, x]) => shape("circle", { class: "sample", cx: at(x), cy: at(y), r: 4 })),
    );
    figure.querySelectorAll(".output td").forEach((cell, i) => {
      const value = found.values[Math.floor(i / bins)][i % bins];
      cell.textContent = formats.fixed(value, 3);
      cell.dataset.value = String(value);
    });
    const largest = Math.max(...found.shifts.map(Math.abs));
    figure.querySelector("[data-largest]").textContent = `${formats.fixed(largest, 2)} px`;
    if (found.rounded) figure.querySelector("[data-rounded]").textContent = found.rounded;
    const cells = document.querySelectorAll(`[data-shifts="${mode}"] td`);
    found.shifts.forEach((shift, i) => (cells[i].textContent = formats.signed(shift)));
    cells[4].firstElementChild.textContent = formats.fixed(largest, 2);
    setAll(figure.querySelector(".box"), boxShape(box));
    const grip = figure.querySelector(".grip");
    setAll(grip, boxShape(box));
    grip.setAttribute("aria-label", `Box: x ${box[0]} to ${box[2]}, y ${box[1]} to ${box[3]}`);
    for (const corner of figure.querySelectorAll(".corner")) {
      setAll(corner, { cx: at(box[Number(corner.dataset.x)]), cy: at(box[Number(corner.dataset.y)]) });
    }
  }

  function show() {
    for (const figure of figures) showFigure(figure);
    for (const slider of sliders) {
      const value = box[Number(slider.dataset.side)];
      slider.value = value;
      slider.nextElementSibling.textContent = formats.fixed(value, 1);
    }
  }

  /** On tenths of a pixel, of which each is the number that its decimal names. */
  const tenths = (value) => Math.round(value * 10) / 10;

  /** Takes a box with one or more sides moved: within the map, and never turned inside out. */
  function resize(next, sides) {
    const fit = next.map((value) => tenths(Math.min(Math.max(value, 0), LENGTH)));
    for (const side of sides) {
      const other = fit[(side + 2) % 4];
      fit[side] = tenths(side < 2 ? Math.min(fit[side], other - LEAST) : Math.max(fit[side], other + LEAST));
    }
    box = fit;
    show();
  }

  /** Moves the whole box as far as the map lets it. */
  function move(start, dx, dy) {
    const bounded = (delta, low, high) => tenths(Math.min(Math.max(delta, -low), LENGTH - high));
    const x = bounded(dx, start[0], start[2]), y = bounded(dy, start[1], start[3]);
    box = start.map((value, side) => tenths(value + (side % 2 ? y : x)));
    show();
  }

  /** Follows a pointer that is down; `follow` gets how far it went, in pixels of the map. */
  function drag(target, follow) {
    target.addEventListener("pointerdown", (down) => {
      const start = [...box];
      const scale = target.ownerSVGElement.getScreenCTM().a * CELL;
      target.setPointerCapture(down.pointerId);
      const onMove = (event) => follow(start, (event.clientX - down.clientX) / scale, (event.clientY - down.clientY) / scale);
      target.addEventListener("pointermove", onMove);
      const end = () => target.removeEventListener("pointermove", onMove);
      target.addEventListener("pointerup", end, { once: true });
      target.addEventListener("pointercancel", end, { once: true });
    });
  }

  const ARROWS = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };

  function onKey(event) {
    const step = ARROWS[event.key];
    if (!step || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    if (event.shiftKey) resize([box[0], box[1], box[2] + step[0], box[3] + step[1]], [2, 3]);
    else move(box, ...step);
  }

  for (const figure of figures) {
    const drawing = figure.querySelector("svg.roi");
    drawing.setAttribute("role", "group"); // what is in an image cannot be operated
    const grip = shape("rect", { class: "grip", tabindex: 0, role: "application", "aria-roledescription": "box that can be moved" });
    grip.addEventListener("keydown", onKey);
    drag(grip, move);
    drawing.append(grip);
    for (const [x, y] of [[0, 1], [2, 1], [0, 3], [2, 3]]) {
      const corner = shape("circle", { class: "corner", r: 8, "data-x": x, "data-y": y });
      drag(corner, (start, dx, dy) => {
        const next = [...start];
        next[x] += dx;
        next[y] += dy;
        resize(next, [x, y]);
      });
      drawing.append(corner);
    }
  }
  for (const slider of sliders) {
    slider.addEventListener("input", () => {
      const side = Number(slider.dataset.side);
      const next = [...box];
      next[side] = Number(slider.value);
      resize(next, [side]);
    });
  }
  document.querySelector("[data-box-reset]").addEventListener("click", () => {
    box = [...report.roi.box];
    show();
  });
  show();
}
