import { CancelledError, HangupClient, type QuizEvent } from '@hangup/client';

declare const process: { readonly argv: readonly [string, string, baseUrl: string, token: string] };

const INPUT = { book_id: 1, chapter_id: 101, exercise_type: 'mixed', question_count: 2 } as const;

const [, , baseUrl, token] = process.argv;
const hangup = new HangupClient({ baseUrl, token });
const page = new AbortController();

/** Is aborted at its first question. */
async function stopped(): Promise<unknown> {
  try {
    for await (const event of hangup.quizzes.stream({ ...INPUT, question_count: 10 }, { signal: page.signal })) leaveAt(event);
  } catch (error) {
    if (error instanceof CancelledError) return await error.confirmation;
    throw error;
  }
  return 'was not stopped';
}

function leaveAt(event: QuizEvent): void {
  if (event.type === 'question') page.abort();
}

const { quiz, usage } = await hangup.quizzes.generate(INPUT);
const questions: string[] = quiz.questions.map(({ prompt }) => prompt);
console.log(JSON.stringify({ questions, tokens: usage.completion_tokens, stopped: await stopped() }));

/** What is no call of this client. */
export function wrong(): void {
  // @ts-expect-error An id of a book is a number.
  void hangup.quizzes.generate({ ...INPUT, book_id: '1' });
  // @ts-expect-error There is no such kind.
  void hangup.quizzes.generate({ ...INPUT, exercise_type: 'riddle' });
  // @ts-expect-error The answer key is nobody's before the answer.
  quiz.questions.map(({ answer }) => String(answer));
}
