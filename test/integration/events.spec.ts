import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, Gate } from '../../src/testing/index.js';
import { runsPostgres, type Backend } from '../support/backends.js';
import { EventClient, type Heard } from '../support/event-client.js';
import { evaluator } from '../support/quiz-model.js';
import { REDIS_URL, runsRedis } from '../support/redis.js';
import { answerOf, QUIZ, TaskClient } from '../support/task-client.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { longText } from '../support/tutor-model.js';

/** Where the events are kept. What is not here is said aloud when the tests load. */
const STORES: readonly { store: string; backend: Backend; env: Readonly<Record<string, string>> }[] = [
  ...(runsRedis && runsPostgres ? ([{ store: 'Redis', backend: 'postgres', env: { REDIS_URL } }] as const) : []),
  ...(runsPostgres ? ([{ store: 'PostgreSQL', backend: 'postgres', env: {} }] as const) : []),
  { store: 'the embedded database', backend: 'embedded', env: {} },
];

const COUNT = 3;

describe.each(STORES)('what tasks tell, kept in $store', ({ backend, env }) => {
  let app: TestApp;
  let beside: TestApp | undefined;
  let phone: EventClient;
  let elsewhere: EventClient;
  let tasks: TaskClient;

  beforeAll(async () => {
    app = await startTestApp({ backend, env });
    phone = await EventClient.of(app);
    tasks = new TaskClient(await app.client());
    if (backend !== 'postgres') return;
    beside = await startTestApp({ beside: app, env });
    elsewhere = await EventClient.of(beside);
  }, 60_000);
  afterEach(() => app.reset());
  afterAll(async () => {
    expect([...app.logs.at('error'), ...(beside?.logs.at('error') ?? [])]).toEqual([]);
    await beside?.close();
    await app.close();
  });

  const chat = (id: string) => phone.open(`/api/chat/sessions/${id}/messages`, chatWith(id));
  const quiz = (id: string, over: object = {}) => phone.quiz(id, { ...QUIZ, ...over });

  it('of a quiz: stages, each question, the evaluation, and at last the quiz itself', async () => {
    const id = randomUUID();
    const stream = quiz(id);
    const events = await stream.heard();
    expect([await stream.status(), (await stream.headers())['content-type']]).toEqual([200, 'text/event-stream']);
    expect(outline(events)).toEqual([
      'task-start',
      'query_weakness',
      'retrieve_content',
      'generate_quiz',
      ...Array.from({ length: COUNT }, () => 'question'),
      'evaluate_content',
      'evaluation',
      'save_quiz',
      'task-end',
    ]);
    expect(events.map((event) => event.id)).toEqual([...events.slice(0, -1).map((_, i) => `1-${i + 1}`), '2-0']);
    const { result, state } = events.at(-1)!.data as { result: { quiz: { id: string; questions: object[] } }; state: string };
    expect(state).toBe('completed');
    expect((await answerOf(tasks.client.get(`/api/quizzes/${result.quiz.id}`))).json()).toEqual(result.quiz);
    expect(events.filter(({ type }) => type === 'question').map(({ data }) => data.question)).toEqual(result.quiz.questions);
    expect(stream.bytes).not.toMatch(/"(answer|explanation)"/);
  });

  it('of a quiz: a question as soon as the model has written it, while it writes on', async () => {
    const gate = new Gate();
    const text = JSON.stringify({ questions: [questionOf('first?'), questionOf('second?')] });
    const half = text.slice(0, text.indexOf('"second?"')).split(/(?=[\s"])/).length;
    app.model.script('quiz', { holdAfter: half, gate, text });
    const id = randomUUID();
    const stream = quiz(id, { question_count: 2 });
    const first = await stream.event('question');
    expect(first.data).toMatchObject({ attempt: 1, question: { prompt: 'first?' } });
    expect([
      app.model.journal.find(({ purpose }) => purpose === 'quiz')!.outcome,
      stream.types.filter((type) => type === 'question'),
    ]).toEqual([undefined, ['question']]);
    gate.open();
    await stream.event('question', 2);
    await stream.heard();
  });

  it('of a quiz: which questions were refused and why, and those of the next attempt', async () => {
    app.model.script(
      'quiz_evaluation',
      evaluator((index) => index !== 1, 'too hard'),
      { times: 1 },
    );
    const events = await quiz(randomUUID()).heard();
    const [first, second] = events.filter(({ type }) => type === 'evaluation').map(({ data }) => data as unknown as Evaluation);
    const asked = events.filter(({ type }) => type === 'question').map(({ data }) => data as { attempt: number; question: { id: string } });
    const ids = (attempt: number): string[] => asked.filter((each) => each.attempt === attempt).map(({ question }) => question.id);
    expect(first).toEqual({
      attempt: 1,
      accepted: [ids(1)[0], ids(1)[2]],
      rejected: [{ id: ids(1)[1], reason: expect.stringContaining('too hard') }],
    });
    expect(second).toMatchObject({ attempt: 2, accepted: ids(2), rejected: [] });
    const { quiz: made } = events.at(-1)!.data.result as { quiz: { questions: { id: string }[] } };
    expect(made.questions.map(({ id }) => id)).toEqual([...first!.accepted, ...second!.accepted]);
  });

  it('of a quiz: questions that were told are taken back where the answer as a whole does not hold', async () => {
    app.model.script('quiz', { text: `{"questions":[${JSON.stringify(questionOf('kept?'))},{"type":"no such"}]}` }, { times: 1 });
    const events = await quiz(randomUUID()).heard();
    const [told] = events.filter(({ type }) => type === 'question');
    const [taken] = events.filter(({ type }) => type === 'evaluation');
    expect(told?.data).toMatchObject({ attempt: 1, question: { prompt: 'kept?' } });
    expect(taken?.data).toMatchObject({ attempt: 1, accepted: [], rejected: [{ id: (told!.data.question as { id: string }).id }] });
    expect(events.at(-1)!.data).toMatchObject({ state: 'completed' });
  });

  it('nothing where the task is refused before it has anything to tell: that is a status', async () => {
    const stream = quiz(randomUUID(), { chapter_id: 999 });
    expect([await stream.status(), (await stream.problem()).code]).toEqual([404, 'chapter_not_found']);
    const known = randomUUID();
    await quiz(known).heard();
    const other = quiz(known, { question_count: 7 });
    expect([await other.status(), (await other.problem()).code]).toEqual([409, 'task_exists']);
  });

  it('to a reader who comes late: all of it, to the byte', async () => {
    const id = randomUUID();
    const live = quiz(id);
    await live.heard();
    const late = phone.follow(id);
    await late.heard();
    expect(late.bytes).toBe(live.bytes);
  });

  it('of a task that was answered with JSON', async () => {
    const id = randomUUID();
    const answer = await answerOf(tasks.quiz(id));
    const events = await phone.follow(id).heard();
    expect(outline(events).slice(0, 3)).toEqual(['task-start', 'query_weakness', 'retrieve_content']);
    expect(events.at(-1)!.data.result).toEqual(answer.json());
  });

  it('of a task that was cancelled: its end, with the receipt, as the task itself has it', async () => {
    const id = randomUUID();
    app.model.script('quiz', { stallAfter: 5 });
    const stream = quiz(id);
    await app.model.sent(await app.model.called('quiz'), 5);
    await tasks.cancel(id, { reason: 'enough' });
    await stream.heard();
    const { receipt, usage } = await tasks.task(id);
    expect(stream.events.at(-1)!.data).toEqual({
      task_id: id,
      kind: 'quiz_generation',
      state: 'cancelled',
      usage,
      cause: 'user',
      reason: 'enough',
      receipt,
      result: null,
    });
    expect(receipt).toMatchObject({ stage: 'generate_quiz', confirmed: true });
  });

  it('nothing more to one who has heard the end', async () => {
    const id = randomUUID();
    const events = await quiz(id).heard();
    const again = phone.follow(id, { after: events.at(-1)!.id });
    expect([await again.status(), await again.heard()]).toEqual([204, []]);
  });

  it.each([
    ['in the header', { after: 'seven' }, '/header/last-event-id'],
    ['in the query', { query: '?last_event_id=1' }, '/query/last_event_id'],
  ])('and says what is wrong with an id %s that is none', async (_, ask, pointer) => {
    const stream = phone.follow(randomUUID(), ask);
    expect([await stream.status(), await stream.problem()]).toMatchObject([400, { errors: [{ pointer }] }]);
  });

  it('to its owner alone, and to an administrator', async () => {
    const id = randomUUID();
    const mine = quiz(id);
    await mine.heard();
    const theirs = (await EventClient.of(app, 'somebody else')).follow(id);
    expect([await theirs.status(), (await theirs.problem()).code]).toEqual([404, 'task_not_found']);
    const admin = (await EventClient.of(app, 'root', { scope: 'hangup:admin' })).follow(id);
    await admin.heard();
    expect(admin.bytes).toBe(mine.bytes);
  });

  it('after an id in the query, for those who cannot set headers', async () => {
    const id = randomUUID();
    const events = await quiz(id).heard();
    const rest = phone.follow(id, { query: `?last_event_id=${events[4]!.id}` });
    expect(await rest.heard()).toEqual(events.slice(5));
  });

  const onTwoInstances = (): void => {
    it('cut after every single event, and gone on with on the other instance each time: not a byte is missing, none comes twice', async () => {
      const gates = [new Gate(), new Gate()];
      const id = randomUUID();
      app.model.script('chat', { holdAfter: 200, gate: gates[0]!, text: longText(520) });
      const uncut = chat(id);
      await uncut.event('text-delta', 150);
      const cut: Heard[] = [];
      for (let cuts = 0; cut.at(-1)?.type !== 'task-end'; cuts += 1) {
        const reader = [elsewhere, phone][cuts % 2]!.follow(id, { after: cut.at(-1)?.id, cutAfter: 1 });
        cut.push(...(await reader.heard()));
        // Half of it is heard while the model speaks, and half of it when all has been said.
        if (cuts === 190) gates[0]!.open();
      }
      await uncut.heard();
      expect(cut.length).toBeGreaterThan(500);
      expect(cut.map(({ bytes }) => bytes).join('')).toBe(uncut.bytes);
      process.stdout.write(
        `${cut.length} events, cut after each and gone on with on the other instance: ${uncut.bytes.length} bytes, the same\n`,
      );
    }, 120_000);

    it('as they come, also to those who read on another instance', async () => {
      const id = randomUUID();
      const gate = new Gate();
      app.model.script('chat', { holdAfter: 10, gate, text: longText(20) });
      const uncut = chat(id);
      await uncut.event('text-delta', 10);
      const there = elsewhere.follow(id);
      await there.event('text-delta', 10);
      expect(there.types).not.toContain('task-end');
      gate.open();
      await Promise.all([uncut.heard(), there.heard()]);
      expect(there.bytes).toBe(uncut.bytes);
    });
  };
  // The embedded database has one instance alone.
  if (backend === 'postgres') onTwoInstances();
});

describe.each(STORES)('what is kept no longer, in $store', ({ backend, env }) => {
  let app: TestApp;
  let phone: EventClient;

  beforeAll(async () => {
    app = await startTestApp({ backend, env: { ...env, EVENTS_PER_TASK: '16' } });
    phone = await EventClient.of(app);
  }, 60_000);
  afterAll(() => app.close());

  it('is told as a gap, with what the task has come to, and what comes after it follows', async () => {
    const id = randomUUID();
    app.model.script('chat', { text: longText(1000) });
    const uncut = phone.open(`/api/chat/sessions/${id}/messages`, chatWith(id));
    const all = await uncut.heard();
    // The log is written and trimmed behind the work: until that is done, who reads may miss more than who has just read.
    const [gap, ...rest] = await eventually(async () => {
      const late = await phone.follow(id, { after: '1-2' }).heard();
      // Who comes back after the gap has missed nothing more.
      expect(await phone.follow(id, { after: late[0]!.id }).heard()).toEqual(late.slice(1));
      expect(late.filter(({ type }) => type === 'gap')).toHaveLength(1);
      return late;
    });
    expect(gap?.type).toBe('gap');
    expect(gap?.data).toMatchObject({ task: { id, state: 'completed' }, partial: false, result: { content: longText(1000) } });
    expect(rest.length).toBeGreaterThanOrEqual(16);
    expect(rest).toEqual(all.slice(-rest.length));
    expect(gap?.id).toBe(all.at(-rest.length - 1)?.id);
  });
});

interface Evaluation {
  readonly attempt: number;
  readonly accepted: readonly string[];
  readonly rejected: readonly { readonly id: string; readonly reason: string }[];
}

function chatWith(id: string) {
  return { method: 'POST', body: { content: 'Tell me a story' }, headers: { 'x-task-id': id } };
}

/** The events by their types, stages by their names. */
function outline(events: readonly Heard[]): string[] {
  return events.map(({ type, data }) => (type === 'stage-start' ? String(data.stage) : type));
}

function questionOf(prompt: string): object {
  const rest = { options: null, answer: 'yes', explanation: 'because', passage_id: 1 };
  return { type: 'grammar', skill: 'x', prompt, ...rest };
}
