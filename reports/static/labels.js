// Labels of marks that never lie on each other: beside their mark where there is room, and else joined with a neighbour's.
"use strict";

/**
 * Places a label for each mark.
 *
 * marks: [{ x, y, text }], in pixels, the most important first; size: { width, height } of the plot's area.
 * Returns a list of { text, position } in the order of the marks; a mark whose label would lie on another one's
 * gives its text to that one, and has an empty label.
 */
function placeLabels(marks, size) {
  const LETTER = 8, LINE = 15, GAP = 7.25; // as Plotly places 12 px of text beside a mark of 10 px
  const TOPS = { "-1": -22, 0: -8, 1: 5 };
  const sides = [["top center", 0, -1], ["bottom center", 0, 1], ["middle right", 1, 0], ["middle left", -1, 0],
    ["top right", 1, -1], ["top left", -1, -1], ["bottom right", 1, 1], ["bottom left", -1, 1]];
  const boxOf = (mark, text, [, dx, dy]) => {
    const width = LETTER * text.length;
    const x = mark.x + dx * GAP - (dx === 0 ? width / 2 : dx < 0 ? width : 0);
    const y = mark.y + TOPS[dy];
    return [x, y, x + width, y + LINE];
  };
  const meets = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
  const within = (box) => box[0] >= 0 && box[1] >= 0 && box[2] <= size.width && box[3] <= size.height;
  const placed = [];
  const free = (box, but) => within(box) && !placed.some((other) => other !== but && other.text && meets(box, other.box));
  const fit = (mark, text, but) => sides.find((side) => free(boxOf(mark, text, side), but));
  marks.forEach((mark, i) => {
    const side = fit(mark, mark.text);
    if (side) {
      placed.push({ mark, text: mark.text, position: side[0], box: boxOf(mark, mark.text, side) });
      return;
    }
    // No room: the nearest label that can grow takes this one's text.
    const far = (other) => (other.mark.x - mark.x) ** 2 + (other.mark.y - mark.y) ** 2;
    for (const other of placed.filter((one) => one.text).sort((a, b) => far(a) - far(b))) {
      const text = `${other.text}, ${mark.text}`;
      const room = fit(other.mark, text, other);
      if (!room) continue;
      Object.assign(other, { text, position: room[0], box: boxOf(other.mark, text, room) });
      break;
    }
    placed.push({ mark, text: "", position: "top center", box: [0, 0, 0, 0] });
  });
  return placed.map(({ text, position }) => ({ text, position }));
}
