import type { Receipt } from '../tasks/index.js';

export interface LogLine {
  readonly msg: string;
  readonly task_id?: string;
  readonly receipt?: Receipt;
}

/** Takes the app's log lines instead of standard output. */
export class LogTap {
  readonly lines: LogLine[] = [];

  write(line: string): void {
    this.lines.push(JSON.parse(line) as LogLine);
  }

  /** The line with the receipt of a stopped task. Throws while there is none. */
  receipt(): Required<LogLine> {
    const line = this.lines.find(({ receipt }) => receipt !== undefined);
    if (!line) throw new Error('No task has told of its end yet.');
    return line as Required<LogLine>;
  }

  of(taskId: string): string[] {
    return this.lines.filter(({ task_id }) => task_id === taskId).map(({ msg }) => msg);
  }
}
