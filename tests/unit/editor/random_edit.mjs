// Random texts and edits that never cut a pair, from a seed.
import { createRequire } from 'node:module';
const ot = createRequire(import.meta.url)('../../../assets/editor-ot.js');

/** draw(n): a whole number below n; mulberry32. */
export function draws(seed) {
  return (n) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * n);
  };
}
export function randomText(draw, max, nul = true) {
  const want = draw(max + 1);
  let out = '';
  while (out.length < want) {
    const kind = draw(10);
    if (kind === 0) out += String.fromCodePoint(0x1f600 + draw(64));
    else if (kind === 1) out += String.fromCharCode(0xe0 + draw(0x4f00));
    else if (kind === 2) out += nul && draw(3) === 0 ? '\0' : '\n';
    else out += String.fromCharCode(97 + draw(26));
  }
  return out;
}
export function randomEdit(draw, text) {
  const out = [], spread = 1 + draw(12);
  for (let at = 0; ; ) {
    if (draw(3) === 0) ot.push(out, randomText(draw, 6, text.includes('\0')));
    if (at === text.length) return out;
    let n = draw(Math.min(spread, text.length - at) + 1);
    if (n > 0 && ot.isHigh(text.charCodeAt(at + n - 1))) n++;
    ot.push(out, draw(3) === 0 ? -n : n);
    at += n;
  }
}
