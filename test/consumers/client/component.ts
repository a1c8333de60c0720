import { HangupClient, type Latest } from '@hangup/client';
import { useLatest, useTask } from '@hangup/client/react';
import { createElement, type ReactNode } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';

const hangup = new HangupClient({ baseUrl: 'http://127.0.0.1', token: 'token' });

function Quiz(): ReactNode {
  const latest: Latest = useLatest();
  const quiz = useTask((signal, chapter: number) =>
    hangup.quizzes.generate({ book_id: 1, chapter_id: chapter, exercise_type: 'mixed' }, { signal }),
  );
  const prompts = quiz.status === 'done' ? quiz.data.quiz.questions.map(({ prompt }) => prompt) : [];
  return createElement('p', { onClick: () => quiz.run(101), onBlur: () => latest.stop() }, quiz.status, ...prompts);
}

console.log(renderToStaticMarkup(createElement(Quiz)));

/** What is no task of these hooks. */
export function Wrong(): ReactNode {
  const quiz = useTask((signal, id: string) => hangup.quizzes.get(id, { signal }));
  // @ts-expect-error There is no quiz before it is done.
  return quiz.data.created_at;
}
