// The draws of the trials, which the page holds as one short string each.
"use strict";

/** The draw of a row of the data, as [hole, value] pairs; none where the page does not hold it. */
function drawsOf(row) {
  const { alphabet, width, holes, rows } = report.draws;
  if (rows[row] === undefined) return [];
  return holes.flatMap((hole, i) => {
    let place = 0;
    for (let k = 0; k < width; k++) place = place * alphabet.length + alphabet.indexOf(rows[row][i * width + k]);
    return place ? [[hole.name, hole.values[place - 1]]] : [];
  });
}

/** A value of a measure as tables show it. */
function shownValue(measure, value) {
  if (value === null || value === undefined) return "–";
  const text = measure.digits === null ? value.toExponential(3) : value.toFixed(measure.digits);
  return text.replace(/^-/, /[1-9]/.test(text) ? "−" : "");
}

/** What stands behind the question mark of the address's hash, by name; `place` is what stands before it. */
function hashState(place) {
  const [name, query] = location.hash.slice(1).split("?");
  return name === place && query ? new URLSearchParams(query) : null;
}

/** Writes a state into the address, so that a view can be sent; an empty one is taken out. */
function keepInHash(place, state) {
  const query = new URLSearchParams(Object.entries(state).filter(([, value]) => value !== "" && value !== null));
  const hash = query.size ? `#${place}?${query}` : hashState(place) ? `#${place}` : location.hash;
  history.replaceState(null, "", hash || location.pathname);
}
