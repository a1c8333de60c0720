import { isAbortOf } from './abort-reason.js';
import { abortStorage } from './abort-storage.js';

/**
 * For `@Catch`: what a library or Node throws when the signal of this very scope tells it to stop. Such errors have no class in common, only
 * what `isAbortOf` knows them by. The same error of anybody else's signal is none, and nor is it while the scope goes on.
 */
export abstract class AbortedWork {
  abstract readonly name: string;

  static [Symbol.hasInstance](error: unknown): boolean {
    const scope = abortStorage.getStore()?.scope;
    return scope?.isAborted === true && isAbortOf(error, scope.signal);
  }
}
