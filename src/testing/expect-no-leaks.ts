import { HandleWatch } from './handle-watch.js';

/**
 * Asserts that work leaves no timer, socket, server, process or worker behind that it made, and resolves with its answer. For a unit that
 * cleans up behind itself; an app that pools connections is looked at with `expectNoGrowth`. Rejects with each that is left and where in
 * the code it was made; work that fails rejects as it does.
 */
export async function expectNoLeaks<T>(work: () => T | Promise<T>): Promise<T> {
  const watch = new HandleWatch();
  try {
    const answer = await work();
    await watch.nothingIsLeft();
    return answer;
  } finally {
    watch.stop();
  }
}
