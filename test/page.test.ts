import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { build } from 'vite';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Lab } from '../src/lab/lab.ts';
import { labSource } from '../src/transport/page/lab-source.ts';
import { loadCharts } from '../src/transport/page/machines.ts';
import { type Page as ServedPage, startPage } from '../src/transport/page/server.ts';
import { CHROMIUM, hasChromium, type Look, launchBrowser, TestPage } from './support/browser.ts';
import { pageLab } from './support/page-recording.ts';

const BROWSER_TIMEOUT_MS = 60_000;
const SOON = { timeout: 8_000 };
const WIDE: Look = { width: 1280, colours: 'dark' };
const LOOKS: Look[] = [
  WIDE,
  { width: 1280, colours: 'light' },
  { width: 400, colours: 'dark' },
  { width: 400, colours: 'light' },
];
const LEG = '#/chart/0/gateway30/3006/leg-59000-443';

let assets: string;
let browser: Browser;
beforeAll(async () => {
  if (!hasChromium) return;
  browser = await launchBrowser();
  assets = mkdtempSync(join(tmpdir(), 'gg-built-page-'));
  await build({ configFile: 'visualizations/vite.config.js', build: { outDir: assets } });
}, BROWSER_TIMEOUT_MS);
afterAll(async () => {
  await browser?.close();
  if (hasChromium) rmSync(assets, { recursive: true });
});

let lab: Lab;
let served: ServedPage;
let shown: TestPage;
async function open(look: Look, hash = ''): Promise<TestPage['page']> {
  lab = pageLab('e2');
  served = await startPage({ sources: [labSource(lab)], assets });
  shown = await TestPage.open(browser, `${served.url}${hash}`, look);
  await shown.page.getByText('live', { exact: true }).waitFor();
  return shown.page;
}
afterEach(async () => {
  await shown?.close();
  await served?.close();
});

const reason = hasChromium ? '' : ` (skipped: there is no ${CHROMIUM})`;

