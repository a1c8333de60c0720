import { createApp } from '../../app.setup.js';
import { TokenVerifier } from '../../auth/index.js';
import { loadConfig } from '../../config/index.js';

const COMMON = { LOG_LEVEL: 'silent', HOST: '127.0.0.1', PORT: '0', OPENAI_API_KEY: 'bench', LLM_MODEL: 'openai:gpt-4o-mini' };

/** The whole app as `main.ts` starts it, talking to the model at `baseUrl` as if it were OpenAI. Not listening yet. */
export async function createQuizApp(baseUrl: string, env: Readonly<Record<string, string>>) {
  return await createApp(loadConfig({ ...COMMON, OPENAI_BASE_URL: baseUrl, ...env }));
}

export type QuizApp = Awaited<ReturnType<typeof createQuizApp>>;

/** A bearer token for each of these people. */
export async function issueTokens(app: QuizApp, subjects: readonly string[]): Promise<string[]> {
  const tokens = app.get(TokenVerifier);
  return await Promise.all(subjects.map((subject) => tokens.issue(subject)));
}
