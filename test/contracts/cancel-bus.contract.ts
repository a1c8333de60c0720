import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { ABORT_CAUSES } from '../../src/abort/index.js';
import type { BusMessage, CancelBus } from '../../src/tasks/bus/index.js';
import { eventually, HandleWatch } from '../../src/testing/index.js';
import { RecordingLogger } from '../support/abort-log.js';

/** What carries the bus under test. */
export interface BusCarrier {
  /** A bus that is not started yet. */
  bus(channel: string): CancelBus;
  /** Writes to the channel past every bus. */
  say(channel: string, text: string): Promise<void>;
  /** The connections that buses hold. */
  connections(): Promise<number>;
  close(): Promise<void>;
}

export interface CancelBusAdapter {
  readonly kind: CancelBus['kind'];
  /** No other instance can hear it, and nobody from outside. */
  readonly isAlone: boolean;
  /** Whether what it needs is here. */
  readonly isHere: boolean;
  open(): Promise<BusCarrier>;
}

/** An owner is whatever an identity provider says. */
const OWNER = 'auth0|Übung "7" \\ \u0000 🦊';
const LONG = 'x'.repeat(8000);

function ended(owner = OWNER): BusMessage {
  return { type: 'ended', owner, taskId: randomUUID() };
}

function garbageOf(message: BusMessage): string[] {
  const envelope = { from: randomUUID(), seq: 1, sentAt: 1, message };
  return [
    'garbage',
    '',
    'null',
    '[]',
    '{"__proto__":{"from":"x"}}',
    JSON.stringify(message),
    JSON.stringify({ ...envelope, from: 7 }),
    JSON.stringify({ ...envelope, message: { ...message, type: 'unheard-of' } }),
    JSON.stringify({ ...envelope, message: { ...message, taskId: '1 or 1=1' } }),
    JSON.stringify({ ...envelope, message: { ...message, owner: null } }),
    'probe of nobody',
  ];
}

