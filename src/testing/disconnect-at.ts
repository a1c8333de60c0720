import { toCondition, type CallMatch } from './call-match.js';
import { comesAbout, type Condition } from './condition.js';
import { describeJournal } from './describe-call.js';
import { describeError } from './describe-error.js';
import { Disconnect } from './disconnect.js';
import type { Gate } from './gate.js';
import type { HoldOptions } from './model-hold.js';
import type { ScriptedModelServer } from './scripted-model-server.js';
import { ServerSide } from './server-side.js';
import type { Answer, Call } from './socket-client.js';

const DEADLINE_MS = 10_000;

/** In a model call: before its first byte, or so many chunks into its answer. */
export interface CallStage extends HoldOptions {
  readonly call: CallMatch;
}

/** Where code of yours waits at a gate: a repository, a tool, a step of a graph that a test has put a `gate.wait()` into. */
export interface GateStage {
  readonly gate: Gate;
  /**
   * When the app knows that its client left: the gate is not to open before, or work would go on that nobody has told yet. Default: when
   * an HTTP/1 server of this process has seen the connection close. Needed for HTTP/2, and for an app in another process or behind a proxy.
   */
  readonly told?: Condition;
}

export type Stage = CallStage | GateStage;

export interface DisconnectOptions {
  /** Which calls are made for this client, where the model serves others at the same time. Default: all. */
  readonly calls?: CallMatch;
}

/** Work that is held: how to know that it is there, when it has heard of the cut, and how to let it go. */
interface Held {
  readonly name: string;
  readonly gate: Gate;
  told(port: number | undefined): Promise<void>;
  stop(): void;
}

/**
 * A client that hangs up at a stage. Sends the request, holds the work there, cuts the client's socket, and resolves with what was going
 * on at that moment. The work is still held then: `expectNoWorkAfter` lets go of it. Nothing here depends on how fast anything is.
 *
 * From the stage on, all calls that are made for this client are held, so that those which the app makes side by side are in flight at
 * the cut, too. They go on when `expectNoWorkAfter` lets them, or once the calls in flight at the cut are closed, or after 10 s.
 *
 * Rejects when the request is answered, or its connection fails, before the work has come to the stage, and after 10 s.
 */
export async function disconnectAt(
  model: ScriptedModelServer,
  stage: Stage,
  send: () => Call,
  { calls = () => true }: DisconnectOptions = {},
): Promise<Disconnect> {
  const held = 'gate' in stage ? holdAtGate(stage) : holdInCall(model, stage);
  const isMeant = toCondition(calls);
  let call: Call | undefined;
  let others: Gate | undefined;
  try {
    call = send();
    await arrival(model, held, call);
    // What the app does side by side with it is not to end of itself while the client leaves, nor to be missed because it is on its way.
    others = model.holdAll(isMeant);
    await model.caughtUp();
    const begun = model.journal.filter(isMeant);
    const inFlight = begun.filter(({ outcome }) => outcome === undefined);
    const { localPort } = call;
    const at = await call.hangUp();
    await held.told(localPort);
    const disconnect = new Disconnect({ stage: held.name, at, begun, inFlight }, model, isMeant, [held.gate, others]);
    void releaseOnceClosed(disconnect, others);
    return disconnect;
  } catch (error) {
    held.gate.open();
    others?.open();
    await call?.hangUp();
    throw error;
  } finally {
    held.stop();
  }
}

/** Calls of other clients may be among those that stand still: they go on once it is seen which were closed because this one left. */
async function releaseOnceClosed(disconnect: Disconnect, others: Gate): Promise<void> {
  try {
    await Promise.all(disconnect.inFlight.map((call) => disconnect.model.ended(call)));
    await disconnect.arrivalsClosed();
  } catch {
    // A call that nobody closes, or a server that was stopped.
  } finally {
    others.open();
  }
}

function holdInCall(model: ScriptedModelServer, { call, ...options }: CallStage): Held {
  const { name, gate } = model.hold(call, options);
  // Whether the call in flight is closed tells that; and until then it is held.
  return { name, gate, told: () => Promise.resolve(), stop: () => undefined };
}

function holdAtGate({ gate, told }: GateStage): Held {
  const servers = new ServerSide();
  const untilTold = async (port: number | undefined): Promise<void> => {
    const condition = told ?? servers.told(port);
    if (!condition)
      throw new Error('No HTTP/1 server of this process had the request. Say by `told` when the app knows that its client left.');
    await comesAbout(condition, { timeoutMs: DEADLINE_MS, message: 'The app was not told that its client had left' });
  };
  return { name: 'the gate', gate, told: untilTold, stop: () => servers.stop() };
}

/** Resolves when the work is at its stage. */
async function arrival(model: ScriptedModelServer, { name, gate }: Held, { answer }: Call): Promise<void> {
  const arrived = comesAbout(gate.reached, { timeoutMs: DEADLINE_MS, message: `The work did not come to ${name}` });
  const early = answer.then(
    (early) => Promise.reject(new Error(`The request was answered before ${name}: ${describeAnswer(early)}`)),
    (error: unknown) => Promise.reject(new Error(`The connection failed before ${name}: ${describeError(error)}`, { cause: error })),
  );
  try {
    await Promise.race([arrived, early]);
  } catch (error) {
    throw new Error(`${describeError(error)}. ${describeJournal(model.journal)}`, { cause: error });
  }
}

function describeAnswer(answer: Answer | undefined): string {
  return answer ? `${answer.status} ${answer.text.slice(0, 200)}` : 'the client had hung up';
}
