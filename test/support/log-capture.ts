/** Log lines as the process would write them, parsed. */
export class LogCapture {
  readonly lines: LogLine[] = [];

  write(line: string): void {
    this.lines.push(JSON.parse(line) as LogLine);
  }

  get messages(): string[] {
    return this.lines.map(({ msg }) => msg);
  }

  at(level: string): LogLine[] {
    return this.lines.filter((line) => line.level === level);
  }

  clear(): void {
    this.lines.length = 0;
  }
}

export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** One for each test file: nestjs-pino keeps the logger of the first app for all later ones. */
export const logs = new LogCapture();
