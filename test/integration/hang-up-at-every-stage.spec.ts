import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Type } from '@nestjs/common';
import { AbortContext } from '../../src/abort/index.js';
import { DisconnectTurns } from '../../src/abort/disconnect-turns.js';
import { CallLedger } from '../../src/llm/call-record.js';
import { ContentRepository } from '../../src/content/index.js';
import { EvaluateContentNode } from '../../src/quizzes/nodes/evaluate-content.node.js';
import { GenerateQuizNode } from '../../src/quizzes/nodes/generate-quiz.node.js';
import { QueryWeaknessNode } from '../../src/quizzes/nodes/query-weakness.node.js';
import { RetrieveContentNode } from '../../src/quizzes/nodes/retrieve-content.node.js';
import { TaskEnd } from '../../src/tasks/task-end.js';
import type { Receipt } from '../../src/tasks/index.js';
import { disconnectAt, eventually, expectNoWorkAfter, type Call, type Disconnect, type Stage } from '../../src/testing/index.js';
import { backends, type Backend } from '../support/backends.js';
import { DatabaseWatch } from '../support/locks.js';
import { holdAfter } from '../support/moments.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

const QUIZ = { book_id: 1, chapter_id: 101, exercise_type: 'vocabulary', question_count: 3 };
const DONE = '[QuizService] Quiz generation cancelled by client disconnect (chapter=101 user=learner)';

interface Row {
  readonly where: string;
  readonly callsAfter: number;
  readonly queriesAfter: number;
  readonly socketClosedMs: number | null;
  readonly stoppedMs: number | null;
}

/** A moment in a quiz's life at which its client hangs up. */
interface Moment {
  readonly name: string;
  readonly says: string;
  readonly stage: (app: TestApp) => Stage;
}

/** Between two stages: the first has done its work and does not return. */
function boundary<T extends object>(name: string, token: Type<T>, method: keyof T & string, says: string): Moment {
  return { name, stage: ({ app }) => holdAfter(app.get(AbortContext), app.get(token, { strict: false }), method), says };
}

/** In a call: before its first byte, or so many chunks into the answer. */
function inCall(purpose: string, chunks: number, says: string): Moment {
  const where = chunks === 0 ? 'before its first byte' : `${chunks} chunks into the answer`;
  return { name: `in ${purpose}, ${where}`, stage: () => ({ call: purpose, chunks }), says };
}

const MOMENTS: readonly Moment[] = [
  boundary('after the chapter was found', ContentRepository, 'findChapter', '[query_weakness] Client disconnected, skipping query'),
  boundary(
    'between query_weakness and retrieve_content',
    QueryWeaknessNode,
    'run',
    '[retrieve_content] Client disconnected, skipping query',
  ),
  inCall('embeddings', 0, '[retrieve_content] Client disconnected, aborting LLM call'),
  boundary(
    'between retrieve_content and generate_quiz',
    RetrieveContentNode,
    'run',
    '[generate_quiz] Client disconnected, aborting LLM call',
  ),
  inCall('quiz', 0, '[generate_quiz] Client disconnected, aborting LLM call'),
  inCall('quiz', 10, '[generate_quiz] Client disconnected, aborting LLM call'),
  boundary(
    'between generate_quiz and evaluate_content',
    GenerateQuizNode,
    'run',
    '[evaluate_content] Client disconnected, skipping evaluation',
  ),
  inCall('quiz_evaluation', 0, '[evaluate_content] Client disconnected, aborting LLM call'),
  inCall('quiz_evaluation', 10, '[evaluate_content] Client disconnected, aborting LLM call'),
  boundary('between evaluate_content and save_quiz', EvaluateContentNode, 'run', '[save_quiz] Client disconnected, skipping query'),
];

/** Where LangGraph would enter the next node: the first is the stage that was reached. */
const BETWEEN_NODES = /^between (\w+) and (?:retrieve_content|generate_quiz|evaluate_content)$/;

