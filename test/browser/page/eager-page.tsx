import { Suspense, use, useEffect, useState } from 'react';
import { useTask } from '../../../src/client/react/index.js';
import { hangup } from './hangup.js';
import { TaskView } from './task-view.js';

const QUIZ = { book_id: 1, chapter_id: 101, exercise_type: 'vocabulary', question_count: 3 } as const;

/** Asks as soon as it is there, by an effect of its child; and waits for something else now and then. */
export function EagerPage() {
  const [wait, setWait] = useState<Promise<void>>();
  return (
    <>
      <button id="suspend" onClick={() => setWait(new Promise((resolve) => setTimeout(resolve, 50)))} />
      <Suspense fallback="waiting">
        <Eager />
        {wait && <Waiting promise={wait} />}
      </Suspense>
    </>
  );
}

function Eager() {
  const quiz = useTask((signal) => hangup.quizzes.generate(QUIZ, { signal }));
  return (
    <>
      <TaskView {...quiz}>{quiz.data?.task_id}</TaskView>
      <OnMount run={quiz.run} />
    </>
  );
}

function OnMount({ run }: { readonly run: () => void }) {
  useEffect(() => {
    drive.runAgain = run;
    run();
  }, [run]);
  return null;
}

function Waiting({ promise }: { readonly promise: Promise<void> }) {
  use(promise);
  return <output id="books">waited</output>;
}
