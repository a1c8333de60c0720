import { z } from 'zod';
import { ABORT_CAUSES } from '../abort/index.js';

const DEFAULT_DAYS = 30;
const MOST_DAYS = 366;
const DAY_MS = 86_400_000;

const moment = z.union([z.iso.date(), z.iso.datetime({ offset: true })], { error: 'must be a date or a date and time, as in ISO 8601' });

/** A day stands for its first moment, in UTC. */
export const usageQuery = z
  .object({
    from: moment.optional().meta({ description: `from this moment on, that included; ${DEFAULT_DAYS} days before \`to\` if left out` }),
    to: moment.optional().meta({ description: 'up to this moment, that excluded; now if left out' }),
    owner: z
      .string()
      .min(1)
      .max(1000)
      .refine((text) => !text.includes('\0'), 'must not contain NUL')
      .optional()
      .meta({ description: 'for administrators: whose usage; everybody`s if left out' }),
  })
  .superRefine(({ from, to }, context) => {
    const { startMs, endMs } = boundsOf({ from, to }, Date.now());
    if (startMs >= endMs) context.addIssue({ code: 'custom', path: ['from'], message: 'must be before `to`' });
    else if (endMs - startMs > MOST_DAYS * DAY_MS)
      context.addIssue({ code: 'custom', path: ['from'], message: `must be at most ${MOST_DAYS} days before \`to\`` });
  });
export type UsageQuery = z.infer<typeof usageQuery>;

/** From `from`, that included, to `to`, that excluded. */
export interface Period {
  readonly from: Date;
  readonly to: Date;
}

export function periodOf(query: Pick<UsageQuery, 'from' | 'to'>): Period {
  const { startMs, endMs } = boundsOf(query, Date.now());
  return { from: new Date(startMs), to: new Date(endMs) };
}

function boundsOf({ from, to }: Pick<UsageQuery, 'from' | 'to'>, now: number): { startMs: number; endMs: number } {
  const endMs = to === undefined ? now : Date.parse(to);
  return { startMs: from === undefined ? endMs - DEFAULT_DAYS * DAY_MS : Date.parse(from), endMs };
}

const spent = z
  .object({
    calls: z.int(),
    open_calls: z.int().meta({ description: 'under way, or left by a process that died: without tokens and cost as yet' }),
    estimated_calls: z.int().meta({ description: 'cut before the provider could count: their tokens are counted here' }),
    unpriced_calls: z.int().meta({ description: 'of models without a known price: their cost stands here as 0' }),
    prompt_tokens: z.int(),
    completion_tokens: z.int(),
    cost_usd: z.number(),
  })
  .meta({ id: 'Spent' });
export type Spent = z.infer<typeof spent>;

const saved = z
  .object({
    calls: z.int().meta({ description: 'LLM calls that were still ahead of tasks that were cancelled' }),
    unpriced_calls: z
      .int()
      .meta({ description: 'those of them of whose stage no priced call has completed yet: counted, worth nothing here' }),
    cost_usd: z.number().meta({ description: 'calls avoided × the mean cost of the completed calls of that stage for that kind' }),
    rests_on_calls: z.int().meta({ description: 'how many completed calls the means rest on' }),
  })
  .meta({ id: 'Saved' });
export type Saved = z.infer<typeof saved>;

const cancels = z
  .object({
    tasks: z.int(),
    rate: z.number().nullable().meta({ description: 'their part of the tasks that ended, 0 to 1; null where none has' }),
  })
  .meta({ id: 'Cancels' });
export type Cancels = z.infer<typeof cancels>;

const tally = {
  spent,
  wasted: spent.meta({ description: 'the part of spent that went to tasks that were then cancelled' }),
  saved,
  cancels,
};

export const usageReport = z
  .object({
    from: z.iso.datetime(),
    to: z.iso.datetime(),
    owner: z.string().nullable().meta({ description: 'null: everybody' }),
    prices_as_of: z.iso.date().meta({ description: 'the date of the prices in force' }),
    budget: z
      .object({
        usd_per_day: z.number(),
        spent_usd: z.number().meta({ description: 'since 00:00 UTC, whatever time was asked for' }),
        reserved_usd: z.number().meta({ description: 'for calls that are under way' }),
        left_usd: z.number(),
      })
      .nullable()
      .meta({ description: 'of one user, today; null where there is none, and for everybody together' }),
    history_since: z.iso.datetime().meta({ description: 'tasks that ended before are forgotten, and with them what was wasted and saved' }),
    ended_tasks: z.int(),
    ...tally,
    by_day: z.array(z.object({ day: z.iso.date(), ended_tasks: z.int(), ...tally })),
    by_kind: z.array(z.object({ kind: z.string(), ended_tasks: z.int(), ...tally })),
    by_cause: z.array(z.object({ cause: z.enum(ABORT_CAUSES), wasted: spent, saved, cancels })),
    by_stage: z.array(
      z.object({
        kind: z.string(),
        stage: z.string().nullable().meta({ description: 'of items as one: `file classify`; null: before any work' }),
        mean: z
          .object({ cost_usd: z.number(), calls: z.int() })
          .nullable()
          .meta({ description: 'what a completed call of it costs, and how many that rests on' }),
        ...tally,
      }),
    ),
  })
  .meta({ id: 'UsageReport' });
export type UsageReport = z.infer<typeof usageReport>;
