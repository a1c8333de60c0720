import { z } from 'zod';
import { ABORT_CAUSES } from '../../abort/index.js';

const cancelMessage = z.object({
  type: z.literal('cancel'),
  owner: z.string(),
  taskId: z.uuid(),
  attempt: z.int(),
  cause: z.enum(ABORT_CAUSES),
  /** Who asked, and in which words. */
  by: z.string().optional(),
  reason: z.string().optional(),
});
const endedMessage = z.object({ type: z.literal('ended'), owner: z.string(), taskId: z.uuid() });
/** For so many milliseconds more somebody else waits for the answer too; 0 once they have gone. */
const attachedMessage = z.object({ type: z.literal('attached'), owner: z.string(), taskId: z.uuid(), waiter: z.uuid(), forMs: z.number() });
/** Somebody reads what the task tells on another instance, for a while. */
const followMessage = z.object({ type: z.literal('follow'), owner: z.string(), taskId: z.uuid() });
/** What the task has told is there for all to read. */
const toldMessage = z.object({ type: z.literal('told'), owner: z.string(), taskId: z.uuid() });

/**
 * What travels. To whoever works on a task: a cancel, that somebody waits for it on another instance, and that somebody reads there. Back
 * to those: that it has told something, and that it has ended.
 */
export const busMessage = z.discriminatedUnion('type', [cancelMessage, endedMessage, attachedMessage, followMessage, toldMessage]);
export type BusMessage = z.infer<typeof busMessage>;

/**
 * As it travels. `from` is the sender, so that it does not hear itself twice; `sentAt` is on the sender's own clock and means nothing to
 * others. `seq` makes every text a different one: PostgreSQL delivers equal ones of one transaction once.
 */
const envelope = z.object({ from: z.string(), seq: z.int(), sentAt: z.number(), message: busMessage });
export type Envelope = z.infer<typeof envelope>;

/** What NOTIFY takes, and so the limit of every transport: what travels shall not depend on which one is configured. */
export const LONGEST_TEXT_BYTES = 7999;

/** `undefined` for what is too long to travel. */
export function toText(envelope: Envelope): string | undefined {
  const text = JSON.stringify(envelope);
  return Buffer.byteLength(text) <= LONGEST_TEXT_BYTES ? text : undefined;
}

/** `undefined` for what is none of ours: anybody may write to a channel, and as much as they like. */
export function parseEnvelope(text: string): Envelope | undefined {
  if (text.length > LONGEST_TEXT_BYTES) return undefined;
  try {
    return envelope.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
