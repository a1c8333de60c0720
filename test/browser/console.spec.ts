import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type { Page, Request } from 'playwright-core';
import { eventually, Gate } from '../../src/testing/index.js';
import { machines } from '../support/project-client.js';
import { writer } from '../support/quiz-model.js';
import { describeIn } from '../support/browsers.js';
import { ConsoleWorld } from './console-world.js';

const PROMPTS = ['What comes first?', 'What comes second?', 'What does <b>third</b> mean?'];
const QUIZ = { book_id: 1, chapter_id: 101, exercise_type: 'mixed', question_count: 3 } as const;
/** A question of these is about forty tokens: one is whole then, and the next is not. */
const AFTER_ONE = 60;
const WINDOWS = [
  { width: 1280, height: 800 },
  { width: 390, height: 844 },
];

describeIn('chromium', 'the console, in Chromium', () => {
  let world: ConsoleWorld;
  let page: Page;

  beforeAll(async () => {
    world = await ConsoleWorld.start();
    page = await world.signedIn();
  }, 90_000);
  afterEach(async () => {
    world.model.reset();
    await world.hangup.tasks.cancelMany({ scope: 'book:1' });
  });
  afterAll(() => world.close());

  /** As a person goes there: by the links of the page. */
  async function visit(name: 'Tasks' | 'Quiz' | 'Money', tab = page): Promise<void> {
    await tab.getByRole('navigation', { name: 'Console' }).getByRole('link', { name }).click();
    await tab.getByRole('heading', { level: 1, name }).waitFor();
  }

  const row = (id: string, tab = page) => tab.locator(`[data-task="${id}"]`);

  /** So many quizzes that stand still at the model; their ids, in the order in which they were asked. */
  async function heldQuizzes(count: number): Promise<string[]> {
    world.model.script('quiz', { holdAfter: 3, gate: new Gate() });
    const ids = Array.from({ length: count }, () => crypto.randomUUID());
    for (const [n, taskId] of ids.entries()) {
      const options = { taskId, scopes: [n % 2 === 0 ? 'class:even' : 'class:odd'] };
      void world.hangup.quizzes.generate(QUIZ, options).catch(() => undefined);
      await world.model.called('quiz', n + 1);
    }
    return ids;
  }

  /** Begins a quiz whose second question never comes. */
  async function beginQuiz(tab = page): Promise<void> {
    world.model.script('quiz', { ...writer(PROMPTS), holdAfter: AFTER_ONE, gate: new Gate() });
    await visit('Quiz', tab);
    await tab.getByRole('button', { name: 'Generate' }).click();
    await tab.getByText(PROMPTS[0]!).waitFor();
  }

  it('signs in by the link of the start, and takes the token out of the address', async () => {
    const tab = await world.signedIn();
    expect(tab.url()).toBe(`${world.url}console`);
    // The empty page of a new tab, and this one: nothing between them to go back to.
    expect(await tab.evaluate('history.length')).toBe(2);
    await visit('Money', tab);
    await tab.goBack();
    expect(tab.url()).toBe(`${world.url}console`);
    await tab.reload();
    await tab.getByRole('heading', { level: 1, name: 'Tasks' }).waitFor();
    expect(world.app.stdout.split(world.token)).toHaveLength(3);
    await tab.context().close();
  });

  it('asks for another token where one is wrong, or is taken no longer, and forgets it when told to', async () => {
    const tab = await world.tab();
    await tab.goto(`${world.url}console#token=eyJhbGciOiJIUzI1NiJ9.e30.x`);
    await tab.getByRole('alert').filter({ hasText: 'The token is not valid.' }).waitFor();
    await tab.getByLabel('Token').fill(world.token);
    await tab.keyboard.press('Enter');
    await tab.getByRole('heading', { level: 1, name: 'Tasks' }).waitFor();
    await tab.evaluate(`sessionStorage.setItem('hangup.token', 'eyJhbGciOiJIUzI1NiJ9.e30.x')`);
    await tab.getByRole('link', { name: 'Money' }).click();
    await tab.getByRole('alert').filter({ hasText: 'The token is not valid.' }).waitFor();
    await tab.getByLabel('Token').fill(world.token);
    await tab.getByRole('button', { name: 'Sign in' }).click();
    await tab.getByRole('button', { name: 'Sign out' }).click();
    await tab.getByRole('heading', { level: 1, name: 'Sign in' }).waitFor();
    expect(await tab.evaluate('JSON.stringify({ ...sessionStorage })')).toBe('{}');
    await tab.context().close();
  });

  it('makes nobody another by a link, unless they agree', async () => {
    const tab = await world.signedIn();
    const token = `eyJhbGciOiJIUzI1NiJ9.${Buffer.from('{"sub":"mallory"}').toString('base64url')}.x`;
    const follow = async (): Promise<void> => {
      await tab.evaluate(`location.hash = 'token=${token}'`);
      await tab.getByRole('heading', { name: 'Sign in as mallory?' }).waitFor();
    };
    await follow();
    expect(tab.url()).toBe(`${world.url}console`);
    await tab.keyboard.press('Enter');
    await tab.getByRole('dialog').waitFor({ state: 'hidden' });
    await tab.reload();
    await tab.getByRole('heading', { level: 1, name: 'Tasks' }).waitFor();
    await follow();
    await tab.getByRole('dialog').getByRole('button', { name: 'Sign in' }).click();
    await tab.getByRole('alert').filter({ hasText: 'The token is not valid.' }).waitFor();
    await tab.context().close();
  });

  it('shows questions as they come, and stops at once: the socket of the model closes, and the receipt is there', async () => {
    await beginQuiz();
    expect(await page.locator('.questions > li').count()).toBe(1);
    await page.getByRole('button', { name: 'Stop' }).click();
    await page
      .getByRole('status')
      .filter({ hasText: /^Stopped in [\d.]+ ms, 1 call avoided\.$/ })
      .waitFor();
    expect((await world.model.ended(await world.model.called('quiz'))).outcome).toBe('client_closed');
    expect(await page.locator('.timeline tbody tr').allInnerTexts()).toEqual(
      expect.arrayContaining([expect.stringContaining('graph'), expect.stringContaining('llm')]),
    );
  });

  it('stops by Escape, and by leaving the view, but not by Enter in a field of the form', async () => {
    await beginQuiz();
    await page.getByLabel('Questions').press('Enter');
    expect(await page.getByRole('button', { name: 'Stop' }).count()).toBe(1);
    expect((await world.hangup.tasks.list({ state: ['running'] })).tasks).toHaveLength(1);
    await page.keyboard.press('Escape');
    expect((await world.model.ended(await world.model.called('quiz'))).outcome).toBe('client_closed');
    await page.getByText('Stopped').first().waitFor();
    world.model.reset();
    await beginQuiz();
    await visit('Tasks');
    expect((await world.model.ended(await world.model.called('quiz'))).outcome).toBe('client_closed');
  });

  it('stops when its page is closed, and not only once its grace is over', async () => {
    const tab = await world.signedIn();
    await beginQuiz(tab);
    await tab.goto('about:blank');
    expect((await world.model.ended(await world.model.called('quiz'))).outcome).toBe('client_closed');
    await tab.context().close();
  });

  it('makes a quiz to its end, and checks what is answered', async () => {
    world.model.script('quiz', writer(PROMPTS));
    await visit('Quiz');
    await page.getByRole('button', { name: 'Generate' }).click();
    await page.getByText('Done', { exact: true }).waitFor();
    expect(await page.locator('.questions .prompt').allInnerTexts()).toEqual(PROMPTS);
    await page.getByRole('textbox', { name: 'Your answer' }).first().fill('yes');
    await page.keyboard.press('Enter');
    await page.getByText('Right').waitFor();
  });

  it('cancels at once, however many run and in however many tabs: streams take no connection from it', async () => {
    const ids = await heldQuizzes(8);
    const open = new Set<Request>();
    let most = 0;
    page.context().on('request', (request) => {
      if (request.url().endsWith('/events')) most = Math.max(most, open.add(request).size);
    });
    for (const over of ['requestfinished', 'requestfailed'] as const)
      page.context().on(over as 'requestfailed', (each) => open.delete(each));
    await visit('Tasks');
    await eventually(() => open.size === 3);
    const beside = await page.context().newPage();
    await beside.goto(world.link);
    for (const id of ids) await row(id, beside).getByText('running').waitFor();
    await row(ids[0]!, beside).getByRole('button', { name: 'Cancel' }).click();
    await row(ids[0]!, beside)
      .getByText(/stopped in [\d.]+ ms/)
      .waitFor();
    expect((await world.model.ended(await world.model.called('quiz', 1))).outcome).toBe('client_closed');
    await eventually(async () => (await page.locator('.tasks .running').count()) === 7);
    expect(most).toBe(3);
    await beside.close();
    await turnAway(page, true);
    await eventually(() => open.size === 0);
    await turnAway(page, false);
    await eventually(() => open.size === 3);
    await page.getByRole('link', { name: 'class:odd' }).first().click();
    await page.getByRole('button', { name: 'Cancel scope class:odd' }).click();
    await page.getByRole('button', { name: 'Cancel them' }).click();
    await page.getByRole('status').filter({ hasText: '4 tasks cancelled.' }).waitFor();
    await page.goBack();
    await eventually(async () => (await page.locator('.tasks .running').count()) === 3);
  });

  it('shows how far a job is, stops it, and goes on with it', async () => {
    world.model.script('recommendation', { hold: new Gate() });
    await world.hangup.resources.put(
      '5',
      machines(3).map((machine) => ({ ...machine })),
    );
    const { task_id: id } = await world.hangup.analyses.start('5', { goal: 'cut what we pay' });
    await visit('Tasks');
    await row(id).getByText('0 of 3').waitFor();
    await row(id).getByRole('button', { name: 'Cancel' }).click();
    await row(id)
      .getByText(/stopped in/)
      .waitFor();
    await row(id).getByRole('button', { name: 'Resume' }).click();
    const said = page.getByRole('status').filter({ hasText: 'It goes on as task' });
    const next = /task (\w+)/.exec(await said.innerText())?.[1] ?? '';
    await page.locator(`[data-task^="${next}"]`).getByText('0 of 3').waitFor();
    await world.hangup.tasks.cancelMany({ scope: 'project:5' });
    await page.locator(`[data-task^="${next}"]`).getByText('cancelled', { exact: true }).waitFor();
  });

  it('tells on the page of a task what it tells, as it tells it, and stops it from there', async () => {
    const [id = ''] = await heldQuizzes(1);
    await page.goto(`${world.url}console#/tasks/${id}`);
    await page.locator('.events').getByText('generate_quiz').waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.locator('.timeline').waitFor();
    await page.locator('.events').getByText('task-end').waitFor();
    expect(await world.violations(page)).toEqual([]);
  });

  it('is used by the keyboard alone: what runs is cancelled, with a reason, and its receipt read', async () => {
    const [first = '', second = ''] = await heldQuizzes(2);
    const tab = await world.signedIn();
    await row(first, tab).getByText('running').waitFor();
    await tabTo(tab, 'Cancel all…');
    await tab.keyboard.press('Enter');
    await tab.getByRole('dialog').waitFor();
    await tab.keyboard.press('Escape');
    await tab.getByRole('dialog').waitFor({ state: 'hidden' });
    expect(await focused(tab)).toBe('Cancel all…');
    await tab.keyboard.press('Enter');
    await tab.getByRole('dialog').waitFor();
    await tab.keyboard.type('the lesson is over');
    await tab.keyboard.press('Enter');
    await row(second, tab).getByText('cancelled').waitFor();
    await tabTo(tab, `Quiz generation ${second.slice(0, 8)}`);
    await tab.keyboard.press('Enter');
    await tab.getByText('the lesson is over').waitFor();
    expect(await tab.locator('.timeline tbody tr').count()).toBeGreaterThan(1);
    expect(tab.url()).toBe(`${world.url}console#/tasks/${second}`);
    await tab.goBack();
    await row(first, tab).getByText('cancelled').waitFor();
    await tab.goForward();
    await tab.getByText('the lesson is over').waitFor();
    await tab.context().close();
  });

  it('says what was spent, wasted and saved as the report does', async () => {
    const { spent, saved, by_kind } = await world.hangup.usage.report();
    await visit('Money');
    await page.getByText(`${spent.calls} calls`, { exact: false }).first().waitFor();
    await page.getByText(`${saved.calls} calls not made`).waitFor();
    const table = page.getByRole('table', { name: 'By kind of task' });
    expect(await table.getByRole('row').count()).toBe(by_kind.length + 1);
    await eventually(async () => (await page.locator('.plot canvas').count()) === 2);
    await page.getByRole('link', { name: '7 days' }).click();
    await eventually(async () => (await page.getByRole('link', { name: '7 days' }).getAttribute('aria-current')) === 'true');
    expect(page.url()).toContain('#/money?days=7');
  });

  it('is served with a policy of its own, each file as what it is, and nothing but its files', async () => {
    const ask = async (path: string, headers = {}) => await fetch(new URL(path, world.url), { headers, redirect: 'manual' });
    const policy = (await ask('console')).headers.get('content-security-policy')?.split('; ');
    expect(policy).toEqual(
      expect.arrayContaining([`default-src 'none'`, `connect-src 'self'`, `frame-ancestors 'none'`, `base-uri 'none'`]),
    );
    expect(policy?.find((each) => each.startsWith('script-src'))).toMatch(/^script-src 'self' 'sha256-[\w+/]{43}='$/);
    const script = await ask('console/app/client/index.js');
    expect([script.headers.get('content-type'), script.headers.get('cache-control')]).toEqual([
      'text/javascript; charset=utf-8',
      'no-cache',
    ]);
    const again = await ask('console/app/client/index.js', { 'if-none-match': script.headers.get('etag') });
    expect([again.status, await again.text()]).toEqual([304, '']);
    expect((await ask('console/')).headers.get('location')).toBe('../console');
    const others = [
      'app/main.js',
      'app/%2e%2e/main.js',
      'app/client/..%2f..%2fmain.js',
      'vendor/uplot/package.json',
      'app/console/page/main.ts',
    ];
    for (const path of others) expect((await ask(`console/${path}`)).status).toBe(404);
    expect((await fetch(new URL('console', world.url), { method: 'POST' })).status).toBe(404);
    expect(world.app.lines.filter(({ msg }) => msg.includes('/console/'))).toEqual([]);
  });

  it('has nothing that axe holds against it, and nothing too wide, in light and dark, on a desk and on a phone', async () => {
    const tab = await world.tab();
    await tab.goto(`${world.url}console`);
    await look(tab, 'sign-in');
    await heldQuizzes(2);
    await tab.goto(world.link);
    await tab.getByText('running').first().waitFor();
    await look(tab, 'tasks');
    await tab.getByRole('button', { name: 'Cancel all…' }).click();
    await tab.getByRole('dialog').waitFor();
    await look(tab, 'question');
    await tab.keyboard.press('Enter');
    await tab.getByRole('status').filter({ hasText: 'cancelled' }).waitFor();
    await tab.locator('.tasks .what a').first().click();
    await tab.locator('.timeline').waitFor();
    await look(tab, 'task');
    world.model.reset();
    await beginQuiz(tab);
    await look(tab, 'quiz');
    await tab.keyboard.press('Escape');
    await tab.locator('.timeline').waitFor();
    await look(tab, 'quiz-stopped');
    await visit('Money', tab);
    await tab.locator('.plot canvas').first().waitFor();
    await look(tab, 'money');
    await tab.context().close();
  });

  it('is not complained of by the browser: no error, and nothing that its policy forbids', () => {
    expect(world.complaints).toEqual([]);
  });

  /** Looks at a view from all sides, as axe does, and for what is wider than the window. `CONSOLE_SHOTS` keeps pictures in a folder. */
  async function look(tab: Page, name: string): Promise<void> {
    for (const { width, height } of WINDOWS) {
      await tab.setViewportSize({ width, height });
      for (const colorScheme of ['light', 'dark'] as const) {
        await tab.emulateMedia({ colorScheme });
        // What is not a colour is the same in both.
        expect(await world.violations(tab, colorScheme === 'light' ? undefined : ['color-contrast'])).toEqual([]);
        await keep(tab, `${name}-${colorScheme}-${width}`);
      }
      expect(await tab.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')).toBeLessThanOrEqual(0);
    }
  }

  async function keep(tab: Page, name: string): Promise<void> {
    const folder = process.env.CONSOLE_SHOTS;
    if (folder === undefined) return;
    await mkdir(folder, { recursive: true });
    await tab.screenshot({ path: join(folder, `${name}.png`), fullPage: !name.startsWith('question') });
  }
});

/** As a browser does when its user looks at another tab, or comes back. */
async function turnAway(tab: Page, isAway: boolean): Promise<void> {
  await tab.evaluate(`Object.defineProperty(document, 'hidden', { value: ${isAway}, configurable: true })`);
  await tab.evaluate(`document.dispatchEvent(new Event('visibilitychange'))`);
}

async function focused(tab: Page): Promise<string> {
  return await tab.evaluate<string>(`document.activeElement?.textContent.replace(/\\s+/g, ' ').trim() ?? ''`);
}

/** Presses Tab until what says so has the focus. */
async function tabTo(tab: Page, name: string): Promise<void> {
  for (let presses = 0; presses < 40; presses += 1) {
    await tab.keyboard.press('Tab');
    if ((await focused(tab)) === name) return;
  }
  throw new Error(`Nothing that says “${name}” can be reached with the keyboard.`);
}
