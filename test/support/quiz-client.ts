import type { SocketClient } from '../../src/testing/index.js';

export interface QuizAnswer {
  readonly id: string;
  readonly task_id: string;
  readonly exercise_type: string;
  readonly created_at: string;
  readonly questions: readonly QuestionAnswer[];
}

export interface QuestionAnswer {
  readonly id: string;
  readonly type: string;
  readonly skill: string;
  readonly prompt: string;
  readonly options: readonly string[] | null;
}

export interface Verdict {
  readonly task_id: string;
  readonly correct: boolean;
  readonly score: number;
  readonly explanation: string;
  readonly correct_answer: string;
}

/** A learner who makes quizzes and answers their questions. */
export class Learner {
  constructor(readonly client: SocketClient) {}

  async makeQuiz(over: object = {}): Promise<QuizAnswer> {
    const body = { book_id: 1, chapter_id: 101, exercise_type: 'mixed', question_count: 8, ...over };
    const answer = await this.client.post('/api/quizzes/generate', body).answer;
    if (answer?.status !== 200) throw new Error(`No quiz: ${answer?.text ?? 'hung up'}`);
    return answer.json<{ quiz: QuizAnswer }>().quiz;
  }

  async answer(quiz: QuizAnswer, question: QuestionAnswer, answer: string): Promise<Verdict> {
    const body = { quiz_id: quiz.id, question_id: question.id, answer };
    const said = await this.client.post('/api/quizzes/validate-answer', body).answer;
    if (said?.status !== 200) throw new Error(`No verdict: ${said?.text ?? 'hung up'}`);
    return said.json<Verdict>();
  }
}