const LOCKED: readonly { table: string; says: string }[] = [
  { table: 'chapters', says: '[find_chapter] Client disconnected, cancelling query' },
  { table: 'question_results', says: '[query_weakness] Client disconnected, cancelling query' },
  { table: 'passages', says: '[retrieve_content] Client disconnected, cancelling query' },
  { table: 'quizzes', says: '[save_quiz] Client disconnected, cancelling query' },
];

describe.each(backends)('hanging up on a quiz, on %s', (backend: Backend) => {
  const table: Row[] = [];
  let app: TestApp;

  beforeAll(async () => {
    app = await startTestApp({ backend });
  }, 60_000);
  afterEach(() => {
    jest.restoreAllMocks();
    app.reset();
  });
  afterAll(async () => {
    print(backend, table);
    await app.close();
  });

  async function hangUp(call: Call): Promise<number> {
    const at = await call.hangUp();
    await call.answer;
    return at;
  }

  it.each(MOMENTS)('$name: nothing more begins, and the call in flight is cut', async ({ name, stage, says }) => {
    const client = await app.client();
    const disconnect = await disconnectAt(app.model, stage(app), () => client.post('/api/quizzes/generate', QUIZ));
    await expectNoWorkAfter(disconnect, { settled: () => app.logs.messages.includes(DONE), witnesses: app.queries.witnesses });
    table.push(rowOf(name, disconnect, app));
    expect(app.logs.at('error')).toEqual([]);
    expect(app.logs.messages).toContain(says);
    const listed = await client.get('/api/quizzes').answer;
    expect(listed?.json()).toEqual({ quizzes: [] });
  });

  it.each(MOMENTS)('as one of a crowd, $name: the call is cut first, and nothing begins until the rest unwinds', async (moment) => {
    const turns = app.app.get(DisconnectTurns, { strict: false });
    const client = await app.client();
    // Nobody else leaves, so it would be over at once.
    const over = jest.spyOn(turns, 'expectNoMore').mockImplementation(() => undefined);
    const calm = (): void => {
      over.mockRestore();
      turns.expectNoMore();
    };
    turns.expectMore();
    try {
      const disconnect = await disconnectAt(app.model, moment.stage(app), () => client.post('/api/quizzes/generate', QUIZ));
      await Promise.all(disconnect.inFlight.map((call) => app.model.ended(call)));
      if (disconnect.inFlight.length > 0) expect(app.logs.messages).not.toContain(moment.says);
      const checked = expectNoWorkAfter(disconnect, {
        settled: () => app.logs.messages.includes(DONE),
        witnesses: app.queries.witnesses,
      });
      if (disconnect.inFlight.length === 0) await eventually(() => app.logs.messages.includes(moment.says));
      calm();
      await checked;
    } finally {
      calm();
    }
    expect(app.logs.at('error')).toEqual([]);
    expect(app.logs.messages).toContain(moment.says);
    const [, last] = BETWEEN_NODES.exec(moment.name) ?? [];
    if (last !== undefined) expect(app.logs.messages).toContainEqual(expect.stringContaining(`cancelled at ${last} (`));
  });

  const insideStatements = (): void => {
    let watch: DatabaseWatch;
    beforeAll(async () => {
      watch = await DatabaseWatch.open(app.databaseUrl!);
    });
    afterEach(() => watch.unlock());
    afterAll(() => watch.close());

    it.each(LOCKED)('waiting in $table: the statement is gone from the server', async ({ table: locked, says }) => {
      await watch.lock(locked);
      const call = (await app.client()).post('/api/quizzes/generate', QUIZ);
      await watch.waiting();
      const at = await hangUp(call);
      await eventually(() => app.logs.messages.includes(DONE));
      expect(await watch.activity()).toEqual([]);
      table.push({
        where: `in a statement on ${locked}`,
        callsAfter: 0,
        queriesAfter: app.queries.liveSince(at).length,
        socketClosedMs: null,
        stoppedMs: stoppedMs(app),
      });
      expect(app.queries.reports).toContainEqual(expect.objectContaining({ outcome: 'cancelled', isConfirmed: true }));
      expect(app.queries.liveSince(at)).toEqual([]);
      expect(app.logs.messages).toContain(says);
      await watch.unlock();
      expect(await watch.rows('select id from quizzes')).toEqual([]);
    });
  };
  // The embedded database cannot be interrupted: there a statement in flight runs to its end.
  if (backend === 'postgres') describe('inside a statement', insideStatements);

  it('after the quiz was stored: it stays, and is found again', async () => {
    const { gate } = holdAfter(app.app.get(AbortContext), app.app.get(TaskEnd, { strict: false }), 'completed');
    const client = await app.client('late-learner');
    const call = client.post('/api/quizzes/generate', QUIZ);
    await gate.reached;
    await hangUp(call);
    gate.open();
    await eventually(async () => {
      const list = await client.get('/api/quizzes').answer;
      expect(list?.json<{ quizzes: unknown[] }>().quizzes).toHaveLength(1);
    });
    expect(app.logs.at('error')).toEqual([]);
  });
});

