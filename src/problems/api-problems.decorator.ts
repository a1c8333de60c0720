import { ApiExtension } from '@nestjs/swagger';
import type { ProblemCode } from './problem-status.js';

/** Where the codes stand in a description that is not complete yet. */
export const OWN_PROBLEMS = 'x-problems';

/**
 * Publishes the problems that a route has of its own. Those that come with a token, a parameter or a body are known from its shape and
 * not named here: `describeProblems` adds them.
 */
export function ApiProblems(...codes: readonly ProblemCode[]): MethodDecorator {
  return ApiExtension(OWN_PROBLEMS, codes);
}
