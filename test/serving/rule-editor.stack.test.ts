import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConsoleDoor } from '../../src/serving/console/console-door.ts';
import { readConsoleFiles } from '../../src/serving/console/console-files.ts';
import { type AuthStage, openAuthStage } from '../attacks/auth-stage.ts';
import { goodPassword } from './access/access-bench.ts';
import { oneRule } from './rules-in-memory.ts';
import { openShop, type Shop } from './shop.ts';

// Rules edited in a real browser, and the page where people log in.
const program = ['chromium', 'chromium-browser', 'google-chrome']
  .map((name) => spawnSync('which', [name], { encoding: 'utf8' }).stdout.trim())
  .find((path) => path !== '');
// Where the tests are the gate, a missing browser is a failure.
const isSkipped = program === undefined && process.env.CI === undefined;
if (isSkipped) console.log('SKIPPED: no Chromium here; "npm run stack -- install --parts browser" fetches it');

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const rules = oneRule();
const by = { actor: 'user:somebody', requestId: 'r' };
let shop: Shop;
let stage: AuthStage;
let browser: Browser;

beforeAll(async () => {
  if (isSkipped) return;
  shop = await openShop({ rules, doors: [new ConsoleDoor(readConsoleFiles())] });
  stage = await openAuthStage();
  await stage.bench.addUser('ann@acme.example', { acme: 'viewer' });
  browser = await chromium.launch({ executablePath: program!, args: ['--no-sandbox'] });
});
afterAll(async () => {
  await browser?.close();
  await stage?.[Symbol.asyncDispose]();
  await shop?.close();
});

const looks = (['light', 'dark'] as const).flatMap((scheme) => [1280, 390].map((width) => ({ scheme, width })));

async function open(url: string, { scheme, width } = looks[0]): Promise<Page> {
  const context = await browser.newContext({
    colorScheme: scheme,
    viewport: { width, height: 800 },
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  await page.goto(url);
  return page;
}

async function violationsOf(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    const { axe: checker } = globalThis as unknown as {
      axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
    };
    return (await checker.run()).violations;
  });
  return found.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}

describe.skipIf(isSkipped)('rules in the console', () => {
  const rulesUrl = (token: string, rest = '') => `${shop.server.url}/console/acme/rules${rest}#token=${token}`;
  const area = (page: Page) => page.getByLabel('Text, as YAML');
  const saved = (page: Page) => page.getByText(/^Saved as version/);

  test('one is begun, corrected at the place of its mistake, saved, edited, kept from undoing others, and deleted', async () => {
    const page = await open(rulesUrl('editor~acme'));
    await page.getByLabel('Id of a new rule').fill('mine');
    await page.getByRole('button', { name: 'Write it' }).click();
    await area(page).fill('id: mine\nname: Mine\n    wrong: 1\n');
    await page.getByRole('button', { name: 'Save' }).click();
    const place = page.getByRole('button', { name: 'Line 3, column 5' });
    await place.waitFor();
    expect(await area(page).getAttribute('aria-invalid')).toBe('true');
    expect(await page.locator('.gutter .wrong').textContent()).toBe('3');
    await place.click();
    const caret = () => page.evaluate('[document.activeElement.id, document.activeElement.selectionStart]');
    expect(await caret()).toEqual(['rule-text', 'id: mine\nname: Mine\n    '.length]);
    await area(page).fill('id: mine\nname: Mine\n');
    await page.keyboard.press('Control+s');
    await saved(page).waitFor();
    expect(await rules.rulesOf('acme')).toMatchObject([
      { ruleId: 'mine', text: 'id: mine\nname: Mine\n', version: '1' },
    ]);

    await page.goto(rulesUrl('editor~acme', '/mine'));
    await area(page).fill('id: mine\nname: Ours\n');
    // Meanwhile somebody else is faster.
    await rules.writeRule('acme', { id: 'mine', text: 'id: mine\nname: Theirs\n' }, '1', by);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('EDIT_CONFLICT').waitFor();
    expect((await rules.rulesOf('acme'))[0].text).toContain('Theirs');
    page.on('dialog', (dialog) => void dialog.accept());
    await page.reload();
    await expect.poll(() => area(page).inputValue()).toContain('Theirs');
    await page.getByRole('button', { name: 'Delete the rule' }).click();
    await page.getByLabel('Id of a new rule').waitFor();
    expect(await rules.rulesOf('acme')).toEqual([]);
    await page.context().close();
  });

  test('who may only read is told so, and keeps the text', async () => {
    await rules.writeRule('acme', { id: 'read', text: 'id: read\n' }, null, by);
    const page = await open(rulesUrl('viewer~acme', '/read'));
    await area(page).fill('id: read\n# mine\n');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('FORBIDDEN').waitFor();
    expect(await area(page).inputValue()).toBe('id: read\n# mine\n');
    await page.context().close();
    await rules.deleteRule('acme', 'read', '1', by);
  });

  test.each(looks)('is accessible, with a mistake, in $scheme at $width', async (look) => {
    await rules.writeRule('acme', { id: 'look', text: 'id: look\n' }, null, by);
    const page = await open(rulesUrl('editor~acme', '/look'), look);
    await area(page).fill(`id: look\n    wrong: ${'long '.repeat(60)}\n`);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('It was not saved.').waitFor();
    expect(await violationsOf(page)).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(look.width);
    await page.context().close();
    await rules.deleteRule('acme', 'look', '1', by);
  });
});

describe.skipIf(isSkipped)('the page of logins', () => {
  test.each(looks)('is accessible, also when it refuses, in $scheme at $width', async (look) => {
    const page = await open(`${stage.url}/auth/login`, look);
    await page.getByLabel('E-mail').waitFor();
    expect(await violationsOf(page)).toEqual([]);
    await page.getByLabel('E-mail').fill('ann@acme.example');
    await page.getByLabel('Password').fill('not the right one');
    await page.getByRole('button', { name: 'Log in' }).click();
    await expect.poll(() => page.locator('#trouble').textContent()).not.toBe('');
    expect(await violationsOf(page)).toEqual([]);
    await page.context().close();
  });

  test('lets in who has the password', async () => {
    const page = await open(`${stage.url}/auth/login?return=/auth/session`);
    await page.getByLabel('E-mail').fill('ann@acme.example');
    await page.getByLabel('Password').fill(goodPassword);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByText('ann@acme.example').waitFor();
    await page.context().close();
  });
});
