import { setTimeout as delay } from 'node:timers/promises';
import { eventually, type Answer, type Call } from '../../src/testing/index.js';
import { isEnd, type AuditedTask, type Records } from './audit.js';
import type { Scene } from './paced-model.js';
import type { Moment, Plan, Request, Step } from './plan.js';
import { isCreate, isRead, toCall } from './requests.js';
import type { Surroundings } from './surroundings.js';

/** What a step waits for may never come. */
const LONGEST_MOMENT_MS = 150;
/** For what must come in the end, on a machine that does other things too, and with an instance that is being replaced. */
const SETTLE_MS = 30_000;
const LOOK_EVERY_MS = 50;

/** What came of a step. Times are in milliseconds since 1970. */
export interface Taken {
  readonly step: Step;
  /** Absent where it was never taken. */
  sentAt?: number;
  answeredAt?: number;
  answer?: Answer;
  /** Why there is no answer: its client left, or its connection broke. */
  end?: 'hung-up' | 'lost';
}

/** One run as it was: what was planned, done, answered, recorded, and seen at the model. */
export interface PlayedRun {
  readonly plan: Plan;
  readonly owner: string;
  readonly stranger: string;
  readonly taken: readonly Taken[];
  readonly scenes: readonly Scene[];
  /** Of the bodies that were posted under ids of other ones. */
  readonly otherScenes: readonly Scene[];
  readonly lessons: readonly number[];
  readonly records: Records;
  /** What each task that there was tells at the end, by its id, as each instance gives it. */
  readonly accounts: ReadonlyMap<string, readonly string[]>;
  /** What did not come to an end in time. */
  readonly overdue: readonly string[];
  /** An instance gave a task up: because it was frozen or killed, or because the machine had no time for it. */
  readonly hasLostLease: boolean;
  /** An instance was frozen or killed meanwhile. */
  readonly wasTouched: boolean;
  readonly isDisturbed: boolean;
  readonly isKilled: boolean;
}

/** Plays one plan, and collects what there is to know about it. */
export class Run {
  readonly #from = Date.now();
  readonly #owner: string;
  readonly #stranger: string;
  readonly #taken: Taken[];
  readonly #answered: PromiseWithResolvers<undefined>[];
  readonly #calls = new Map<number, Call>();
  readonly #lessons: readonly number[];
  readonly #otherLessons: readonly number[];
  readonly #scenes: readonly Scene[];
  readonly #otherScenes: readonly Scene[];
  readonly #overdue: string[] = [];
  #tokens = { owner: '', stranger: '' };

