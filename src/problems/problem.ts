import { z } from 'zod';

/** The media type of RFC 9457. */
export const PROBLEM_JSON = 'application/problem+json';

export const fieldError = z.object({ pointer: z.string(), detail: z.string() });
export type FieldError = Readonly<z.infer<typeof fieldError>>;

/** An RFC 9457 problem. `code` is stable, for programs; `detail` is for people. */
export const problem = z
  .object({
    type: z.literal('about:blank'),
    title: z.string(),
    status: z.int(),
    code: z.string().meta({ description: 'stable, for programs' }),
    detail: z.string().meta({ description: 'for people' }),
    errors: z
      .array(fieldError)
      .optional()
      .meta({ description: 'what is wrong with which part of the request: JSON pointers such as /body/question_count' }),
  })
  .meta({ description: 'A problem as RFC 9457 has it' });
export type Problem = Readonly<z.infer<typeof problem>>;

/** The problem that answers a stopped task says which, and how it stopped; one that stopped before there was a task says neither. */
export const stopProblem = problem
  .extend({
    task_id: z.uuid().optional().meta({ description: 'the task that was stopped, where there was one' }),
    receipt: z.looseObject({}).optional().meta({ description: 'how it has stopped' }),
  })
  .meta({ description: 'A problem as RFC 9457 has it, with the receipt of a task that was stopped' });
