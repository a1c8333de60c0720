import { Injectable } from '@nestjs/common';
import { Llm } from '../../llm/index.js';
import { DomainError } from '../../problems/index.js';
import { quizEvaluation, type DraftQuestion, type Verdict } from '../exercise.js';
import { evaluateQuizPrompt } from '../prompts.js';
import type { QuizState, Tell } from '../quiz-state.js';

/** Has the model judge level, correctness and grounding of each question. One LLM call; a question without a verdict is refused. */
@Injectable()
export class EvaluateContentNode {
  constructor(private readonly llm: Llm) {}

  async run(state: QuizState, tell: Tell): Promise<Partial<QuizState>> {
    const verdicts = await this.#verdicts(state);
    const judged = state.draft.map((question, index) => ({
      question,
      refusal: refusalOf(
        question,
        verdicts.find((each) => each.index === index),
      ),
    }));
    const refusals = judged.flatMap(({ refusal }) => refusal ?? []);
    const accepted = judged.filter(({ refusal }) => !refusal).map(({ question }) => question);
    const rejected = judged.flatMap(({ question: { id }, refusal: reason }) => (reason === undefined ? [] : { id, reason }));
    tell('evaluation', { attempt: state.attempts, accepted: accepted.map(({ id }) => id), rejected });
    return {
      accepted: [...state.accepted, ...accepted],
      rejected: state.rejected + refusals.length,
      feedback: refusals,
      draft: [],
    };
  }

  async #verdicts(state: QuizState): Promise<readonly Verdict[]> {
    try {
      const call = {
        messages: evaluateQuizPrompt(state),
        name: 'quiz_evaluation',
        schema: quizEvaluation,
        skipping: 'skipping evaluation',
      };
      return (await this.llm.structured(call)).verdicts;
    } catch (error) {
      if (error instanceof DomainError && error.code === 'invalid_model_output') return [];
      throw error;
    }
  }
}

function refusalOf({ prompt }: DraftQuestion, verdict: Verdict | undefined): string | undefined {
  if (verdict?.level_ok && verdict.correct && verdict.grounded) return undefined;
  return `"${prompt}" was refused: ${verdict?.reason ?? 'the evaluator gave no verdict on it'}`;
}
