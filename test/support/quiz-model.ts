import type { ChatRequest, ModelCall } from '../../src/llm/offline/index.js';

/** The JSON document that a call gives the model to work on. Its fields are what the prompts in `src/quizzes` put there. */
export interface Material {
  readonly task: string;
  readonly question_count: number;
  readonly weak_skills: readonly { readonly skill: string; readonly accuracy: number }[];
  readonly passages: readonly { readonly id: number; readonly skill: string; readonly text: string }[];
  readonly already_asked: readonly string[];
  readonly feedback: readonly string[];
  readonly questions: readonly { readonly index: number; readonly prompt: string }[];
  readonly [field: string]: unknown;
}

export function materialOf({ messages }: ChatRequest): Material {
  const { content } = messages.findLast(({ role }) => role === 'user') ?? {};
  return JSON.parse(typeof content === 'string' ? content : '') as Material;
}

/** What the calls of a purpose were given, in order. */
export function materialsOf(journal: readonly ModelCall[], purpose: string): Material[] {
  return journal.flatMap((call) => (call.kind === 'chat' && call.purpose === purpose ? [materialOf(call.request)] : []));
}

/** An evaluator that accepts the questions for which `accepts` says so, and refuses all others for one reason. */
export function evaluator(accepts: (index: number) => boolean, reason = 'too hard') {
  return {
    text: (request: ChatRequest): string => {
      const verdicts = materialOf(request).questions.map(({ index }) => ({
        index,
        level_ok: accepts(index),
        correct: true,
        grounded: true,
        reason: accepts(index) ? 'fine' : reason,
      }));
      return JSON.stringify({ verdicts });
    },
  };
}

/** A writer whose questions are numbered, each resting on the first passage given unless told otherwise. */
export function writer(prompts: readonly string[], over: object = {}) {
  return {
    text: (request: ChatRequest): string => {
      const [passage] = materialOf(request).passages;
      const question = { type: 'grammar', skill: 'x', options: null, answer: 'yes', explanation: 'because', passage_id: passage?.id };
      return JSON.stringify({ questions: prompts.map((prompt) => ({ ...question, prompt, ...over })) });
    },
  };
}
