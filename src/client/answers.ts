import { ConnectionLostError, NotHangupError, type HangupError } from './errors.js';
import { errorOf, parseJson, parseProblem } from './problem-error.js';

/** What is read of an answer: less than `fetch` gives, and no more than React Native and `XMLHttpRequest` have. */
export interface Answer {
  readonly ok: boolean;
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  /** Missing where the platform cannot stream. */
  readonly body?: ReadableStream<Uint8Array> | null;
  text(): Promise<string>;
}

/** What an answer of Hangup has, and that of something else has not. */
export interface Expected {
  readonly url: string;
  /** The task that was asked for: its id is told back. */
  readonly taskId?: string;
  /** A field of the answer. */
  readonly field?: string;
}

/** What a gateway answers whose server is not there at present. */
const FROM_A_GATEWAY = new Set([502, 503, 504]);

/** The JSON of an answer. Throws its problem, and `NotHangupError` where it is none of Hangup's. */
export async function readJson<T>(answer: Answer, expected: Expected): Promise<T> {
  const text = await textOf(answer, expected);
  if (!answer.ok) throw refusalOf(answer, text, expected);
  const value = parseJson(text);
  if (!hasField(value, expected.field) || isOfAnother(answer, expected)) throw notHangup(answer, text, expected);
  return value as T;
}

/** Passes for an answer that streams events. Throws as `readJson` does. */
export async function expectEvents(answer: Answer, expected: Expected): Promise<void> {
  const isStream = answer.ok && typeOf(answer) === 'text/event-stream';
  if (isStream && !isOfAnother(answer, expected)) return;
  if (isStream) {
    // Nobody reads it: the connection is closed, and what it says to that is of no use.
    answer.body?.cancel().catch(() => undefined);
    throw notHangup(answer, '', expected);
  }
  const text = await textOf(answer, expected);
  throw answer.ok ? notHangup(answer, text, expected) : refusalOf(answer, text, expected);
}

/** The whole body. Throws `ConnectionLostError` where it breaks off. */
export async function textOf(answer: Answer, { url, taskId }: Expected): Promise<string> {
  try {
    return await answer.text();
  } catch (cause) {
    throw new ConnectionLostError(`The connection broke before ${url} had answered.`, { taskId, cause });
  }
}

function refusalOf(answer: Answer, text: string, expected: Expected): HangupError {
  const { status } = answer;
  const { taskId } = expected;
  const problem = parseProblem(text);
  const seconds = answer.headers.get('retry-after');
  const retryAfterSeconds = seconds !== null && /^\d+$/.test(seconds) ? Number(seconds) : undefined;
  if (problem) return errorOf(problem, { taskId, retryAfterSeconds });
  if (FROM_A_GATEWAY.has(status)) return new ConnectionLostError(`A gateway answered ${status} for ${expected.url}.`, { status, taskId });
  return notHangup(answer, text, expected);
}

function isOfAnother({ headers }: Answer, { taskId }: Expected): boolean {
  return taskId !== undefined && headers.get('x-task-id') !== taskId;
}

function notHangup(answer: Answer, text: string, expected: Expected): NotHangupError {
  const { status } = answer;
  return new NotHangupError(expected.url, `${found(answer, text, expected)} (status ${status})`, { status, taskId: expected.taskId });
}

function found(answer: Answer, text: string, { taskId, field }: Expected): string {
  const type = typeOf(answer);
  const value = parseJson(text);
  if (type === 'text/html' || /^\s*<(!doctype|html)/i.test(text)) return 'a page of HTML';
  if (value === undefined && type !== 'text/event-stream') return type === '' ? 'something without a content type' : type;
  if (!answer.ok) return 'JSON that is no problem of Hangup';
  if (field !== undefined && !hasField(value, field)) return `JSON without "${field}"`;
  return isOfAnother(answer, { url: '', taskId }) ? 'an answer without the X-Task-Id that it was sent' : type;
}

function hasField(value: unknown, field?: string): boolean {
  return typeof value === 'object' && value !== null && (field === undefined || field in value);
}

function typeOf({ headers }: Answer): string {
  return (headers.get('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}
