import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { ModelServer, OfflineModel, type ModelCall } from '../llm/offline/index.js';
import { behaveAfter, behaveOnCall, gatesOf, type Behaviour } from './behaviour.js';
import { nameMatch, toCondition, type CallMatch } from './call-match.js';
import { describeJournal } from './describe-call.js';
import type { Gate } from './gate.js';
import { JournalWatch } from './journal-watch.js';
import { ModelHold, type HoldOptions } from './model-hold.js';
import { Standstill } from './standstill.js';

interface Script {
  readonly matches: (call: ModelCall) => boolean;
  readonly behaviour: Behaviour;
  timesLeft: number;
}

/**
 * The model that tests talk to, over real sockets with the real client: it answers sensibly and without delay, as the offline model
 * does, keeps a journal of every call, and does as it is told by scripts.
 */
export class ScriptedModelServer {
  readonly #model = new OfflineModel();
  readonly #watch = new JournalWatch(() => describeJournal(this.#journal));
  readonly #behaviours = new WeakMap<ModelCall, Behaviour>();
  readonly #server = new ModelServer({
    answer: (request) => this.#model.answer(request),
    embed: (input) => this.#model.embed(input),
    hooks: {
      onCall: (call) => this.#onCall(call),
      beforeChunk: (call, index) => this.#beforeChunk(call, index),
      onChunk: () => this.#watch.changed(),
      onEnd: () => this.#watch.changed(),
    },
  });
  #journal: ModelCall[] = [];
  #scripts: Script[] = [];
  #holds: ModelHold[] = [];
  #standstills: Standstill[] = [];

  private constructor() {
    // Made by `start()` alone, so that every instance listens.
  }

  /** A server that listens on a free port of 127.0.0.1. */
  static async start(): Promise<ScriptedModelServer> {
    const scripted = new ScriptedModelServer();
    await scripted.#server.start();
    return scripted;
  }

  /** Destroys every open connection; calls in flight end as `failed`. */
  async stop(): Promise<void> {
    this.#openGates();
    await this.#server.stop();
  }

  /** What an OpenAI client takes as its `baseURL`. */
  get baseUrl(): string {
    return this.#server.baseUrl;
  }

  /** Every call since the start or the last `reset()`, in order of arrival, as live objects. */
  get journal(): readonly ModelCall[] {
    return this.#journal;
  }

  /** From now on matching calls behave so, `times` of them or all. Of several matching scripts the latest wins. */
  script(match: CallMatch, behaviour: Behaviour, { times = Infinity }: { readonly times?: number } = {}): void {
    this.#scripts.unshift({ matches: toCondition(match), behaviour, timesLeft: times });
  }

  /** Holds one call, the next that matches unless told otherwise, at a gate. What it answers is left to the scripts. */
  hold(match: CallMatch, options?: HoldOptions): ModelHold {
    const hold = new ModelHold(match, options);
    this.#holds.push(hold);
    return hold;
  }

  /** Holds all matching calls, those under way and those to come, at a gate: none sends anything more until it opens. */
  holdAll(match: CallMatch): Gate {
    const standstill = new Standstill(match);
    this.#standstills = [...this.#standstills.filter(({ gate }) => !gate.opened), standstill];
    return standstill.gate;
  }

  /** Resolves with the nth matching call once it has arrived. Rejects after 10 s with the journal in the message. */
  called(match: CallMatch, nth = 1): Promise<ModelCall> {
    const matches = toCondition(match);
    return this.#watch.until(`call ${nth} of ${nameMatch(match)}`, () => this.#journal.filter(matches)[nth - 1]);
  }

  /** Resolves when `n` content chunks of the call have been sent. Rejects if it ends with fewer, or after 10 s. */
  async sent(call: ModelCall, n: number): Promise<void> {
    await this.#watch.until(`chunk ${n} of call ${call.id}`, () => {
      if (call.chunksSent >= n) return true;
      if (call.outcome) throw new Error(`Call ${call.id} ended (${call.outcome}) after ${call.chunksSent} chunks, before chunk ${n}.`);
      return undefined;
    });
  }

  /** Resolves with the call once it is over. Rejects after 10 s. */
  ended(call: ModelCall): Promise<ModelCall> {
    return this.#watch.until(`the end of call ${call.id}`, () => (call.outcome ? call : undefined));
  }

  /**
   * Resolves when the server has answered two requests that are sent now, one after the other, on connections of their own. A call that was
   * sent before, from this machine, is in the journal by then, unless its body is so long that it is still being read; and it has ended
   * if its client had closed its connection.
   */
  async caughtUp(): Promise<void> {
    // The first comes behind the calls that wait to be read. That a connection is closed is known some turns after what came on it.
    for (let sent = 0; sent < 2; sent += 1) {
      const [answer] = (await once(get(`${this.baseUrl}/models`, { agent: false }), 'response')) as [IncomingMessage];
      answer.resume();
    }
  }

  /** Forgets scripts, holds and journal, and opens the gates that calls still wait at. Calls that stall go on stalling. */
  reset(): void {
    this.#openGates();
    this.#scripts = [];
    this.#holds = [];
    this.#journal = [];
  }

  async #onCall(call: ModelCall): ReturnType<typeof behaveOnCall> {
    const script = this.#scripts.find(({ matches, timesLeft }) => timesLeft > 0 && matches(call));
    if (script) {
      script.timesLeft -= 1;
      this.#behaviours.set(call, script.behaviour);
    }
    for (const hold of this.#holds) hold.meet(call);
    this.#journal.push(call);
    this.#watch.changed();
    await this.#passHolds(call, 0);
    return script && behaveOnCall(script.behaviour, call);
  }

  async #beforeChunk(call: ModelCall, index: number): ReturnType<typeof behaveAfter> {
    if (index > 0) await this.#passHolds(call, index);
    const behaviour = this.#behaviours.get(call);
    return behaviour && behaveAfter(behaviour, index);
  }

  #openGates(): void {
    for (const gate of this.#scripts.flatMap(({ behaviour }) => gatesOf(behaviour))) gate.open();
    for (const { gate } of [...this.#holds, ...this.#standstills]) gate.open();
  }

  async #passHolds(call: ModelCall, sent: number): Promise<void> {
    for (const hold of this.#holds) await hold.pass(call, sent);
    for (const standstill of this.#standstills) await standstill.pass(call);
  }
}
