import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';

// The console in a real browser over the demo's world: every view, light and dark, on a desk and on a phone.
// PACELINE_SHOTS=FOLDER keeps pictures of the views.
const root = join(import.meta.dirname, '../..');
const program = ['chromium', 'chromium-browser', 'google-chrome']
  .map((name) => spawnSync('which', [name], { encoding: 'utf8' }).stdout.trim())
  .find((path) => path !== '');
// Where the tests are the gate, a missing browser is a failure.
const isSkipped = program === undefined && process.env.CI === undefined;
if (isSkipped) console.log('SKIPPED: no Chromium here; "npm run stack -- install --parts browser" fetches it');

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const shots = process.env.PACELINE_SHOTS;
const org = 'northwind';
const [campaign, flight] = ['spring-sale', 'spring-sale-march'];
let directory: string;
let demo: ChildProcess;
let browser: Browser;
let link: URL;
let alertId: string;
let recordAddress: string;

interface Engine {
  readonly addresses: { readonly api: string };
  readonly tokens: { readonly http: string };
}

function readEngine(): Engine {
  return JSON.parse(readFileSync(join(directory, 'data', 'engine.json'), 'utf8')) as Engine;
}

async function ask<Data>(path: string): Promise<Data> {
  const { addresses, tokens } = readEngine();
  const response = await fetch(`${addresses.api}/api/v1/organizations/${org}/${path}`, {
    headers: { authorization: `Bearer ${tokens.http}` },
  });
  return ((await response.json()) as { data: Data }).data;
}

