// How numbers read: the same as archlab writes them in the terminal and in the pages that stand still.
"use strict";

const formats = {
  /** A whole number with its thousands apart; BigInt too. */
  grouped: (value) => String(value).replace(/\B(?=(\d{3})+$)/g, ","),

  /** A number with so many digits behind the point, and a minus that is one. A half goes to the even digit, as in Python. */
  fixed(value, digits) {
    let text = value.toFixed(digits);
    const [, kept, rest] = value.toFixed(digits + 30).match(digits ? /^(.*?)(\d{30})$/ : /^(.*)\.(\d{30})$/);
    if (/^50*$/.test(rest) && /[02468]\.?$/.test(kept)) text = kept;
    return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
  },

  percent: (share, digits = 1) => `${formats.fixed(100 * share, digits)} %`,

  /** A difference with its sign, which nothing that rounds to zero has. */
  signed(value, digits = 2) {
    const text = formats.fixed(value, digits);
    return text.startsWith("−") || Number(text) === 0 ? text : `+${text}`;
  },

  /** A number in three or four figures, with a prefix. */
  scaled(value, scales, least) {
    for (const [scale, unit] of scales) {
      if (Math.abs(value) >= scale * least) {
        const part = value / scale;
        return `${part.toFixed(Math.abs(part) < 9.9995 ? 3 : Math.abs(part) < 99.995 ? 2 : 1)} ${unit}`;
      }
    }
    return null;
  },

  /** A time below a minute. */
  seconds: (value) => (value < 0.9995 ? `${Number((value * 1e3).toPrecision(3))} ms` : `${Number(value.toPrecision(3))} s`),

  // 0.9995 so that 999,950 reads 1.000 M and never 1000 k.
  count: (value) => formats.scaled(value, [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]], 0.9995) ?? String(value),
  bytes: (value) => formats.scaled(value, [[2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"]], 1) ?? `${value} B`,
};
