import { Logger, type LoggerService } from '@nestjs/common';

export interface LogLine {
  readonly level: 'log' | 'error' | 'warn' | 'debug' | 'verbose';
  readonly msg: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly context: unknown;
}

/** A Nest logger that keeps what it is told. */
export class RecordingLogger implements LoggerService {
  readonly lines: LogLine[] = [];

  /** Takes the place of Nest's logger for everything that logs through `new Logger(…)`. */
  static install(): RecordingLogger {
    const logger = new RecordingLogger();
    Logger.overrideLogger(logger);
    return logger;
  }

  log(message: unknown, ...rest: unknown[]): void {
    this.#add('log', message, rest);
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.#add('error', message, rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.#add('warn', message, rest);
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.#add('debug', message, rest);
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.#add('verbose', message, rest);
  }

  /** The messages of one level, of one context if it is named. */
  at(level: LogLine['level'], context?: string): string[] {
    return this.lines.filter((line) => line.level === level && (context === undefined || line.context === context)).map(({ msg }) => msg);
  }

  #add(level: LogLine['level'], message: unknown, rest: readonly unknown[]): void {
    const fields = typeof message === 'object' && message !== null ? (message as Record<string, unknown>) : {};
    const msg = typeof fields.msg === 'string' ? fields.msg : String(message);
    this.lines.push({ level, msg, fields, context: rest.at(-1) });
  }
}
