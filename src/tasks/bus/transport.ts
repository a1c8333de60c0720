/** What carries texts between instances. At most once: whoever needs more looks into the database. */
export interface Transport {
  /** Begins to listen, and goes on trying by itself for as long as it is down. Nothing is told before it returns. */
  start(on: TransportEvents): void;
  /** Resolves with whether the text is known to have gone out, soon in any case; never rejects. */
  send(text: string): Promise<boolean>;
  /** What is being sent may still go out. Resolves when no connection and no timer is left; never rejects. */
  close(): Promise<void>;
}

export interface TransportEvents {
  /** Whatever anybody has sent, this instance included. */
  readonly onText: (text: string) => void;
  readonly onUp: () => void;
  /** Once for every attempt that failed, and for every connection that was lost. */
  readonly onDown: (why: unknown) => void;
}
