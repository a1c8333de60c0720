import { subscribe } from 'node:diagnostics_channel';
import { AbortContext } from '../../abort/index.js';
import { createQuizApp, issueTokens, type QuizApp } from '../harness/quiz-app.js';
import { serve } from '../harness/serve.js';
import { TASK_HEADER } from './labels.js';

interface Outgoing {
  addHeader(name: string, value: string): void;
}

let app: QuizApp | undefined;

function labelCalls(context: AbortContext): void {
  subscribe('undici:request:create', (message) => {
    const task = context.frame?.scope.id;
    if (task !== undefined) (message as { request: Outgoing }).request.addHeader(TASK_HEADER, task);
  });
}

/** The whole app in a process of its own, whose calls to the model say for which task they are made. */
const api = {
  async start(modelUrl: string, env: Readonly<Record<string, string>>): Promise<{ url: string; token: string }> {
    app = await createQuizApp(modelUrl, env);
    labelCalls(app.get(AbortContext));
    await app.listen(0, '127.0.0.1');
    const [token = ''] = await issueTokens(app, ['learner']);
    return { url: `${await app.getUrl()}/api/quizzes/generate`, token };
  },
};
export type LabellingInstance = typeof api;

serve(api, async () => {
  await app?.close();
});
