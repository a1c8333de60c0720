import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { eventually } from '../../src/testing/index.js';
import { inBrowsers, type Tab } from '../support/browsers.js';
import { longText } from '../support/tutor-model.js';
import { LAST_WORD, MOMENTS, WAYS, type Moment, type Way } from './page/drive.js';
import { Stage } from './stage.js';

const TRIES = 100;

interface Try {
  readonly moment: Moment;
  readonly way: Way;
  readonly taskId: string;
}

inBrowsers('a page that is left while a reply comes', (name) => {
  let stage: Stage;
  let tab: Tab;

  beforeAll(async () => {
    stage = await Stage.start(name, '*');
    tab = await stage.open();
  }, 60_000);
  afterAll(() => stage.close());

  const isOver = async (id: string): Promise<boolean> => /^(completed|cancelled)$/.test((await stage.hangup.tasks.get(id)).state);
  const isSilent = (): boolean => stage.app.model.journal.every(({ outcome }) => outcome !== undefined);

  const leave = async ({ moment, way, taskId }: Try): Promise<void> => {
    const { model } = stage.app;
    model.reset();
    // Where it is told to its end, who comes first is anybody's guess.
    const isLast = moment === 'at the last word';
    model.script('chat', isLast ? { text: `It means thanks. ${LAST_WORD}` } : { stallAfter: 3, text: longText(20) });
    await tab.evaluate(
      ([moment, way, taskId]) => {
        drive.asked = { taskId };
        drive.press('go-chat');
        drive.leaveAt(moment, way);
      },
      [moment, way, taskId] as const,
    );
    await eventually(() => isOver(taskId), { message: `A task that was left ${moment} (${way}) goes on` });
    await eventually(isSilent);
  };

  const comeBack = async (way: Way): Promise<void> => {
    if (way === 'navigation') {
      await eventually(() => tab.url().endsWith('/elsewhere'));
      await tab.goto(stage.url);
    }
    if (way !== 'close') return;
    await tab.close().catch(() => undefined);
    tab = await stage.open();
  };

  it(`delivers each cancel, and once, in ${TRIES} tries`, async () => {
    const tries: Try[] = [];
    for (let i = 0; i < TRIES; i += 1) {
      const [moment, way] = [MOMENTS[i % MOMENTS.length]!, WAYS[Math.floor(i / MOMENTS.length) % WAYS.length]!];
      const each = { moment, way, taskId: randomUUID() };
      await leave(each);
      await comeBack(way);
      tries.push(each);
    }
    const sent = await tab.evaluate(() => drive.sentCancels, undefined);
    await eventually(() => sent.every((id) => stage.arrivals.cancels(id) === 1));
    process.stdout.write(table(name, tries, sent, (id) => stage.arrivals.cancels(id)));
    const early = tries.filter(({ moment }) => moment !== 'at the last word').map(({ taskId }) => taskId);
    expect(early.filter((id) => !sent.includes(id))).toEqual([]);
    expect(tries.filter(({ taskId }) => stage.arrivals.cancels(taskId) > 1)).toEqual([]);
    for (const id of early) expect((await stage.hangup.tasks.get(id)).cancel?.cause).toBe('user');
    expect(stage.app.logs.at('error')).toEqual([]);
  }, 120_000);
});

/** For each moment and way: how many cancels arrived of those that left, in so many tries. */
function table(name: string, tries: readonly Try[], sent: readonly string[], arrived: (id: string) => number): string {
  const cell = (moment: Moment, way: Way): string => {
    const ids = tries.filter((each) => each.moment === moment && each.way === way).map(({ taskId }) => taskId);
    const left = ids.filter((id) => sent.includes(id));
    return `${left.reduce((sum, id) => sum + arrived(id), 0)}/${left.length} of ${ids.length}`;
  };
  const line = (head: string, cells: readonly string[]): string => [head.padEnd(22), ...cells.map((each) => each.padStart(11))].join(' ');
  return [
    line(name, WAYS),
    ...MOMENTS.map((moment) =>
      line(
        moment,
        WAYS.map((way) => cell(moment, way)),
      ),
    ),
    '',
  ].join('\n');
}
