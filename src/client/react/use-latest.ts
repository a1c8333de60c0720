import { useEffect, useLayoutEffect, useState } from 'react';
import { SupersededError } from '../errors.js';
import { LatestCalls, type Latest } from '../latest.js';

const KEY = 'useLatest';

/** React 18 complains of layout effects where there is nothing to lay out. */
const useEarlyEffect = 'window' in globalThis ? useLayoutEffect : useEffect;

/**
 * One call at a time for this component, of which only the latest is ever delivered: `latest((signal) => hangup.quizzes.generate(input,
 * { signal }))`. The function stays the same from render to render. A newer call takes the place of the one before, and so does leaving:
 * when the component is unmounted, what it asked for is cancelled, and its promise rejects with `SupersededError` at once. Rendering
 * again, or waiting in a Suspense boundary, cancels nothing. A component that is no longer there asks nothing: such a call rejects
 * without its work being begun.
 */
export function useLatest(): Latest {
  const [visit] = useState(() => new Visit());
  // A component that is mounted again is back before the effects of its children, which may call it; only their layout effects come before.
  useEarlyEffect(() => visit.begin(), [visit]);
  useEffect(() => {
    visit.begin();
    return () => visit.end();
  }, [visit]);
  return visit.latest;
}

/** From mount to unmount, and again where React mounts the same component anew (StrictMode, Activity). */
class Visit {
  readonly #calls = new LatestCalls().of(KEY);
  readonly latest: Latest = Object.assign(
    <T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> =>
      this.#isOver ? Promise.reject(new SupersededError(KEY)) : this.#calls(work),
    { stop: () => this.#calls.stop() },
  );
  #isOver = false;

  begin(): void {
    this.#isOver = false;
  }

  end(): void {
    this.#isOver = true;
    // A component that is mounted again at once, as StrictMode does it, has not been left.
    void Promise.resolve().then(() => {
      if (this.#isOver) this.latest.stop();
    });
  }
}