describe.skipIf(!hasChromium)(`the page in a browser${reason}`, { timeout: BROWSER_TIMEOUT_MS }, () => {
  it('lights the states of a handshake as it happens', async () => {
    const page = await open(WIDE, LEG);
    const lit = () =>
      page.locator('[data-lit="true"]').evaluateAll((all) => all.map((each) => (each as SVGElement).dataset.state));
    lab.start();
    lab.run(1);
    await expect.poll(lit, SOON).toEqual(['HELLO-SENT']);
    lab.run(60_000);
    await expect.poll(lit, SOON).toEqual(['REQUESTED']);
    await expect.poll(() => page.locator('.edge.taken text.now').allTextContents(), SOON).toEqual(['cookie.received']);
    lab.run(40_000);
    await expect.poll(lit, SOON).toEqual(['OPEN', 'OPEN.UNPROVEN']);
    const rows = await page.locator('tbody tr').allTextContents();
    expect(rows.map((row) => row.replace(/^\d+[\d.]+ ms/, ''))).toEqual([
      'complete.receivedREQUESTEDOPEN.UNPROVEN',
      'cookie.receivedHELLO-SENTREQUESTED',
      'syn.takenIDLEHELLO-SENT',
    ]);
    expect(shown.complaints).toEqual([]);
  });

  it('draws the sequence of a handshake as it happens, and of one that is over', async () => {
    const page = await open(WIDE, '#/handshake');
    const told = () =>
      page.locator('.sequence li').evaluateAll((all) => all.map((each) => (each as HTMLElement).dataset.text));
    await page.getByText('No session was set up since this page listens.').waitFor();
    lab.start();
    lab.run(1);
    await expect.poll(told, SOON).toEqual(['dials the peer', 'connect', 'SYN', 'SYN held', 'HELLO']);
    lab.run(80_000);
    await expect.poll(told, SOON).toContain('forged SYN');
    expect(await told()).not.toContain('session is up');
    lab.run(2_000_000);
    await expect.poll(async () => (await told()).at(-1), SOON).toBe('session is up');
    const whole = await told();
    expect(whole).toEqual(
      expect.arrayContaining([
        'COOKIE',
        'REQUEST',
        'COMPLETE',
        'ClientHello',
        'OFFER',
        'keys handed over, by id',
        'START',
        'GO',
        'first record',
      ]),
    );
    expect(await page.locator('.lanes .lane b').allTextContents()).toEqual([
      '3001',
      '3002',
      '3003',
      '3006',
      '3014',
      '2014',
      '2006',
      '2003',
      '2002',
      '2001',
    ]);
    await page.reload();
    await expect.poll(told, SOON).toEqual(whole);
    await page.getByText('Every event').click();
    await expect.poll(told, SOON).toContain('open.active');
    expect(shown.complaints).toEqual([]);
  });

  it('shows the layers of both gateways, and the present state beside every machine', async () => {
    const page = await open(WIDE);
    lab.start();
    lab.run(2_000_000);
    const stack = page.getByLabel('gateway20, layers from the top down');
    const row = (machine: string) => stack.locator('.machines li', { hasText: machine }).last().locator('.state-chip');
    await expect.poll(() => row('engine').textContent(), SOON).toBe('ACCELERATING');
    await expect.poll(() => row('leg-443-59000').textContent(), SOON).toBe('OPEN.PROVEN');
    expect(await stack.locator('.layer > .label').allTextContents()).toEqual(
      lab.devices.gateway20.layers.map(({ label }) => label),
    );
    await expect.poll(() => page.locator('.network .device').count(), SOON).toBe(7);
    expect(shown.complaints).toEqual([]);
  });

  it('draws every machine from its definition', async () => {
    const page = await open(WIDE, '#/chart');
    for (const { id, states } of await loadCharts()) {
      await page.evaluate((hash) => {
        location.hash = hash;
      }, `#/chart/${id}`);
      await page.getByRole('img', { name: `State chart of ${id}`, exact: true }).waitFor();
      expect([id, await page.locator('[data-state]').count()]).toEqual([id, states.length]);
    }
    expect(shown.complaints).toEqual([]);
  });

  it('is used by keyboard alone', async () => {
    const page = await open(WIDE);
    lab.start();
    lab.run(2_000_000);
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to the view');
    await page.keyboard.press('Enter');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('main');
    const handshake = page.getByRole('link', { name: 'Handshake' });
    await handshake.focus();
    await page.keyboard.press('Enter');
    await page.locator('.sequence li').first().waitFor();
    await page.locator('.sequence li a').first().focus();
    await page.keyboard.press('Enter');
    await expect.poll(() => page.locator('h1').first().textContent(), SOON).toContain('peer');
    for (const name of ['Network', 'State chart', 'Handshake'])
      expect(await page.getByRole('link', { name, exact: true }).count()).toBe(1);
  });

  it.each(LOOKS)('fits $width pixels, $colours', async (look) => {
    const page = await open(look);
    lab.start();
    lab.run(2_000_000);
    for (const view of ['network', 'handshake', LEG.slice(2)]) {
      await page.evaluate((hash) => {
        location.hash = hash;
      }, `#/${view}`);
      await page.locator('.stack, .sequence li, .drawing svg').first().waitFor();
      const { scrollWidth, dark } = await page.evaluate(() => ({
        scrollWidth: document.documentElement.scrollWidth,
        dark: getComputedStyle(document.body)
          .backgroundColor.match(/\d+/g)
          ?.every((part) => Number(part) < 60),
      }));
      expect([view, scrollWidth, dark]).toEqual([view, look.width, look.colours === 'dark']);
    }
    expect(shown.complaints).toEqual([]);
  });

  it('says when the gateways are gone, and goes on when they are back', async () => {
    const page = await open(WIDE);
    const { port } = new URL(served.url);
    const [, token] = new URL(served.url).pathname.split('/');
    await served.close();
    await page.getByText('connection lost').waitFor();
    lab.start();
    served = await startPage({ sources: [labSource(lab)], assets, port: Number(port), token });
    await page.getByText('live', { exact: true }).waitFor({ timeout: 20_000 });
  });
});
