import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import {
  EventWriter,
  type EventLimits,
  type EventLog,
  type EventPosition,
  type LoggedEvent,
  type TaskEvent,
} from '../../src/tasks/events/index.js';
import type { TaskKey } from '../../src/tasks/index.js';
import { eventually } from '../../src/testing/index.js';
import { RecordingLogger } from '../support/abort-log.js';
import type { EventLogKind, EventLogServer } from '../support/event-logs.js';

/** An owner is whatever an identity provider says. */
const OWNERS = ['learner', 'a:b', 'auth0|Übung "7" \\ 🦊', "two\nlines, {braces} and 'quotes'", '100%', 'x'.repeat(1000)];

const TEXTS = [
  '{"z":1,"a":{"c":[1.0,1e3],"b":null},"z":2}',
  '{ "spaced" :  "as it is" }',
  JSON.stringify({ text: 'Größe 她 🦊 \u2028 \u0000 \ud800 "quoted" \\ {a,b} NULL' }),
  JSON.stringify({ text: '漢'.repeat(100_000) }),
  '{}',
  '"NULL"',
  '',
];

function event(attempt: number, sequence: number, data = `{"n":${sequence}}`): TaskEvent {
  return { attempt, sequence, type: 'text-delta', data };
}

/** The events of one attempt, from one place to another, both included. */
function events(attempt: number, first: number, last: number): TaskEvent[] {
  return Array.from({ length: last - first + 1 }, (_, index) => event(attempt, first + index));
}

