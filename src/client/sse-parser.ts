/** One event of a stream, as the WHATWG's rules for server-sent events make it of its lines. */
export interface SseEvent {
  /** The last id that the stream has named; empty where it has named none. */
  readonly id: string;
  readonly type: string;
  readonly data: string;
}

/**
 * Makes events of text that comes in pieces, split anywhere: also between the two halves of a line's end. An event that is not complete
 * when the text ends is never told.
 */
export class SseParser {
  #rest = '';
  #isFirst = true;
  #endedInReturn = false;
  #id = '';
  #type = '';
  #data: string[] = [];

  /** The events that this piece completes. */
  push(piece: string): SseEvent[] {
    const lines = (this.#rest + this.#joined(piece)).split(/\r\n|\n|\r/);
    this.#rest = lines.pop() ?? '';
    return lines.flatMap((line) => this.#read(line) ?? []);
  }

  /** Without the byte order mark at the very beginning, and without the second half of a line's end whose first was in the piece before. */
  #joined(piece: string): string {
    if (piece === '') return '';
    const from = (this.#isFirst && piece.startsWith('\uFEFF')) || (this.#endedInReturn && piece.startsWith('\n')) ? 1 : 0;
    this.#isFirst = false;
    this.#endedInReturn = piece.endsWith('\r');
    return piece.slice(from);
  }

  #read(line: string): SseEvent | undefined {
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    if (colon === 0) return undefined;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') this.#data.push(value);
    else if (field === 'event') this.#type = value;
    else if (field === 'id' && !value.includes('\0')) this.#id = value;
    return undefined;
  }

  #dispatch(): SseEvent | undefined {
    const [type, data] = [this.#type || 'message', this.#data];
    this.#type = '';
    this.#data = [];
    return data.length === 0 ? undefined : { id: this.#id, type, data: data.join('\n') };
  }
}
