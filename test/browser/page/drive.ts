/** Where in its reply a task is when its page is left. */
export const MOMENTS = ['in the same tick', 'before the headers', 'before the first event', 'in mid-stream', 'at the last word'] as const;
export type Moment = (typeof MOMENTS)[number];

/** How the page is left, in the tick in which stop is pressed; `unmount` without that. */
export const WAYS = ['stay', 'unmount', 'route', 'navigation', 'close'] as const;
export type Way = (typeof WAYS)[number];

/** The last word of a reply, where the moment of that name is waited for. */
export const LAST_WORD = 'END';

export type Button =
  'run' | 'stop' | 'reset' | 'read-books' | 'suspend' | 'resume' | 'go-quiz' | 'go-chat' | 'go-eager' | 'go-patient' | 'go-elsewhere';

/** What the next run asks with. */
export interface Asked {
  readonly taskId?: string;
  readonly onDisconnect?: 'continue' | `grace=${number}`;
  /** The page does not pass the signal on, so that an answer comes although nobody wants it any more. */
  readonly isDeaf?: boolean;
  /** The platform's `fetch` knows no signals. */
  readonly isUncut?: boolean;
}

/** What a person sees. */
export interface Shown {
  readonly status: string;
  readonly text: string;
  readonly error: string;
  readonly books: string;
}

/** What the page offers to whoever drives it, as `globalThis.drive`. */
export interface Drive {
  asked: Asked;
  /** How often the whole tree was rendered. */
  renders: number;
  /** Answers and events that have reached the page, whether or not anybody wanted them. */
  heard: number;
  /** The tasks that this page has asked for. */
  readonly tasks: string[];
  /** Cancels that have left, over all pages of this browser. */
  readonly sentCancels: readonly string[];
  /** What React and the browser complained of. */
  readonly complaints: string[];
  /** The run of a component that may have gone since. */
  runAgain: () => void;
  shown(): Shown;
  /** Presses buttons one after the other, in one tick. */
  press(...buttons: readonly Button[]): void;
  /** Begins with the next turn of the event loop, so that the answer to this very call is not held up. */
  leaveAt(moment: Moment, way: Way): void;
  /** So many streams at once, besides what the page shows. Their ids. */
  crowd(count: number): readonly string[];
  /** Has this one of the crowd been heard of? */
  isHeard(taskId: string): boolean;
  abort(taskId: string): void;
  /** Without leaving the stream of the task. */
  cancel(taskId: string): Promise<string>;
  /** How many were put. */
  putResources(): Promise<number>;
  /** Its task, and how many bytes it was told to have left in the end. */
  upload(bytes: readonly number[]): Promise<{ readonly taskId: string; readonly loaded: number }>;
}

declare global {
  var drive: Drive;
}