  constructor(
    private readonly plan: Plan,
    private readonly around: Surroundings,
    repetition: number,
  ) {
    const name = `${plan.seed}-${plan.index}-${repetition}`;
    [this.#owner, this.#stranger] = [`owner-${name}`, `stranger-${name}`];
    this.#taken = plan.steps.map((step) => ({ step }));
    this.#answered = plan.steps.map(() => Promise.withResolvers());
    this.#lessons = plan.tasks.map(() => around.takeLesson());
    this.#otherLessons = plan.tasks.map(() => around.takeLesson());
    this.#scenes = plan.tasks.map(({ pace }, i) => around.model.play(this.#lessons[i] ?? 0, pace));
    this.#otherScenes = plan.tasks.map(({ pace }, i) => around.model.play(this.#otherLessons[i] ?? 0, pace));
  }

  async play(): Promise<PlayedRun> {
    try {
      this.#tokens = { owner: await this.around.tokenFor(this.#owner), stranger: await this.around.tokenFor(this.#stranger) };
      await this.#takeAll();
      return await this.#collect();
    } finally {
      for (const scene of [...this.#scenes, ...this.#otherScenes]) scene.gate.open();
      for (const lesson of [...this.#lessons, ...this.#otherLessons]) this.around.giveBack(lesson);
    }
  }

  /** Creates, and those who read of them, may stand still at a gate: they are let go when everything else has had its effect. */
  async #takeAll(): Promise<void> {
    const underWay = this.plan.steps.map((step, i) => ({ step, done: this.#take(step, i) }));
    await Promise.all(underWay.filter(({ step }) => !isCreate(step) && !isRead(step)).map(({ done }) => done));
    await this.#effective();
    for (const scene of [...this.#scenes, ...this.#otherScenes]) scene.gate.open();
    await Promise.all(underWay.map(({ done }) => done));
  }

  async #take(step: Step, i: number): Promise<void> {
    const taken = this.#taken[i];
    if (!taken) return;
    await this.#moment(step.at);
    taken.sentAt = Date.now();
    try {
      const call = await this.#act(step, i);
      if (call) await this.#hear(taken, call);
    } finally {
      this.#answered[i]?.resolve(undefined);
    }
  }

  async #moment(at: Moment): Promise<void> {
    if ('after' in at) await delay(at.after);
    else await Promise.race(['task' in at ? this.#arrival(at) : this.#answered[at.answered]?.promise, delay(LONGEST_MOMENT_MS)]);
  }

  async #arrival({ task, calls }: Extract<Moment, { task: number }>): Promise<void> {
    await Promise.race([this.#scenes[task]?.arrival(calls), this.#otherScenes[task]?.arrival(calls)]);
  }

  async #hear(taken: Taken, call: Call): Promise<void> {
    try {
      taken.answer = await call.answer;
      if (!taken.answer) taken.end = 'hung-up';
    } catch {
      taken.end = 'lost';
    }
    taken.answeredAt = Date.now();
  }

  async #act(step: Step, i: number): Promise<Call | undefined> {
    switch (step.do) {
      case 'hang-up':
        await this.#calls.get(step.step)?.hangUp();
        return undefined;
      case 'freeze':
      case 'kill':
        await this.around.disturb(step.do, step.via);
        return undefined;
      default:
        return this.#send(step, i);
    }
  }

  #send(request: Request, i: number): Call {
    const token = this.#tokens[request.do === 'stranger' ? 'stranger' : 'owner'];
    const call = this.around.send(request.via, token, toCall(request, this.plan, this.#lessons, this.#otherLessons));
    this.#calls.set(i, call);
    return call;
  }

  /** Whatever was told to stop has stopped, and so has what nobody waits for any more. */
  async #effective(): Promise<void> {
    await this.#until('told to stop or left alone, and still live', async () => {
      const live = await this.around.audit.live(this.#owner);
      return live.filter(({ id, state }) => state === 'cancelling' || this.#isLeft(id));
    });
  }

  /** Every client that had asked for it has hung up, nobody else waits for it, and it is not to go on by itself. */
  #isLeft(id: string): boolean {
    const isHere = ({ step, end, sentAt }: Taken): boolean =>
      isRead(step) && step.isAttached && sentAt !== undefined && end === undefined && this.plan.tasks[step.task]?.id === id;
    if (this.plan.tasks.find((task) => task.id === id)?.onDisconnect === 'continue' || this.#taken.some(isHere)) return false;
    const creates = this.#taken.filter(({ step }) => isCreate(step) && this.plan.tasks[step.task]?.id === id);
    return creates.length > 0 && creates.every(({ end }) => end === 'hung-up');
  }

  /** A row that was on its way when its client hung up may come after all: then there is more to wait for. */
  async #settledRecords(): Promise<Records> {
    for (;;) {
      await this.#quiet();
      const records = await this.around.audit.recordsOf(this.#owner);
      if (this.#overdue.length > 0 || records.tasks.every(({ state }) => isEnd(state))) return records;
    }
  }

  async #quiet(): Promise<void> {
    await this.#until('still live at the end', () => this.around.audit.live(this.#owner));
    // The books of a killed instance stay open: that is how one sees what it had begun.
    if (this.around.disturbedSince(this.#from, 'kill')) return;
    await this.#until('calls still open in the books', () => this.around.audit.openCalls(this.#owner));
  }

  async #until(what: string, rest: () => Promise<object[]>): Promise<void> {
    const look = async (): Promise<boolean> => {
      const left = await rest();
      if (left.length > 0) throw new Error(JSON.stringify(left));
      return true;
    };
    await eventually(look, { timeoutMs: SETTLE_MS, message: what }).catch((error: unknown) => this.#overdue.push(String(error)));
  }

  /** An instance that is being replaced gives none. */
  async #accounts({ tasks }: Records): Promise<Map<string, string[]>> {
    const accounts = new Map<string, string[]>();
    for (const { id } of tasks) {
      const answers = await Promise.all([0, 1].map((via) => this.#account(id, via)));
      accounts.set(
        id,
        answers.filter((text) => text !== undefined),
      );
    }
    return accounts;
  }

  async #account(id: string, via: number): Promise<string | undefined> {
    try {
      const answer = await this.around.send(via, this.#tokens.owner, { path: `/api/tasks/${id}/events` }).answer;
      return answer?.status === 200 ? answer.text : undefined;
    } catch (error) {
      if (this.around.disturbedSince(this.#from)) return undefined;
      throw error;
    }
  }

  /** Calls come from a row. One that is not here was on its way when the records were read: its client hung up, and its time to come back runs. */
  #isRowToCome({ tasks }: Records): boolean {
    const hasRow = (i: number): boolean => tasks.some(({ id }) => id === this.plan.tasks[i]?.id);
    return [this.#scenes, this.#otherScenes].some((scenes) => scenes.some(({ calls }, i) => calls.length > 0 && !hasRow(i)));
  }

  /** Whoever gets it must look at it in the same turn: the scenes go on. */
  async #collect(): Promise<PlayedRun> {
    const from = Date.now();
    for (;;) {
      const played = await this.#look();
      if (!this.#isRowToCome(played.records) || Date.now() - from > SETTLE_MS) return played;
      await delay(LOOK_EVERY_MS);
    }
  }

  async #look(): Promise<PlayedRun> {
    const records = await this.#settledRecords();
    const hasLostLease = records.tasks.some(isLeaseLost);
    const wasTouched = this.around.disturbedSince(this.#from);
    return {
      plan: this.plan,
      owner: this.#owner,
      stranger: this.#stranger,
      taken: this.#taken,
      scenes: this.#scenes,
      otherScenes: this.#otherScenes,
      lessons: this.#lessons,
      records,
      accounts: await this.#accounts(records),
      overdue: this.#overdue,
      hasLostLease,
      wasTouched,
      isDisturbed: hasLostLease || wasTouched,
      isKilled: this.around.disturbedSince(this.#from, 'kill'),
    };
  }
}

function isLeaseLost({ error, cancel, receipt }: AuditedTask): boolean {
  return error?.code === 'owner_lost' || cancel?.cause === 'lease_lost' || receipt?.confirmed === false;
}
