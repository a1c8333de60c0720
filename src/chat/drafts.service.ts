import { Injectable, Logger } from '@nestjs/common';
import { AbortContext, type AbortScope } from '../abort/index.js';
import { PeriodicSweep } from '../sweeps/index.js';
import { ChatMessagesRepository, type ReplyKey } from './chat-messages.repository.js';
import type { ReplyDraft } from './reply-draft.js';

/** A process that is killed takes along what a reply has said in about this time. */
const KEEP_EVERY_MS = 1000;
/** What so many have said lies in memory once more while it is written. */
const MOST_AT_ONCE = 250;

interface OpenDraft {
  readonly reply: ReplyKey;
  readonly draft: ReplyDraft;
  /** Of the work that makes it. */
  readonly scope: AbortScope;
  /** How much of it is written down, in characters. */
  keptLength: number;
}

/**
 * What replies have said so far, written down once a second, those of all learners together: a thousand who are talked to at once cost
 * four statements and not a thousand. It is a precaution: what fails is a warning and tried again a second later, and where somebody else
 * has locked the row of a reply, that one is passed over until the next.
 */
@Injectable()
export class Drafts extends PeriodicSweep {
  readonly #logger = new Logger('ChatService');
  readonly #open = new Set<OpenDraft>();

  constructor(
    context: AbortContext,
    private readonly messages: ChatMessagesRepository,
  ) {
    super(context, { place: 'ChatService', what: 'what replies have said so far', everyMs: KEEP_EVERY_MS });
  }

  /** Keeps what this reply says until what is returned is disposed of, or the work around the caller is aborted. */
  open(reply: ReplyKey, draft: ReplyDraft): Disposable {
    const open = { reply, draft, scope: this.context.scope, keptLength: draft.length };
    this.#open.add(open);
    return { [Symbol.dispose]: () => void this.#open.delete(open) };
  }

  protected async sweep(): Promise<void> {
    const due = [...this.#open].filter(isDue);
    for (let i = 0; i < due.length; i += MOST_AT_ONCE) await this.#write(due.slice(i, i + MOST_AT_ONCE));
  }

  async #write(due: readonly OpenDraft[]): Promise<void> {
    const batch = due.filter((each) => this.#open.has(each) && isDue(each));
    if (batch.length === 0) return;
    const lengths = batch.map(({ draft }) => draft.length);
    const drafts = batch.map(({ reply, draft }) => ({ ...reply, content: draft.text }));
    try {
      // In a shield it has a deadline: what hangs holds up nobody's words for longer.
      const kept = await this.context.shield(() => this.messages.keep(drafts));
      for (const [i, each] of batch.entries()) if (kept.has(each.reply.id)) each.keptLength = lengths[i] ?? 0;
    } catch (error) {
      this.#logger.warn({ err: error, msg: '[ChatService] What replies have said so far could not be kept', replies: batch.length });
    }
  }
}

function isDue({ draft, keptLength, scope }: OpenDraft): boolean {
  return draft.length > keptLength && !scope.signal.aborted;
}
