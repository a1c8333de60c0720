import { randomUUID } from 'node:crypto';
import { toStorableText } from '../problems/index.js';

/** A reply while it is made: what it has said so far, and how far it has come. */
export class ReplyDraft {
  readonly id = randomUUID();
  #text = '';
  /** It is in the database. */
  isEntered = false;
  /** What it had said when it was cut is written. */
  isKept = false;

  add(piece: string): void {
    this.#text += piece;
  }

  /** How many characters it has. */
  get length(): number {
    return this.#text.length;
  }

  /** As it can be stored. */
  get text(): string {
    return toStorableText(this.#text);
  }
}
