import { Suspense, use, useEffect, useState } from 'react';
import { useTask } from '../../../src/client/react/index.js';
import { hangup } from './hangup.js';
import { TaskView } from './task-view.js';

const QUIZ = { book_id: 1, chapter_id: 101, exercise_type: 'vocabulary', question_count: 3 } as const;

/** Waits for something else now and then. If it is eager, it asks as soon as it is there, by an effect of its child. */
export function WaitingPage({ isEager }: { readonly isEager: boolean }) {
  const [wait, setWait] = useState<PromiseWithResolvers<void>>();
  return (
    <>
      <button id="suspend" onClick={() => setWait(Promise.withResolvers())} />
      <button id="resume" onClick={() => wait?.resolve()} />
      <Suspense fallback={<output id="books">waits</output>}>
        <Quiz isEager={isEager} />
        {wait && <Waiting promise={wait.promise} />}
      </Suspense>
    </>
  );
}

function Quiz({ isEager }: { readonly isEager: boolean }) {
  const quiz = useTask((signal) => hangup.quizzes.generate(QUIZ, { signal }));
  return (
    <>
      <TaskView {...quiz}>{quiz.data?.task_id}</TaskView>
      {isEager && <OnMount run={quiz.run} />}
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