beforeAll(async () => {
  if (isSkipped) return;
  directory = mkdtempSync(join(tmpdir(), 'paceline-console-'));
  // Slow enough that the story is still the same one at the end.
  const flags = ['--disable-warning=ExperimentalWarning', 'src/main.ts', 'demo', '--for', '15m', '--speed', '1800'];
  demo = spawn(process.execPath, [...flags, '--data', join(directory, 'data')], { cwd: root, stdio: 'pipe' });
  let said = '';
  for (const stream of [demo.stdout!, demo.stderr!]) stream.on('data', (data) => (said += data));
  link = await vi.waitFor(() => new URL(/Console: (\S+#token=\S+)/.exec(said)![1]), { timeout: 60_000, interval: 200 });
  // The story has begun when a budget is off its pace and somebody was told.
  const findAlert = async (): Promise<string> => {
    const open = await ask<{ rule_id: string; alert_id: string }[]>('alerts');
    return open.find(({ rule_id }) => rule_id === 'under-pacing')!.alert_id;
  };
  alertId = await vi.waitFor(findAlert, { timeout: 150_000, interval: 1_000 });
  const findRecord = async (): Promise<string> => {
    const [{ topic, partition, log_offset }] = await ask<{ topic: string; partition: number; log_offset: number }[]>(
      'dead-letters?to=2026-03-20T00:00:00Z',
    );
    return [topic, partition, log_offset].join('/');
  };
  recordAddress = await vi.waitFor(findRecord, { timeout: 150_000, interval: 1_000 });
  browser = await chromium.launch({ executablePath: program!, args: ['--no-sandbox'] });
}, 240_000);

afterAll(async () => {
  await browser?.close();
  if (demo === undefined) return;
  const ended = new Promise((resolve) => demo.once('exit', resolve));
  demo.kill('SIGINT');
  await ended;
  rmSync(directory, { recursive: true, force: true });
});

interface Look {
  readonly scheme: 'light' | 'dark';
  readonly width: number;
}

const looks: readonly Look[] = (['light', 'dark'] as const).flatMap((scheme) =>
  [1280, 390].map((width) => ({ scheme, width })),
);

/** Opens a page that fails the test at the first error on its console. */
async function open(path: string, { scheme, width }: Look = looks[0]): Promise<{ page: Page; errors: string[] }> {
  const context = await browser.newContext({
    ...{ colorScheme: scheme, viewport: { width, height: width > 600 ? 860 : 844 }, timezoneId: 'Europe/Berlin' },
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('console', (message) => {
    // A busy machine may say "not now"; the page waits and asks again.
    const isNotNow = /status of 50[34]/.test(message.text());
    if (['error', 'warning'].includes(message.type()) && !isNotNow) errors.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => void errors.push(String(error)));
  await page.goto(`${link.origin}${path}${link.hash}`);
  return { page, errors };
}

async function violationsOf(page: Page): Promise<string[]> {
  // Through the debugger, which no policy of the page concerns.
  await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    const { axe: checker } = globalThis as unknown as {
      axe: { run(): Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }> };
    };
    return (await checker.run()).violations;
  });
  return found.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`));
}

interface View {
  readonly name: string;
  readonly path: () => string;
  /** Found once the view shows its data. */
  readonly sign: string;
}

const views: readonly View[] = [
  { name: 'board', path: () => `/console/${org}/board`, sign: 'table.board tbody tr a' },
  { name: 'flight', path: () => `/console/${org}/flights/${campaign}/${flight}`, sign: '.chart canvas' },
  { name: 'orders', path: () => `/console/${org}/orders`, sign: 'table.board tbody tr a' },
  { name: 'order', path: () => `/console/${org}/orders/spring-line`, sign: '.chart canvas' },
  { name: 'alerts', path: () => `/console/${org}/alerts`, sign: '.bands .stretch' },
  { name: 'sources', path: () => `/console/${org}/sources`, sign: 'table.sources' },
  { name: 'engine', path: () => `/console/${org}/engine`, sign: '.graph .node' },
  { name: 'records', path: () => `/console/${org}/records`, sign: '.replay .button' },
  { name: 'record', path: () => `/console/${org}/records/${recordAddress}`, sign: '.editor' },
  { name: 'rules', path: () => `/console/${org}/rules`, sign: 'table.rules' },
  { name: 'rule', path: () => `/console/${org}/rules/under-pacing`, sign: '.card td .badge' },
  {
    name: 'why-not',
    path: () => `/console/${org}/alerts/why-not?campaign=${campaign}&rule=under-pacing`,
    sign: '.why',
  },
  { name: 'receipt', path: () => `/console/${org}/alerts/${alertId}`, sign: '.condition' },
];

describe.skipIf(isSkipped)('the console', () => {
  test('the token leaves the address, and the board moves on by itself without losing the focus', async () => {
    const { page, errors } = await open(`/console/${org}/board`);
    await page.waitForSelector('table.board');
    expect(page.url()).not.toContain('token');
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    const focused = () => page.evaluate('document.activeElement.dataset.row');
    const row = await focused();
    expect(row).toMatch(/\S+ \S+/);
    const clock = () => page.locator('.clock time').getAttribute('datetime');
    const before = await clock();
    await expect.poll(clock, { timeout: 20_000 }).not.toBe(before);
    expect(await focused()).toBe(row);
    await page.keyboard.press('/');
    await page.keyboard.type('SPRING');
    expect(await page.locator('table.board tbody th a').allTextContents()).toEqual([campaign]);
    expect(page.url()).toContain('q=SPRING');
    expect(errors).toEqual([]);
    await page.context().close();
  });

  test('one walks from the board to the flight, back in its time, and to the receipt of its alert', async () => {
    const { page, errors } = await open(`/console/${org}/board`);
    await page.getByRole('link', { name: campaign, exact: true }).click();
    await page.waitForSelector('.chart canvas');
    await page.locator('#known').press('Home');
    await expect.poll(() => page.url()).toMatch(/[?&]at=2026-/);
    const then = new URL(page.url()).searchParams.get('at')!;
    await expect.poll(() => page.locator('.known time').getAttribute('datetime')).toBe(then);
    await page.getByRole('button', { name: 'Now' }).click();
    expect(new URL(page.url()).searchParams.get('at')).toBeNull();
    await page.getByRole('link', { name: 'under-pacing' }).click();
    await page.waitForSelector('.condition');
    expect(await page.locator('h1').textContent()).toBe('under-pacing');
    expect(errors).toEqual([]);
    await page.context().close();
  });

  test.each(views)('$name is whole and accessible in each light, at each width', async ({ name, path, sign }) => {
    for (const look of looks) {
      const { page, errors } = await open(path(), look);
      await page.waitForSelector(sign, { timeout: 20_000 });
      const where = `${name} ${look.scheme} ${look.width}`;
      expect(await violationsOf(page), where).toEqual([]);
      expect(await page.evaluate('document.documentElement.scrollWidth'), `${where} fits`).toBeLessThanOrEqual(
        look.width,
      );
      expect(errors, where).toEqual([]);
      expect(await page.locator('h1').count(), where).toBe(1);
      if (shots !== undefined) {
        mkdirSync(shots, { recursive: true });
        await page.screenshot({ path: join(shots, `${name}-${look.scheme}-${look.width}.png`) });
      }
      await page.context().close();
    }
  });

  test.each(['login', 'invitation'])('the page of the %s is accessible in each light, at each width', async (name) => {
    for (const { scheme, width } of looks) {
      const context = await browser.newContext({ colorScheme: scheme, viewport: { width, height: 800 } });
      const page = await context.newPage();
      await page.goto(`${link.origin}/auth/${name}`);
      await page.locator('form:not([hidden]), #trouble:not(:empty)').first().waitFor();
      const where = `${name} ${scheme} ${width}`;
      expect(await violationsOf(page), where).toEqual([]);
      expect(await page.evaluate('document.documentElement.scrollWidth'), `${where} fits`).toBeLessThanOrEqual(width);
      if (shots !== undefined) await page.screenshot({ path: join(shots, `${name}-${scheme}-${width}.png`) });
      await context.close();
    }
  });

  test('a letter is looked at, mended in sight, and its sending is tried before it is done', async () => {
    const { page, errors } = await open(`/console/${org}/records`);
    await page.waitForSelector('.replay');
    await page.getByRole('button', { name: 'Show what would be sent' }).click();
    await page.getByRole('region', { name: 'Outcomes' }).waitFor();
    expect(await page.locator('.replay [role=status]').textContent()).toMatch(/would be sent/);
    expect(await violationsOf(page)).toEqual([]);
    await page.goto(`${link.origin}/console/${org}/records/${recordAddress}`);
    await page.getByLabel(/Send another value/).check();
    const event = { type: 'click', event_id: '018f3a5c7e00700280000000000000ff', org_id: org, campaign_id: campaign };
    const at = await page.locator('.clock time').getAttribute('datetime');
    const more = { event_time: Date.parse(at!) - 3_600_000, source: 'adserver', currency: 'EUR', cost_micros: 1 };
    await page.getByLabel(/The event as JSON/).fill(JSON.stringify({ ...event, ...more }));
    await page.getByRole('button', { name: 'Show what would be sent' }).click();
    // The demo plays records of another stream, to which nothing is added: that is said before anything is sent.
    await page.getByText('REPLAY_REFUSED').waitFor();
    expect(await violationsOf(page)).toEqual([]);
    // The browser notes a call that was refused.
    expect(errors).toEqual([expect.stringContaining('409')]);
    await page.context().close();
  });

  test('who brings no token is asked for one, and what is missing is said with its code', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${link.origin}/console/${org}/board`);
    await page.getByText('UNAUTHENTICATED').waitFor();
    expect(await violationsOf(page)).toEqual([]);
    await page.getByLabel('Token of this engine').fill(readEngine().tokens.http);
    await page.getByRole('button', { name: 'Open the console' }).click();
    await page.waitForSelector('table.board');
    await page.goto(`${link.origin}/console/${org}/flights/no-such/flight`);
    await page.getByText('NOT_FOUND').waitFor();
    expect(await violationsOf(page)).toEqual([]);
    await context.close();
  });
});
