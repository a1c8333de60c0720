import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import { useLatest, useTask } from './index.js';

/** Names what its types promise of each status: it compiles only if they tell them apart. */
function Page() {
  const latest = useLatest();
  const quiz = useTask((signal, id: number) => latest(() => Promise.resolve({ id, isAborted: signal.aborted })));
  const said = quiz.status === 'done' ? quiz.data.id : quiz.status === 'failed' ? quiz.error.message : quiz.status;
  const reply = useTask(words, (text, { data }) => text + data, 'so far: ');
  return createElement('p', null, `${said}, ${reply.data}`);
}

async function* words(): AsyncGenerator<{ readonly type: string; readonly data: string }> {
  yield await Promise.resolve({ type: 'text-delta', data: 'hello' });
}

describe('a task of a component that is rendered on a server', () => {
  afterEach(() => void jest.restoreAllMocks());

  it('is idle, has what it begins with, and gives React nothing to complain of', () => {
    const complaints = jest.spyOn(console, 'error').mockImplementation(() => undefined);
    expect(renderToString(createElement(Page))).toBe('<p>idle, so far: </p>');
    expect(complaints).not.toHaveBeenCalled();
  });
});
