import { eventLoop } from '../harness/event-loop.js';
import { createQuizApp, issueTokens } from '../harness/quiz-app.js';
import { serve } from '../harness/serve.js';
import type { ContestantApi } from './contestants.js';

let close: () => Promise<void> = () => Promise.resolve();

/** The real thing: a quiz in the making, through guard, graph, gateway and ledger. */
const api = {
  ...eventLoop,
  async start(modelUrl: string, env: Readonly<Record<string, string>>) {
    const app = await createQuizApp(modelUrl, env);
    close = () => app.close();
    await app.listen(0, '127.0.0.1');
    const [token] = await issueTokens(app, ['learner']);
    const body = JSON.stringify({ book_id: 1, chapter_id: 101, exercise_type: 'mixed' });
    return { url: `${await app.getUrl()}/api/quizzes/generate`, headers: { authorization: `Bearer ${token ?? ''}` }, body };
  },
} satisfies ContestantApi;

serve(api, () => close());
