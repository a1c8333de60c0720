import { useState } from 'react';
import { useLatest, useTask } from '../../../src/client/react/index.js';
import { hangup } from './hangup.js';
import { TaskView } from './task-view.js';

const QUIZ = { book_id: 1, chapter_id: 101, exercise_type: 'vocabulary', question_count: 3 } as const;

/** A task, and another control beside it. */
export function QuizPage() {
  const quiz = useTask((signal) => {
    const { isDeaf, ...asked } = drive.asked;
    return hangup.quizzes.generate(QUIZ, { ...asked, ...(!isDeaf && { signal }) });
  });
  const latest = useLatest();
  const [books, setBooks] = useState<number>();
  const readBooks = async (): Promise<void> => setBooks((await latest((signal) => hangup.books.list({ signal }))).books.length);
  return (
    <>
      <TaskView {...quiz}>{quiz.data?.quiz.questions.map(({ prompt }) => prompt).join('\n')}</TaskView>
      <button id="read-books" onClick={() => void readBooks()} />
      <output id="books">{books}</output>
    </>
  );
}
