#!/usr/bin/env node
// Makes vectors.json: what the browser's half makes of random edits, for the C half to agree with.
//   node vectors.mjs >vectors.json      node vectors.mjs --check (is the file what this would make?)
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { draws, randomText, randomEdit } from './random_edit.mjs';
const ot = createRequire(import.meta.url)('../../../assets/editor-ot.js');

const rows = [];
const draw = draws(20);
for (let i = 0; i < 150; i++) {
  const d = randomText(draw, 24, false), a = randomEdit(draw, d), b = randomEdit(draw, d);
  const [a2, b2] = ot.transform(a, b), at = draw(d.length + 1);
  rows.push({ d, a, b, a2, b2, both: ot.apply(ot.apply(d, a), b2), ab: ot.compose(a, b2), undo: ot.invert(a, d), at, to: ot.map(a, at) });
}
const text = '[\n' + rows.map((r) => JSON.stringify(r)).join(',\n') + '\n]\n';
if (process.argv[2] !== '--check') process.stdout.write(text);
else process.exit(text === fs.readFileSync(new URL('vectors.json', import.meta.url), 'utf8') ? 0 : 1);