/** What every bus keeps to, whatever carries it. */
export function testCancelBus({ kind, isAlone, isHere, open }: CancelBusAdapter): void {
  (isHere ? describe : describe.skip)(`The cancel bus, ${kind}`, () => {
    let carrier: BusCarrier;
    let log: RecordingLogger;
    let channel: string;
    let buses: CancelBus[];

    beforeAll(async () => {
      carrier = await open();
    });
    beforeEach(() => {
      log = RecordingLogger.install();
      channel = `hangup_test_${randomUUID()}`;
      buses = [];
    });
    afterEach(async () => {
      await Promise.all(buses.map((bus) => bus.close()));
      Logger.overrideLogger(false);
    });
    afterAll(() => carrier.close());

    async function start(on = channel): Promise<CancelBus> {
      const bus = carrier.bus(on);
      buses.push(bus);
      bus.start();
      await eventually(() => bus.state === 'up', { message: 'a bus that is up' });
      return bus;
    }

    /** Instances that hear each other. Where it is alone, the one is all of them. */
    async function instances(count = 3): Promise<CancelBus[]> {
      return await Promise.all(Array.from({ length: isAlone ? 1 : count }, () => start()));
    }

    function hear(bus: CancelBus): BusMessage[] {
      const heard: BusMessage[] = [];
      bus.subscribe((message) => void heard.push(message));
      return heard;
    }

    /** Resolves when what `sender` has said until now has been heard everywhere, and whatever came with it. */
    async function settled(sender: CancelBus, heard: readonly BusMessage[][]): Promise<void> {
      const last = ended('the last one');
      await sender.publish(last);
      await eventually(() => heard.forEach((each) => expect(each.at(-1)).toEqual(last)), { message: 'the last message everywhere' });
      for (const each of heard) each.pop();
    }

    it('brings a message to every instance, its own included, exactly once', async () => {
      const all = await instances();
      const heard = all.map(hear);
      for (const sender of all) {
        const message = ended();
        expect(await sender.publish(message)).toBe(true);
        await settled(sender, heard);
        expect(heard).toEqual(all.map(() => [message]));
        for (const each of heard) each.length = 0;
      }
      expect(log.lines).toEqual([]);
    });

    it('brings equal messages as often as they were published', async () => {
      const [sender, ...others] = await instances();
      const heard = [sender!, ...others].map(hear);
      const message = ended();
      await Promise.all([sender!.publish(message), sender!.publish(message), sender!.publish(message)]);
      await settled(sender!, heard);
      for (const each of heard) expect(each).toEqual([message, message, message]);
    });

    it('keeps the order of one sender, which need not wait for one to publish the next', async () => {
      const [sender, ...others] = await instances();
      const heard = [sender!, ...others].map(hear);
      const messages = Array.from({ length: 50 }, () => ended());
      void messages.map((message) => sender!.publish(message));
      await settled(sender!, heard);
      for (const each of heard) expect(each).toEqual(messages);
    });

    it('brings a burst of 500 whole and in order', async () => {
      const [sender, ...others] = await instances();
      const heard = [sender!, ...others].map(hear);
      const messages = Array.from({ length: 500 }, () => ended());
      await Promise.all(messages.map((message) => sender!.publish(message)));
      await settled(sender!, heard);
      for (const each of heard) expect(each).toEqual(messages);
    });

    it.each(ABORT_CAUSES)('carries a cancel with the cause %s unchanged', async (cause) => {
      const [sender, ...others] = await instances(2);
      const heard = [sender!, ...others].map(hear);
      const bare: BusMessage = { type: 'cancel', owner: OWNER, taskId: randomUUID(), attempt: 3, cause };
      const full: BusMessage = { ...bare, by: OWNER, reason: 'enough\nof "it" ✋' };
      await sender!.publish(bare);
      await sender!.publish(full);
      await settled(sender!, heard);
      for (const each of heard) expect(each).toEqual([bare, full]);
    });

    it('carries the end of a task unchanged', async () => {
      const [sender, ...others] = await instances(2);
      const heard = [sender!, ...others].map(hear);
      const message = ended();
      await sender!.publish(message);
      await settled(sender!, heard);
      for (const each of heard) expect(each).toEqual([message]);
    });

    it('tells its own instance before publish returns', async () => {
      const bus = await start();
      const heard = hear(bus);
      const publishing = bus.publish(ended());
      expect(heard).toHaveLength(1);
      await publishing;
    });

    it('lets what a listener publishes in return come second everywhere else', async () => {
      const [sender, ...others] = await instances(2);
      const [question, answer] = [ended('question'), ended('answer')];
      sender!.subscribe((message) => void (message === question && sender!.publish(answer)));
      const heard = others.map(hear);
      await sender!.publish(question);
      await settled(sender!, heard);
      for (const each of heard) expect(each).toEqual([question, answer]);
    });

    it('lets a listener that throws harm no other, and logs the error', async () => {
      const all = await instances(2);
      const failure = new Error('a listener broke');
      for (const bus of all) {
        bus.subscribe(() => {
          throw failure;
        });
      }
      const heard = all.map(hear);
      const message = ended();
      expect(await all[0]!.publish(message)).toBe(true);
      await settled(all[0]!, heard);
      for (const each of heard) expect(each).toEqual([message]);
      expect(log.lines.every(({ level, fields }) => level === 'error' && fields.err === failure)).toBe(true);
      expect(log.at('error')).toHaveLength(2 * all.length);
    });

    it('tells a listener nothing once its subscription has ended, and goes on with another one of the same function', async () => {
      const [sender, ...others] = await instances(2);
      const listening = others[0] ?? sender!;
      const heard: BusMessage[] = [];
      const listener = (message: BusMessage) => void heard.push(message);
      const [leave] = [listening.subscribe(listener), listening.subscribe(listener)];
      const witness = hear(listening);
      leave();
      leave();
      const message = ended();
      await sender!.publish(message);
      await settled(sender!, [witness]);
      expect(heard).toEqual([message, expect.objectContaining({ owner: 'the last one' })]);
    });

    it('measures how long its own messages take to come back, and not those of others', async () => {
      const [sender, ...others] = await instances(2);
      const heard = others.map(hear);
      expect(sender!.lagMs).toBeUndefined();
      await sender!.publish(ended());
      await settled(sender!, heard);
      await eventually(() => expect(sender!.lagMs).toBeGreaterThanOrEqual(0));
      expect(sender!.lagMs).toBeLessThan(1000);
      for (const other of others) expect(other.lagMs).toBeUndefined();
    });

    it('keeps what is too long to travel to its own instance, says so, and holds', async () => {
      const [sender, ...others] = await instances(2);
      const [own, ...elsewhere] = [sender!, ...others].map(hear);
      const long = ended(LONG);
      expect(await sender!.publish(long)).toBe(isAlone);
      const short = ended();
      expect(await sender!.publish(short)).toBe(true);
      await settled(sender!, [own!, ...elsewhere]);
      expect(own).toEqual([long, short]);
      for (const each of elsewhere) expect(each).toEqual([short]);
      for (const each of [sender!, ...others]) expect(each.state).toBe('up');
      expect(log.lines).toEqual([]);
    });

    it('lets nothing pass to another channel', async () => {
      const [here, there] = [await start(), await start(`${channel}_2`)];
      const heard = [hear(here), hear(there)];
      const messages = [ended(), ended()];
      await here.publish(messages[0]!);
      await there.publish(messages[1]!);
      await settled(here, [heard[0]!]);
      await settled(there, [heard[1]!]);
      expect(heard).toEqual([[messages[0]], [messages[1]]]);
    });

    it('leaves no connection, no socket and no timer when it closes, tells nobody anything more, and may be closed again', async () => {
      const handles = new HandleWatch();
      const all = await instances();
      const heard = all.map(hear);
      await all[0]!.publish(ended());
      await settled(all[0]!, heard);
      expect(await carrier.connections()).toBeGreaterThanOrEqual(isAlone ? 0 : all.length);
      await Promise.all(all.map((bus) => bus.close()));
      await handles.nothingIsLeft();
      expect(await carrier.connections()).toBe(0);
      for (const each of heard) each.length = 0;
      for (const bus of all) {
        expect(await bus.publish(ended())).toBe(false);
        expect(bus.state).toBe('down');
        await bus.close();
      }
      expect(heard).toEqual(all.map(() => []));
      expect(log.lines).toEqual([]);
    });

    it('lets what is being published when it closes still go out', async () => {
      const [sender, ...others] = await instances(2);
      const heard = others.map(hear);
      const message = ended();
      const publishing = sender!.publish(message);
      await sender!.close();
      expect(await publishing).toBe(true);
      await eventually(() => heard.forEach((each) => expect(each).toEqual([message])));
    });

    if (isAlone) return;

    it('is down until it listens, and then tells whoever wants to look again', async () => {
      const bus = carrier.bus(channel);
      buses.push(bus);
      let ups = 0;
      bus.onUp(() => {
        throw new Error('looked in vain');
      });
      const leave = bus.onUp(() => (ups += 100));
      bus.onUp(() => (ups += 1));
      leave();
      bus.start();
      expect(bus.state).toBe('down');
      expect(await bus.publish(ended())).toBe(false);
      await eventually(() => bus.state === 'up');
      expect(ups).toBe(1);
      expect(log.at('error', 'Bus')).toEqual(['[Bus] A listener failed']);
    });

    it('leaves aside what is none of its messages, with one warning in all, and goes on', async () => {
      const [sender, other] = await instances(2);
      const heard = [sender!, other!].map(hear);
      const message = ended();
      for (const text of garbageOf(message)) await carrier.say(channel, text);
      expect(await sender!.publish(message)).toBe(true);
      await settled(sender!, heard);
      for (const each of heard) expect(each).toEqual([message]);
      const warning = '[Bus] Something that is no message of ours was heard and left aside';
      await eventually(() => expect(log.at('warn', 'Bus')).toEqual([warning, warning]));
      expect(log.lines).toHaveLength(2);
    });
  });
}
