import type { ModelCall } from '../llm/offline/index.js';
import { eventually } from './eventually.js';
import type { Gate } from './gate.js';
import type { ScriptedModelServer } from './scripted-model-server.js';

/** How long an app may take to close its calls after the first. One that goes on is found all the same: its next call is not closed at all. */
const CLOSING_MS = 100;

interface Cut {
  readonly stage: string;
  readonly at: number;
  readonly begun: readonly ModelCall[];
  readonly inFlight: readonly ModelCall[];
}

/** A client that hung up at a stage, and what the model was doing for it then. Made by `disconnectAt`. */
export class Disconnect {
  /** Where the work was: `call 1 of quiz, 10 chunks into its answer`, or `the gate`. */
  readonly stage: string;
  /** When the socket was cut (`performance.now()`). */
  readonly at: number;
  /** The calls that the model server had received by then. */
  readonly begun: readonly ModelCall[];
  /** Those of them that were not over. */
  readonly inFlight: readonly ModelCall[];

  constructor(
    cut: Cut,
    readonly model: ScriptedModelServer,
    private readonly isMeant: (call: ModelCall) => boolean,
    private readonly gates: readonly Gate[],
  ) {
    this.stage = cut.stage;
    this.at = cut.at;
    this.begun = cut.begun;
    this.inFlight = cut.inFlight;
  }

  /** The calls that the model server has received since the cut. Grows. */
  get callsAfter(): readonly ModelCall[] {
    return this.model.journal.filter((call) => this.isMeant(call) && !this.begun.includes(call));
  }

  /** Resolves when the calls that were on their way at the cut have arrived and are over, or once there was time enough for that. */
  async arrivalsClosed(): Promise<void> {
    await this.model.caughtUp();
    const areOver = (): boolean => this.callsAfter.every(({ outcome }) => outcome !== undefined);
    await eventually(areOver, { timeoutMs: CLOSING_MS }).catch(() => undefined);
  }

  /** Lets go of the work that is held at the stage, if it is still there. `expectNoWorkAfter` does so itself. */
  release(): void {
    for (const gate of this.gates) gate.open();
  }
}