describe('A call that is cut', () => {
  const say = async (app: TestApp, user: string): Promise<Call> =>
    (await app.client(user)).post(`/api/chat/sessions/${randomUUID()}/messages`, { content: 'Tell me more.' });

  it('gives its slot back before its books are closed', async () => {
    const app = await startTestApp({ env: { LLM_MAX_CONCURRENCY: '1' } });
    try {
      const { gate } = holdAfter(app.app.get(AbortContext), app.app.get(CallLedger, { strict: false }), 'close');
      const first = app.model.hold('chat');
      const call = await say(app, 'learner');
      await first.gate.reached;
      await call.hangUp();
      await gate.reached;
      const second = app.model.hold('chat');
      const next = await say(app, 'another');
      await second.gate.reached;
      await next.hangUp();
      gate.open();
    } finally {
      jest.restoreAllMocks();
      await app.close();
    }
  });

  it('of one of a crowd is not taken for one whose model has gone silent, however long the crowd takes', async () => {
    const app = await startTestApp({ env: { LLM_IDLE_TIMEOUT_MS: '2000', LLM_MAX_RETRIES: '0' } });
    const turns = app.app.get(DisconnectTurns, { strict: false });
    const over = jest.spyOn(turns, 'expectNoMore').mockImplementation(() => undefined);
    try {
      app.model.holdAll('chat');
      turns.expectMore();
      const call = await say(app, 'learner');
      const cut = await app.model.called('chat');
      await call.hangUp();
      await app.model.ended(cut);
      // Begun after it: when this one has waited for too long, so would the first have.
      const answer = await (await say(app, 'another')).answer;
      expect(answer?.text).toContain('"code":"upstream_timeout"');
      over.mockRestore();
      turns.expectNoMore();
      await eventually(() => app.logs.messages.some((msg) => msg.startsWith('[ChatService] Chat reply cancelled by client disconnect')));
    } finally {
      jest.restoreAllMocks();
      await app.close();
    }
  });
});

function rowOf(where: string, { at, inFlight, callsAfter }: Disconnect, app: TestApp): Row {
  const closedAt = inFlight[0]?.endedAt;
  return {
    where,
    callsAfter: callsAfter.length,
    queriesAfter: app.queries.liveSince(at).length,
    socketClosedMs: closedAt === undefined ? null : closedAt - at,
    stoppedMs: stoppedMs(app),
  };
}

function stoppedMs({ logs }: TestApp): number | null {
  const line = logs.lines.find(({ msg }) => msg === DONE) as unknown as { receipt?: Receipt } | undefined;
  const stops = line?.receipt?.layers.map(({ stopped_ms }) => stopped_ms ?? Infinity) ?? [];
  return stops.length > 0 ? Math.max(...stops) : null;
}

function print(backend: string, rows: readonly Row[]): void {
  const ms = (value: number | null) => (value === null ? '-' : value.toFixed(1)).padStart(8);
  const lines = rows.map(
    (row) =>
      `  ${row.where.padEnd(52)}${String(row.callsAfter).padStart(6)}${String(row.queriesAfter).padStart(8)}${ms(row.socketClosedMs)}${ms(row.stoppedMs)}`,
  );
  process.stdout.write(`\nhung up on ${backend.padEnd(46)} calls queries  socket stopped  (begun after; ms)\n${lines.join('\n')}\n`);
}
