import { randomUUID } from 'node:crypto';
import type { Answer, Call, SocketClient } from '../../src/testing/index.js';
import type { CancelAnswer, TaskView } from '../../src/tasks/index.js';

export const QUIZ = { book_id: 1, chapter_id: 101, exercise_type: 'vocabulary', question_count: 3 } as const;

/** What a learner's app does with tasks. */
export class TaskClient {
  constructor(readonly client: SocketClient) {}

  /** Asks for a quiz under an id of one's own. */
  quiz(id: string, headers: Readonly<Record<string, string>> = {}, over: object = {}): Call {
    return this.client.post('/api/quizzes/generate', { ...QUIZ, ...over }, { 'x-task-id': id, ...headers });
  }

  async cancel(id: string, body: object = {}, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return await answerOf(this.client.post(`/api/tasks/${id}/cancel`, body, headers));
  }

  async cancelled(id: string, body: object = {}): Promise<CancelAnswer> {
    return (await this.cancel(id, body)).json<CancelAnswer>();
  }

  async task(id: string): Promise<TaskView> {
    const answer = await answerOf(this.client.get(`/api/tasks/${id}`));
    if (answer.status !== 200) throw new Error(`No task ${id}: ${answer.text}`);
    return answer.json<TaskView>();
  }

  async tasks(query = ''): Promise<{ tasks: TaskView[]; next_cursor?: string }> {
    return (await answerOf(this.client.get(`/api/tasks${query}`))).json();
  }

  async cancelProject(project: string, headers: Readonly<Record<string, string>> = {}) {
    const answer = await answerOf(this.client.post(`/api/projects/${project}/cancel-tasks`, undefined, headers));
    return answer.json<{ project_id: string; cancelled_count: number; task_ids: string[]; pending: boolean }>();
  }
}

/** The answer to a call on which nobody hung up. */
export async function answerOf(call: Call): Promise<Answer> {
  const answer = await call.answer;
  if (!answer) throw new Error('Somebody hung up.');
  return answer;
}

export const newId = (): string => randomUUID();
