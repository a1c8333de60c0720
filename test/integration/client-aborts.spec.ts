import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CancelledError, type HangupClient } from '../../src/client/index.js';
import { appClient } from '../support/app-client.js';
import { backends } from '../support/backends.js';
import { QUIZ } from '../support/task-client.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { WireLog } from '../support/wire-log.js';

const COUNT = 100;
const MOMENTS = ['in the same tick', 'on its way', 'while it is worked on', 'in the middle of the stream', 'after the answer'] as const;
type Moment = (typeof MOMENTS)[number];

/** What has become of one call that was aborted. */
interface Outcome {
  readonly moment: Moment;
  /** Had the answer come when the signal was aborted? */
  readonly isAnswered: boolean;
}

describe.each(backends)(`${COUNT} calls that are aborted, on %s`, (backend) => {
  let app: TestApp;
  let wire: WireLog;
  let hangup: HangupClient;

  beforeAll(async () => {
    app = await startTestApp({ backend });
    wire = new WireLog();
    hangup = await appClient(app, { fetch: wire.fetch });
  }, 60_000);
  afterAll(() => app.close());

  const asked = async (moment: Moment, taskId: string, signal: AbortSignal, onEvent: () => void): Promise<void> => {
    if (moment !== 'in the middle of the stream') {
      await hangup.quizzes.generate(QUIZ, { taskId, signal });
      return;
    }
    for await (const event of hangup.quizzes.stream(QUIZ, { taskId, signal })) if (event.type === 'question') onEvent();
  };

  /** Resolves at a moment of that kind. */
  const reach = async (moment: Moment, random: () => number, heard: Promise<unknown>, answered: Promise<unknown>): Promise<void> => {
    if (moment === 'on its way') for (let turns = Math.floor(random() * 40); turns > 0; turns -= 1) await setImmediate();
    if (moment === 'while it is worked on') await app.model.sent(await app.model.called('quiz'), 1 + Math.floor(random() * 10));
    if (moment === 'in the middle of the stream') await heard;
    if (moment === 'after the answer') await answered;
  };

  const one = async (i: number, random: () => number): Promise<Outcome> => {
    const moment = MOMENTS[i % MOMENTS.length]!;
    const [page, taskId, heard] = [new AbortController(), randomUUID(), Promise.withResolvers<undefined>()];
    let isAnswered = false;
    app.model.reset();
    const call = asked(moment, taskId, page.signal, () => heard.resolve(undefined)).then(() => void (isAnswered = true));
    const settled = call.catch((error: unknown) => error);
    await reach(moment, random, heard.promise, settled);
    const outcome = { moment, isAnswered };
    page.abort();
    const error = await settled;
    if (outcome.isAnswered) await untouched(taskId);
    else await stopped(taskId, error);
    return outcome;
  };

  const untouched = async (taskId: string): Promise<void> => {
    expect(wire.cancelsOf(taskId)).toEqual([]);
    expect(await hangup.tasks.get(taskId)).toMatchObject({ state: 'completed', cancel: null });
  };

  const stopped = async (taskId: string, error: unknown): Promise<void> => {
    expect(error).toBeInstanceOf(CancelledError);
    const answer = await (error as CancelledError).confirmation;
    expect(answer?.status).toMatch(/^(cancelled|pending|already_completed)$/);
    const begun = app.model.journal.length;
    expect(wire.cancelsOf(taskId)).toHaveLength(1);
    // Whatever of it still comes to the server finds its cancel there.
    if (answer?.status === 'pending') await expect(hangup.quizzes.generate(QUIZ, { taskId })).rejects.toMatchObject({ status: 409 });
    expect((await hangup.tasks.get(taskId)).state).toMatch(answer?.status === 'already_completed' ? 'completed' : 'cancelled');
    expect(app.model.journal).toHaveLength(begun);
  };

  it('reach the server as cancels every time, once, and never where the answer had come; no call to the model begins after', async () => {
    const random = randomFrom(20_26);
    const outcomes: Outcome[] = [];
    for (let i = 0; i < COUNT; i += 1) outcomes.push(await one(i, random));
    const cancelled = MOMENTS.map((moment) => outcomes.filter((each) => each.moment === moment && !each.isAnswered).length);
    expect([cancelled[0], cancelled[2], cancelled.at(-1)]).toEqual([COUNT / 5, COUNT / 5, 0]);
    expect(app.logs.at('error')).toEqual([]);
    process.stdout.write(
      `${COUNT} aborts on ${backend}, cancelled ${MOMENTS.map((moment, i) => `${moment}: ${cancelled[i]}`).join(', ')}\n`,
    );
  }, 120_000);
});

/** Numbers from 0 to 1, the same in every run. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}
