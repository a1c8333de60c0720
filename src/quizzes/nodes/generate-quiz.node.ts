import { Injectable } from '@nestjs/common';
import { Llm } from '../../llm/index.js';
import { DomainError } from '../../problems/index.js';
import { draftQuiz, type DraftQuestion } from '../exercise.js';
import { writeQuizPrompt } from '../prompts.js';
import { missingQuestions, type QuizState } from '../quiz-state.js';

const NOTHING_USABLE = 'None of the questions rested on one of the passages given, or all of them had been asked already.';

/** Has the model write the questions that are still missing. One LLM call; what does not fit the schema counts as a failed attempt. */
@Injectable()
export class GenerateQuizNode {
  constructor(private readonly llm: Llm) {}

  async run(state: QuizState): Promise<Partial<QuizState>> {
    const attempts = state.attempts + 1;
    try {
      const { questions } = await this.llm.structured({ messages: writeQuizPrompt(state), name: 'quiz', schema: draftQuiz });
      const draft = usable(questions, state);
      return { draft, attempts, ...(draft.length === 0 && { feedback: [NOTHING_USABLE] }) };
    } catch (error) {
      if (!(error instanceof DomainError) || error.code !== 'invalid_model_output') throw error;
      return { draft: [], feedback: [error.message], attempts };
    }
  }
}

/** Rests on a passage that was given, has not been asked before, and is no more than was asked for. */
function usable(questions: readonly DraftQuestion[], state: QuizState): DraftQuestion[] {
  const known = new Set(state.passages.map(({ id }) => id));
  const asked = new Set(state.accepted.map(({ prompt }) => prompt));
  const fresh = questions.filter(({ passage_id, prompt }) => known.has(passage_id) && !asked.has(prompt) && asked.add(prompt));
  return fresh.slice(0, missingQuestions(state));
}
