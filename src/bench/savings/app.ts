import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';
import { AbortContext } from '../../abort/index.js';
import { Database } from '../../database/index.js';
import { createQuizApp, issueTokens, type QuizApp } from '../harness/quiz-app.js';
import { serve, tell } from '../harness/serve.js';
import { QUIZ_HEADER, TASK_HEADER } from './labels.js';
import { LedgerRepository } from './ledger.repository.js';

const quizIndex = new AsyncLocalStorage<number>();
let app: QuizApp | undefined;

function running(): QuizApp {
  if (!app) throw new Error('The app has not been started.');
  return app;
}

function read<T>(ask: (ledger: LedgerRepository) => Promise<T>): Promise<T> {
  const ledger = new LedgerRepository(running().get(Database));
  return running()
    .get(AbortContext)
    .detached('reading the books of a benchmark', () => ask(ledger));
}

interface Incoming {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** Tells that a quiz has been asked for, once its body has been read, and remembers which one for all that follows from it. */
function followQuizzes(): void {
  const onArrival = ({ headers }: Incoming, _reply: unknown, done: () => void): void => {
    const index = Number(headers[QUIZ_HEADER]);
    tell('arrived', index);
    quizIndex.run(index, done);
  };
  running().getHttpAdapter().getInstance().addHook('preHandler', onArrival);
}

interface Outgoing {
  addHeader(name: string, value: string): void;
}

/** Says on each call to the model for which quiz and task it is made. */
function labelCalls(context: AbortContext): void {
  subscribe('undici:request:create', (message) => {
    const { request } = message as { request: Outgoing };
    const index = quizIndex.getStore();
    if (index === undefined) return;
    request.addHeader(QUIZ_HEADER, String(index));
    request.addHeader(TASK_HEADER, context.scope.id);
  });
}

/** The whole app in a process of its own, and its books. */
const api = {
  async start(modelUrl: string, env: Readonly<Record<string, string>>): Promise<string> {
    app = await createQuizApp(modelUrl, env);
    followQuizzes();
    labelCalls(app.get(AbortContext));
    await app.listen(0, '127.0.0.1');
    return await app.getUrl();
  },
  tokens: (subjects: readonly string[]) => issueTokens(running(), subjects),
  ledger: () => read((ledger) => ledger.rows()),
  progress: () => read((ledger) => ledger.progress()),
};
export type SavingsApp = typeof api;

serve(api, async () => {
  await app?.close();
});
