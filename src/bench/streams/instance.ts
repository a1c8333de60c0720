import { Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { queryObjects } from 'node:v8';
import { AbortContext, AbortScope } from '../../abort/index.js';
import { Database } from '../../database/index.js';
import { LiveTasks } from '../../tasks/index.js';
import { eventLoop } from '../harness/event-loop.js';
import { createQuizApp, issueTokens, type QuizApp } from '../harness/quiz-app.js';
import { serve } from '../harness/serve.js';
import { BooksRepository, type Books } from './books.repository.js';

/** What is alive in the instance after a full collection. */
export interface Census {
  readonly heapBytes: number;
  /** Connections of clients. */
  readonly connections: number;
  /** All sockets: of clients, to the model, and to the database. */
  readonly sockets: number;
  readonly tasks: number;
  readonly signals: number;
  readonly scopes: number;
  /** Timers, whether or not they keep the process alive. */
  readonly timers: number;
  /** Times that Node has warned of too many listeners. */
  readonly warnings: number;
}

const Timer = setTimeout(() => undefined, 0).constructor;
const connections = new Set<Socket>();
let warnings = 0;
let app: QuizApp | undefined;

process.on('warning', ({ name }) => {
  if (name === 'MaxListenersExceededWarning') warnings += 1;
});

function running(): QuizApp {
  if (!app) throw new Error('The app has not been started.');
  return app;
}

/** Compiled code that nothing has run for a while goes too: it would count as something left. */
async function collect(): Promise<void> {
  for (let i = 0; i < 5; i += 1) {
    globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    await turn();
  }
}

function count(constructor: Parameters<typeof queryObjects>[0]): number {
  return queryObjects(constructor, { format: 'count' });
}

/** The whole app in a process of its own, what is alive in it, and how long its event loop stood still. */
const api = {
  ...eventLoop,
  async start(modelUrl: string, env: Readonly<Record<string, string>>): Promise<string> {
    app = await createQuizApp(modelUrl, env);
    await app.listen(0, '127.0.0.1');
    app.getHttpServer().on('connection', (socket: Socket) => {
      connections.add(socket);
      socket.on('close', () => connections.delete(socket));
    });
    return await app.getUrl();
  },
  tokens: (subjects: readonly string[]) => issueTokens(running(), subjects),
  books(): Promise<Books> {
    const books = new BooksRepository(running().get(Database));
    return running()
      .get(AbortContext)
      .detached('reading the books of a benchmark', () => books.read());
  },
  /** Takes seconds, in which nothing else runs. */
  async census(): Promise<Census> {
    await collect();
    const { heapUsed } = process.memoryUsage();
    return {
      heapBytes: heapUsed,
      connections: connections.size,
      sockets: count(Socket),
      tasks: running().get(LiveTasks).all().length,
      signals: count(AbortSignal),
      scopes: count(AbortScope),
      timers: count(Timer),
      warnings,
    };
  },
};
export type Instance = typeof api;

serve(api, async () => {
  await app?.close();
});
