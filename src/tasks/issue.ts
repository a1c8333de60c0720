import { z } from 'zod';
import { DomainError } from '../problems/index.js';
import { CANCEL, parseDisconnectPolicy, type DisconnectPolicy } from './disconnect-policy.js';

/** What a client says of a task that it issues: all of it optional, all of it in headers. */
export interface Issue {
  /** The id that the client chose, so that a cancel can overtake its task. */
  readonly taskId?: string;
  readonly clientId?: string;
  /** Milliseconds since 1970 by the client's own clock, strictly increasing for each client. */
  readonly issuedAt?: number;
  /** Names under which the task can be cancelled together with others. */
  readonly scopes: readonly string[];
  /** The whole task's time, in milliseconds. */
  readonly deadlineMs?: number;
  /** What becomes of the task when its client has gone. */
  readonly onDisconnect?: DisconnectPolicy;
}

/** A scope's name: no comma, which separates them in the header. */
export const scopeName = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .regex(/^[^,\p{Cc}]+$/u, 'must have no comma and no control character');

const MOST_SCOPES = 20;
const LONGEST_DEADLINE_MS = 24 * 3_600_000;

const wholeNumber = (max: number) =>
  z
    .string()
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value <= max, `must be at most ${max}`);

const HEADERS = {
  'x-task-id': z.uuid('must be a UUID').transform((id) => id.toLowerCase()),
  'x-client-id': z.string().min(1).max(200),
  'x-issued-at': wholeNumber(Number.MAX_SAFE_INTEGER),
  'x-scope': z
    .string()
    .transform((names) => names.split(',').filter((name) => name.trim() !== ''))
    .pipe(z.array(scopeName).max(MOST_SCOPES)),
  'x-deadline-ms': wholeNumber(LONGEST_DEADLINE_MS).refine((value) => value > 0, 'must be more than 0'),
  'x-on-disconnect': z.string().transform((text, context): DisconnectPolicy => {
    const policy = parseDisconnectPolicy(text.trim());
    if (!policy) context.addIssue('must be cancel, continue, or grace=MS with at most 600000');
    return policy ?? CANCEL;
  }),
};

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Reads the headers of a request that creates a task. Throws `validation_failed` that names the header. */
export function readIssue(headers: Headers): Issue {
  return {
    taskId: read(headers, 'x-task-id'),
    clientId: read(headers, 'x-client-id'),
    issuedAt: read(headers, 'x-issued-at'),
    scopes: read(headers, 'x-scope') ?? [],
    deadlineMs: read(headers, 'x-deadline-ms'),
    onDisconnect: read(headers, 'x-on-disconnect'),
  };
}

function read<K extends keyof typeof HEADERS>(headers: Headers, name: K): z.output<(typeof HEADERS)[K]> | undefined {
  const value = headers[name];
  if (value === undefined || value === '') return undefined;
  const parsed = HEADERS[name].safeParse(typeof value === 'string' ? value : value.join(','));
  if (parsed.success) return parsed.data as z.output<(typeof HEADERS)[K]>;
  const pointer = `/header/${name}`;
  const detail = parsed.error.issues[0]?.message ?? 'is not valid';
  throw new DomainError('validation_failed', `${pointer}: ${detail}`, { errors: [{ pointer, detail }] });
}
