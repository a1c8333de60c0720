/** An event of a task's own account, as a stream gave it. */
export interface ToldEvent {
  readonly attempt: number;
  readonly sequence: number;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

const BLOCK = /^id: (?<attempt>\d+)-(?<sequence>\d+)\nevent: (?<type>.+)\ndata: (?<data>.*)$/;

/** Throws where a block is no event and no comment. */
export function eventsOf(text: string): ToldEvent[] {
  const blocks = text.split('\n\n').filter((block) => block !== '' && !block.startsWith(':'));
  return blocks.map((block) => {
    const { attempt, sequence, type, data } = BLOCK.exec(block)?.groups ?? {};
    if (type === undefined || data === undefined) throw new Error(`No event: ${block}`);
    return { attempt: Number(attempt), sequence: Number(sequence), type, data: JSON.parse(data) as ToldEvent['data'] };
  });
}

/** What is wrong with an account by itself; `undefined` where it has no hole that it does not tell of, and an end. */
export function faultOf(events: readonly ToldEvent[]): string | undefined {
  const last = events.at(-1);
  if (last?.type !== 'task-end') return `it ends with ${last?.type ?? 'nothing'}`;
  const hole = events.slice(0, -1).findIndex(({ type, sequence }, i) => type !== 'gap' && sequence !== (events[i - 1]?.sequence ?? 0) + 1);
  return hole === -1 ? undefined : `event ${hole} has the place ${events[hole]?.sequence ?? 0}`;
}
