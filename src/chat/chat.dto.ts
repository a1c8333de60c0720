import { z } from 'zod';
import { storableText } from '../problems/index.js';
import { taskEvent } from '../tasks/index.js';

/** What becomes of a message whose session is still being replied to: it takes the place of that reply, is refused, or waits its turn. */
export const ON_CONFLICT = ['interrupt', 'reject', 'enqueue'] as const;
export type OnConflict = (typeof ON_CONFLICT)[number];

export const ROLES = ['user', 'assistant'] as const;
export type Role = (typeof ROLES)[number];

/** A reply is `waiting` for its turn, then `streaming`; `partial` is one that was cut, and keeps what had been said. */
export const MESSAGE_STATES = ['waiting', 'streaming', 'complete', 'partial'] as const;
export type MessageState = (typeof MESSAGE_STATES)[number];

const LONGEST_CONTENT = 8000;
const LONGEST_REASON = 500;
const LONGEST_WAIT_MS = 10_000;

/** In one spelling, so that it can be compared. */
const messageId = z.uuid().toLowerCase();

/** Chosen by the client. The session is a scope of its tasks, so it is written as scopes are. */
export const sessionIdParam = z
  .string()
  .trim()
  .min(1)
  .max(100)
  .regex(/^[^,\p{Cc}]+$/u, 'must have no comma and no control character');

export const sendMessageBody = z
  .object({
    content: storableText.trim().min(1).max(LONGEST_CONTENT),
    message_id: messageId.optional().meta({ description: 'chosen by the client, so that a cancel can name the message' }),
    book_id: z.int().min(1).max(2_147_483_647).optional().meta({ description: 'the reply rests on passages of this book' }),
    on_conflict: z
      .enum(ON_CONFLICT)
      .default('interrupt')
      .meta({ description: 'while the session is still being replied to: take the place of that reply, be refused, or wait' }),
  })
  .meta({ id: 'SendMessage' });
export type SendMessageBody = z.infer<typeof sendMessageBody>;

export const listMessagesQuery = z.object({
  limit: z.coerce.number<string>().int().min(1).max(100).default(20),
  cursor: z.string().optional(),
});
export type ListMessagesQuery = z.infer<typeof listMessagesQuery>;

/** Optional, also with a content type: an empty body means all defaults. */
export const cancelSessionBody = z
  .preprocess(
    (value) => value ?? {},
    z.object({
      message_id: messageId.optional().meta({ description: 'only the reply to this message' }),
      reason: storableText.trim().max(LONGEST_REASON).optional(),
      issued_at: z.int().min(0).optional().meta({ description: 'when the cancel was issued, in milliseconds since 1970; as X-Issued-At' }),
      wait_ms: z.int().min(0).max(LONGEST_WAIT_MS).default(2000).meta({ description: 'how long to wait for the reply to stop' }),
    }),
  )
  .meta({ id: 'CancelSession' });
export type CancelSessionBody = z.infer<typeof cancelSessionBody>;

export const cancelledSession = z
  .object({
    session_id: z.string(),
    cancelled_count: z.int().meta({ description: 'tasks that stopped or are stopping, those of a cancel just before included' }),
    task_ids: z.array(z.uuid()),
    pending: z.boolean().meta({ description: 'a mark was left that stops a message which is on its way here' }),
  })
  .meta({ id: 'CancelledSession' });
export type CancelledSession = z.infer<typeof cancelledSession>;

export const messageView = z
  .object({
    id: z.uuid(),
    role: z.enum(ROLES),
    content: z.string(),
    state: z.enum(MESSAGE_STATES),
    task_id: z.uuid().meta({ description: 'the task that replies; a message and its reply have the same' }),
    created_at: z.iso.datetime(),
  })
  .meta({ id: 'ChatMessage' });
export type MessageView = z.infer<typeof messageView>;

export const messagePage = z
  .object({ session_id: z.string(), messages: z.array(messageView), next_cursor: z.string().optional() })
  .meta({ id: 'ChatMessages' });
export type MessagePage = z.infer<typeof messagePage>;

const usage = z.object({ prompt_tokens: z.int(), completion_tokens: z.int(), estimated: z.boolean(), cost_usd: z.number() });

/** What a reply has come to: the result of its task. */
export const replyView = z
  .object({ task_id: z.uuid(), session_id: z.string(), message_id: z.uuid(), reply_id: z.uuid(), content: z.string(), usage })
  .meta({ id: 'ChatReply' });
export type ReplyView = z.infer<typeof replyView>;

/** What a reply tells while it is said, besides what every task tells. Its `task-start` names the message and the reply. */
export const chatEvent = z
  .discriminatedUnion('type', [
    ...taskEvent.options,
    z.object({
      type: z.literal('text-delta'),
      data: z.object({ text: z.string(), offset: z.int().meta({ description: 'how many characters of the reply came before' }) }),
    }),
  ])
  .meta({ id: 'ChatEvent' });
