import { performance } from 'node:perf_hooks';
import type { ModelCall } from '../llm/offline/index.js';
import { comesAbout, type Condition } from './condition.js';
import { nameCall } from './describe-call.js';
import { describeError } from './describe-error.js';
import { describeList } from './describe-list.js';
import type { Disconnect } from './disconnect.js';

const LONGEST_NAME = 120;

/** A piece of work that somebody saw begin: a statement, a message sent, a file written. */
export interface Work {
  readonly name: string;
  /** When it began (`performance.now()`). */
  readonly at: number;
}

export interface NoWorkOptions {
  /**
   * The app's own word that the request is over: that its handler has settled (`endOf`), a line in its log, a row in its database. Work
   * that would begin later than that is none of this request's.
   */
  readonly settled?: Condition;
  /** Other work that must not begin, by what it is: `{ statement: () => journal.map(({ sql, startedAt }) => ({ name: sql, at: startedAt })) }`. */
  readonly witnesses?: Readonly<Record<string, () => Iterable<Work>>>;
  /**
   * What begins so many milliseconds after the cut is let pass: the news needs them, over a proxy or a network. Default 0: calls that are
   * made side by side need none.
   */
  readonly allowanceMs?: number;
  /** How long to wait for the calls in flight, and then for `settled`. Default 5000. */
  readonly timeoutMs?: number;
}

/**
 * Asserts that the work stopped: every call that was in flight was closed by its client (`client_closed`), and no call, and nothing that
 * a witness tells of, began after the cut. A call that arrived after it, and was closed unanswered by the time that those in flight were,
 * had been on its way, and is not blamed.
 *
 * Waits until the calls in flight are over, lets go of what is held at the stage, and waits for `settled`. Then whatever began is known
 * and named. Without `settled` the end is where the model server has answered a request sent after the last call in flight was closed: that
 * shows that the app stopped those and did not go on to the next one at once, but not what it does later, after a query or a pause.
 */
export async function expectNoWorkAfter(disconnect: Disconnect, options: NoWorkOptions = {}): Promise<void> {
  const faults = await findWorkAfter(disconnect, options);
  if (faults.length > 0) throw new Error(describeWork(disconnect, faults));
}

/** What went on or began, each in a line; nothing if the work stopped. */
export async function findWorkAfter(disconnect: Disconnect, options: NoWorkOptions = {}): Promise<string[]> {
  const { settled, witnesses = {}, allowanceMs = 0, timeoutMs = 5000 } = options;
  const wentOn = await findOpenCalls(disconnect, timeoutMs);
  await disconnect.arrivalsClosed();
  const inGoodFaith = disconnect.callsAfter.filter(isClosedUnanswered);
  disconnect.release();
  const unsettled = settled ? await missing(settled, timeoutMs) : [];
  await disconnect.model.caughtUp();
  const from = disconnect.at + allowanceMs;
  const calls = disconnect.callsAfter.filter((call) => !inGoodFaith.includes(call));
  const began = [...describeCalls(calls), ...describeWitnessed(witnesses)].filter(({ at }) => at >= from).sort((a, b) => a.at - b.at);
  return [...wentOn, ...unsettled, ...began.map(({ name, at, more }) => `${name} began ${after(disconnect, at)}${more}`)];
}

export function describeWork({ stage }: Disconnect, faults: readonly string[]): string {
  return `The client hung up (${stage}), and the work went on:\n  - ${describeList(faults, '\n  - ')}`;
}

/** Of the calls in flight at the cut, those that their client has not closed. */
async function findOpenCalls(disconnect: Disconnect, timeoutMs: number): Promise<string[]> {
  const { inFlight } = disconnect;
  await missing(() => inFlight.every(({ outcome }) => outcome !== undefined), timeoutMs);
  return inFlight.filter(({ outcome }) => outcome !== 'client_closed').map((call) => describeOpenCall(disconnect, call));
}

function describeOpenCall(disconnect: Disconnect, call: ModelCall): string {
  const { outcome, endedAt, chunksSent } = call;
  if (endedAt === undefined)
    return `${nameCall(call)} was still open ${after(disconnect, performance.now())}, ${chunksSent} chunks sent: nobody closed its connection`;
  return `${nameCall(call)} was not closed by its client: it ended ${after(disconnect, endedAt)} (${outcome}, ${chunksSent} chunks)`;
}

/** What is said where a condition did not come about. */
async function missing(condition: Condition, timeoutMs: number): Promise<string[]> {
  try {
    await comesAbout(condition, { timeoutMs, message: '`settled` never came about' });
    return [];
  } catch (error) {
    return [describeError(error)];
  }
}

interface Begun extends Work {
  readonly more: string;
}

/**
 * A call that was on its way when the app heard that its client had left, and was closed then like those in flight. It cannot have ended
 * otherwise before: all stand still.
 */
function isClosedUnanswered({ outcome, firstByteAt }: ModelCall): boolean {
  return outcome === 'client_closed' && firstByteAt === undefined;
}

function describeCalls(calls: readonly ModelCall[]): Begun[] {
  return calls.map((call) => ({
    name: nameCall(call),
    at: call.receivedAt,
    more: `, and ${call.outcome === undefined ? 'is still running' : `ended: ${call.outcome}`}`,
  }));
}

function describeWitnessed(witnesses: NoWorkOptions['witnesses'] = {}): Begun[] {
  return Object.entries(witnesses).flatMap(([kind, works]) =>
    [...works()].map(({ name, at }) => ({ name: `${kind} (${shorten(name)})`, at, more: '' })),
  );
}

/** A statement, in one line that can be read. */
function shorten(name: string): string {
  const line = name.replaceAll(/\s+/g, ' ').trim();
  return line.length > LONGEST_NAME ? `${line.slice(0, LONGEST_NAME)}…` : line;
}

/** `3.2 ms after the cut`. */
function after(disconnect: Disconnect, moment: number): string {
  return `${(moment - disconnect.at).toFixed(1)} ms after the cut`;
}
