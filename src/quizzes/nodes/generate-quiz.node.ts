import { Injectable } from '@nestjs/common';
import { Llm } from '../../llm/index.js';
import { DomainError } from '../../problems/index.js';
import { Candidates } from '../candidates.js';
import { draftQuiz, type Candidate } from '../exercise.js';
import { writeQuizPrompt } from '../prompts.js';
import type { QuizState, Tell } from '../quiz-state.js';

const NOTHING_USABLE = 'None of the questions rested on one of the passages given, or all of them had been asked already.';

/**
 * Has the model write the questions that are still missing, and tells each as soon as it stands in the answer. One LLM call; what does not
 * fit the schema counts as a failed attempt, and takes back what was told of it.
 */
@Injectable()
export class GenerateQuizNode {
  constructor(private readonly llm: Llm) {}

  async run(state: QuizState, tell: Tell): Promise<Partial<QuizState>> {
    const attempts = state.attempts + 1;
    const candidates = new Candidates(state, (candidate) => tell('question', toQuestion(candidate, attempts)));
    try {
      const draft = await this.#write(state, candidates);
      return { draft, attempts, ...(draft.length === 0 && { feedback: [NOTHING_USABLE] }) };
    } catch (error) {
      if (!(error instanceof DomainError) || error.code !== 'invalid_model_output') throw error;
      const rejected = candidates.found.map(({ id }) => ({ id, reason: error.message }));
      tell('evaluation', { attempt: attempts, accepted: [], rejected });
      return { draft: [], feedback: [error.message], attempts };
    }
  }

  async #write(state: QuizState, candidates: Candidates): Promise<readonly Candidate[]> {
    const elements = { list: 'questions', onElement: (value: unknown, index: number) => candidates.offer(value, index) };
    const { questions } = await this.llm.structured({ messages: writeQuizPrompt(state), name: 'quiz', schema: draftQuiz, elements });
    // An answer in which no elements were found while it came may be whole all the same.
    questions.forEach((question, index) => candidates.offer(question, index));
    return candidates.found;
  }
}

/** As a learner sees it: without its answer. It may still be refused. */
function toQuestion({ id, type, skill, prompt, options }: Candidate, attempt: number): object {
  return { attempt, question: { id, type, skill, prompt, options } };
}