/** What every log of events keeps to, wherever it is kept. */
export function testEventLog({ kind, isHere, open }: EventLogKind): void {
  (isHere ? describe : describe.skip)(`The event log, ${kind}`, () => {
    let server: EventLogServer;
    let warnings: RecordingLogger;
    let logs: EventLog[];
    let log: EventLog;
    let task: TaskKey;

    beforeAll(async () => {
      server = await open();
    }, 60_000);
    beforeEach(async () => {
      warnings = RecordingLogger.install();
      logs = [];
      task = newTask();
      log = await instance();
    });
    afterEach(async () => {
      server.proxy?.heal();
      await Promise.all(logs.map((each) => each.close()));
      Logger.overrideLogger(false);
    });
    afterAll(() => server.close());

    const newTask = (owner = 'learner'): TaskKey => ({ owner, id: randomUUID() });
    const run = <T>(work: () => Promise<T>): Promise<T> => server.context.detached('a test', work);
    const read = (of = task, after?: EventPosition, limit = 100_000, from = log): Promise<TaskEvent[]> =>
      run(() => from.read(of, after, limit));
    const append = (told: readonly TaskEvent[], of = task, to = log): Promise<void> =>
      run(() => to.append(told.map((each): LoggedEvent => ({ task: of, event: each }))));

    /** One more instance, connected. */
    async function instance(limits?: Partial<EventLimits>): Promise<EventLog> {
      const one = server.log(limits);
      logs.push(one);
      await eventually(() => read(newTask(), undefined, 1, one));
      return one;
    }

    it('gives back what a task told, in order, on every instance', async () => {
      const told = [event(1, 1), event(1, 2), event(1, 10), event(2, 1), event(2, 2), event(10, 1)];
      await append(told.slice(0, 2));
      await append(told.slice(2));
      expect(await read()).toEqual(told);
      expect(await read(task, undefined, 100, await instance())).toEqual(told);
    });

    it('begins after the position that is given, whether that is there or not', async () => {
      const told = [...events(1, 1, 12), ...events(2, 1, 3)];
      await append(told);
      const after = (attempt: number, sequence: number): Promise<TaskEvent[]> => read(task, { attempt, sequence });
      expect(await after(1, 9)).toEqual(told.slice(9));
      expect(await after(1, 12)).toEqual(told.slice(12));
      expect(await after(1, 99)).toEqual(told.slice(12));
      expect(await after(2, 0)).toEqual(told.slice(12));
      expect(await after(2, 3)).toEqual([]);
      expect(await after(3, 1)).toEqual([]);
    });

    it('gives no more than was asked for, and the rest when asked again', async () => {
      await append(events(1, 1, 25));
      const pages: number[][] = [];
      for (let after: EventPosition | undefined; ;) {
        const page = await read(task, after, 10);
        if (page.length === 0) break;
        pages.push(page.map(({ sequence }) => sequence));
        after = page.at(-1);
      }
      expect(pages.map((page) => [page[0], page.at(-1)])).toEqual([
        [1, 10],
        [11, 20],
        [21, 25],
      ]);
    });

    it('knows nothing of a task that told nothing, and takes nothing for something', async () => {
      await append([]);
      expect(await read()).toEqual([]);
    });

    it('leaves out what it has already, and takes what is new beside it', async () => {
      await append(events(1, 1, 3));
      await append([event(1, 2, '"another"'), event(1, 3, '"another"'), event(1, 4), event(1, 4, '"another"')]);
      expect(await read()).toEqual(events(1, 1, 4));
    });

    it('leaves out what a former attempt tells late, and what comes behind its own', async () => {
      await append([...events(1, 1, 2), event(2, 1)]);
      await append(events(1, 3, 4));
      await append([event(2, 5), event(2, 4), event(1, 6), event(2, 6)]);
      await append([event(2, 3)]);
      const kept = [...events(1, 1, 2), event(2, 1), event(2, 5), event(2, 6)];
      expect(await read()).toEqual(kept);
    });

    it('keeps tasks apart, also those of one id whose owners are not one', async () => {
      const { id } = task;
      const tasks = [...OWNERS, `learner:${id}`, `a:b:${id}`].map((owner) => ({ owner, id }));
      const told = tasks.map((of, index): LoggedEvent => ({ task: of, event: event(1, 1, `"${index}"`) }));
      await run(() => log.append(told));
      for (const [index, of] of tasks.entries()) expect(await read(of)).toEqual([told[index]!.event]);
      expect(await read({ owner: 'nobody', id })).toEqual([]);
    });

    it('takes a batch of many tasks', async () => {
      const tasks = Array.from({ length: 50 }, () => newTask());
      const told = events(1, 1, 10).flatMap((each) => tasks.map((of): LoggedEvent => ({ task: of, event: each })));
      await run(() => log.append(told));
      for (const of of tasks) expect(await read(of)).toEqual(events(1, 1, 10));
    });

    it('changes no byte of what was told', async () => {
      const told = TEXTS.map((data, index) => event(1, index + 1, data));
      await append(told);
      const known = await read();
      expect(known.map(({ data }) => Buffer.from(data))).toEqual(TEXTS.map((data) => Buffer.from(data)));
      expect(known).toEqual(told);
    });

    it('keeps the latest of each task, and shows the others as a hole', async () => {
      const small = await instance({ perTask: 200 });
      const other = newTask();
      await append(events(1, 1, 40), other, small);
      for (let first = 1; first <= 2000; first += 50) await append(events(1, first, first + 49), task, small);
      const kept = await read(task, { attempt: 1, sequence: 7 });
      // Rows are trimmed by quarters, streams by nodes of a hundred.
      expect(kept.length).toBeGreaterThanOrEqual(200);
      expect(kept.length).toBeLessThanOrEqual(300);
      expect(kept).toEqual(events(1, 2001 - kept.length, 2000));
      expect(await read(other)).toHaveLength(40);
    });

    it('keeps no more of a task that begins again and again', async () => {
      const small = await instance({ perTask: 200 });
      for (let attempt = 1; attempt <= 40; attempt += 1) await append(events(attempt, 1, 30), task, small);
      const kept = await read();
      expect(kept.length).toBeGreaterThanOrEqual(200);
      expect(kept.length).toBeLessThanOrEqual(300);
      expect(kept.at(-1)).toEqual(event(40, 30));
    });

    it('forgets what it has kept for long enough, however much that is, and nothing before', async () => {
      await append(events(1, 1, 5));
      await run(() => log.sweep());
      expect(await read()).toEqual(events(1, 1, 5));
      const brief = await instance({ ttlMs: 300 });
      const [many, late] = [newTask(), newTask()];
      await append(events(1, 1, 2500), many, brief);
      await eventually(async () => {
        await run(() => brief.sweep());
        expect(await read(many)).toEqual([]);
      });
      await append(events(1, 1, 2), late, brief);
      await run(() => brief.sweep());
      expect(await read(late)).toEqual(events(1, 1, 2));
    });

    it('takes what two instances tell at once: of many tasks, and the same of one', async () => {
      const [one, two] = [log, await instance()];
      const tasks = Array.from({ length: 20 }, () => newTask());
      await Promise.all(tasks.map((of, index) => append(events(1, 1, 30), of, index % 2 === 0 ? one : two)));
      for (let first = 1; first <= 600; first += 30) {
        const told = events(1, first, first + 29);
        await Promise.all([append(told, task, one), append(told, task, two)]);
      }
      for (const of of tasks) expect(await read(of)).toEqual(events(1, 1, 30));
      expect(await read()).toEqual(events(1, 1, 600));
    });

    it('is written by writers of two instances, whole and in order, while others read', async () => {
      const writers = [new EventWriter(log, server.context), new EventWriter(await instance(), server.context)];
      const tasks = Array.from({ length: 10 }, () => newTask());
      const seen = tasks.map((): TaskEvent[] => []);
      const follow = async (): Promise<void> => {
        for (const [index, of] of tasks.entries()) seen[index]!.push(...(await read(of, seen[index]!.at(-1))));
      };
      for (let sequence = 1; sequence <= 200; sequence += 1) {
        for (const [index, of] of tasks.entries()) writers[index % 2]!.add(of, event(1, sequence));
        if (sequence % 50 === 0) await follow();
      }
      await Promise.all(tasks.map((of, index) => writers[index % 2]!.flushed(of)));
      await follow();
      expect(seen).toEqual(tasks.map(() => events(1, 1, 200)));
      await Promise.all(writers.map((writer) => writer.close()));
      expect(warnings.lines).toEqual([]);
    });

    if (kind === 'embedded') return;

    it('rejects while the server is away, soon, and takes the same again once it is back', async () => {
      await append(events(1, 1, 3));
      for (let round = 1; round <= 2; round += 1) {
        server.proxy?.cut();
        await expect(append(events(1, 1, 3 + round))).rejects.toThrow();
        await expect(read()).rejects.toThrow();
        server.proxy?.heal();
        await eventually(() => append(events(1, 1, 3 + round)));
        expect(await read()).toEqual(events(1, 1, 3 + round));
      }
    });

    it('loses nothing that a writer was given while the server was away for a moment', async () => {
      const writer = new EventWriter(log, server.context);
      for (const each of events(1, 1, 10)) writer.add(task, each);
      await writer.flushed(task);
      server.proxy?.cut();
      for (const each of events(1, 11, 700)) writer.add(task, each);
      const cause = await append(events(1, 1, 1), newTask()).catch((error: unknown) => error);
      expect(cause).toBeInstanceOf(Error);
      server.proxy?.heal();
      await writer.flushed(task);
      expect(await read()).toEqual(events(1, 1, 700));
      await writer.close();
      expect(warnings.at('warn').filter((line) => line.includes('lost: readers'))).toEqual([]);
    });
  });
}
