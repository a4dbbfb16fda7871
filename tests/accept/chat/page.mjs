// page.mjs PROGRAM [SHOTS]: the pages of the chat in Chromium, with a service of our own that is killed on the way. Two people
// and a phone talk in a room; SHOTS is a folder for pictures of it. Exit 0: all is as it should be.
import { chromium } from 'playwright-core';
import { spawn } from 'node:child_process';
import assert from 'node:assert';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const [program, shots] = process.argv.slice(2);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'chat-page-'));
let server, port = 0;
const start = () => new Promise((resolve, reject) => {
  server = spawn(program, ['worker', 'service', 'chat', '--folder', folder, '--port', String(port)], { stdio: ['ignore', 'pipe', 'inherit'] });
  server.stdout.on('data', data => { const found = /listening on http:\/\/127.0.0.1:(\d+)/.exec(data); if (found) { port = +found[1]; resolve(); } });
  server.on('exit', code => { if (code) reject(new Error(`the service ended with ${code}`)); });
});
const kill = () => new Promise(resolve => { server.removeAllListeners('exit'); server.on('exit', resolve); server.kill('SIGKILL'); });
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
const said = [];
const page = async opts => {
  const one = await (await browser.newContext(opts)).newPage();
  one.on('pageerror', error => said.push(String(error)));
  one.on('console', message => { if (message.type() === 'error' && !/ERR_CONNECTION|WebSocket|favicon|404/.test(message.text())) said.push(message.text()); });
  return one;
};
const shot = (one, name) => shots && one.screenshot({ path: path.join(shots, `${name}.png`) });
const url = where => `http://127.0.0.1:${port}${where}`;
const say = async (one, text) => { await one.fill('#text', text); await one.press('#text', 'Enter'); };
const texts = one => one.$$eval('#messages li .text', all => all.map(element => element.textContent));
const until = (one, fn, arg) => one.waitForFunction(fn, arg, { timeout: 20000 });
const count = (one, n) => until(one, n => document.querySelectorAll('#messages li').length === n && !document.querySelector('#pending li'), n);
const join = async (one, room, name) => { await one.goto(url(room)); await one.waitForSelector('.phx-connected #naming'); await one.fill('#name', name); await one.press('#name', 'Enter'); await one.waitForSelector('#composer'); };

async function story() {
  await start();
  const wide = { viewport: { width: 1180, height: 760 } };
  const ana = await page({ ...wide, colorScheme: 'light' }), bob = await page({ ...wide, colorScheme: 'dark' });
  const phone = await page({ viewport: { width: 390, height: 780 }, isMobile: true, hasTouch: true, userAgent: 'Mozilla/5.0 (iPhone) Mobile' });

  await ana.goto(url('/')); await ana.waitForSelector('.phx-connected #no-rooms'); await shot(ana, 'lobby-empty');
  await ana.fill('#open-room', 'town hall'); await ana.press('#open-room', 'Enter'); await ana.waitForSelector('#naming'); await shot(ana, 'room-empty');
  await ana.fill('#name', 'Ana'); await ana.press('#name', 'Enter'); await ana.waitForSelector('#composer');
  await join(bob, '/rooms/town%20hall', 'Bob'); await join(phone, '/rooms/town%20hall', 'Bob');

  await say(ana, '<b>Good</b> morning & welcome'); await count(bob, 1); await say(bob, 'one\ntwo'); await say(bob, 'I meant thre'); await count(ana, 3);
  assert.deepEqual(await texts(ana), ['<b>Good</b> morning & welcome', 'one\ntwo', 'I meant thre']); // as typed: no markup
  await until(ana, () => document.querySelector('#people ul').innerText.includes('2 devices')); // Bob, twice
  await phone.type('#text', 'I am'); await until(ana, () => document.querySelector('#typing').textContent === 'Bob is typing…');
  await ana.hover('#messages li.mine'); await shot(ana, 'room-light'); await shot(bob, 'room-dark'); await shot(phone, 'room-phone');

  await bob.press('#text', 'ArrowUp'); await bob.waitForSelector('.being-edited'); await say(bob, 'I meant three');
  await until(ana, () => document.querySelector('#messages li:last-child .text').textContent === 'I meant three' && document.querySelector('#messages li:last-child .edited'));
  const first = ana.locator('#messages li.mine').first(); await first.hover(); await first.locator('[data-do=delete]').click(); await first.locator('[data-do=delete]').click();
  await bob.waitForSelector('#messages .erased');
  assert.equal(await bob.locator('#messages li.mine').count(), 2); // what is not mine has no tools

  await kill(); await say(ana, 'said while it was down'); await say(ana, 'and once more'); await ana.waitForSelector('#pending li'); await shot(ana, 'down'); await start();
  for (const one of [ana, bob, phone]) await count(one, 5);
  assert.deepEqual((await texts(bob)).slice(3), ['said while it was down', 'and once more']); // once, in order
  await until(ana, () => document.querySelector('#room').dataset.me === 'Ana' && document.querySelector('#people ul').children.length === 2);

  for (let i = 0; i < 70; i++) await say(ana, `line ${i}`);
  await count(bob, 75); await bob.evaluate(() => { document.getElementById('scroll').scrollTop = 0; }); await bob.waitForTimeout(100);
  await say(ana, 'are you there?'); await bob.waitForSelector('#newer button:not([hidden])'); await shot(bob, 'unread');
  await bob.click('#newer button'); await until(bob, () => document.querySelector('#newer button').hidden && document.querySelector('.first-new'));
  await bob.reload(); await bob.waitForSelector('#composer'); await bob.waitForSelector('#older'); await bob.click('#older'); await count(bob, 76); // the name was kept, and all is there
  assert.equal(await bob.locator('#older').count(), 0);

  await phone.goto(url('/')); await phone.waitForSelector('#rooms a'); await shot(phone, 'lobby-phone');
  assert.match(await phone.innerText('#rooms'), /town hall[\s\S]*2\s*here · 76 messages/);
  assert.deepEqual(said, []);
}

let code = 0;
try { await story(); console.log('chat: the pages are as they should be'); } catch (error) { console.error(error); console.error(said); code = 1; }
await browser.close();
if (server) await kill();
fs.rmSync(folder, { recursive: true, force: true });
process.exit(code);
