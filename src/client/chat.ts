import type { z } from 'zod';
import type { cancelSessionBody, CancelledSession, chatEvent, MessagePage, ReplyView, sendMessageBody } from '../chat/chat.dto.js';
import type { Asking, CallOptions } from './asking.js';
import type { StreamEvent } from './events.js';
import { pageQuery, type PageOptions } from './page.js';
import type { TaskOptions } from './task-issue.js';
import type { TaskStream } from './task-stream.js';

export type SendMessageInput = z.input<typeof sendMessageBody>;
export type ChatEvent = StreamEvent<z.output<typeof chatEvent>, ReplyView>;
export type CancelSessionInput = Omit<z.output<typeof cancelSessionBody>, 'issued_at' | 'wait_ms'> & { readonly wait_ms?: number };

/** Conversations with the tutor. */
export class Chat {
  constructor(private readonly asking: Asking) {}

  /** Sends a message, and hears the reply as it is said. Leaving the loop stops the tutor; what was said stays as `partial`. */
  send(sessionId: string, input: SendMessageInput, options?: TaskOptions): TaskStream<ChatEvent> {
    return this.asking.stream({ method: 'POST', path: pathOf(sessionId, 'messages'), body: input }, options);
  }

  /** What was said, oldest first, in pages. */
  messages(sessionId: string, options: PageOptions & CallOptions = {}): Promise<MessagePage> {
    return this.asking.json({ path: `${pathOf(sessionId, 'messages')}${pageQuery(options)}`, field: 'messages' }, options);
  }

  /** Stops whatever is being said in the session, and what is on its way there; no message that is sent after it. */
  cancel(sessionId: string, input: CancelSessionInput = {}, options?: CallOptions): Promise<CancelledSession> {
    const body = { ...input, issued_at: this.asking.issuedAt() };
    return this.asking.json(
      { method: 'POST', path: pathOf(sessionId, 'cancel'), body, keepalive: true, field: 'cancelled_count' },
      options,
    );
  }
}

function pathOf(sessionId: string, what: string): string {
  return `/api/chat/sessions/${encodeURIComponent(sessionId)}/${what}`;
}
