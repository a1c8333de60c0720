import { ConfigurableModuleBuilder } from '@nestjs/common';

/** Options of `AbortModule.forRoot` and `forRootAsync`. */
export interface AbortOptions {
  /** A layer that still runs so many milliseconds after its abort is named a zombie, and its caller is let go. Default 5000. */
  readonly zombieAfterMs: number;
  /** How long a shield may run when it names no time of its own, in milliseconds. Default 5000. */
  readonly shieldTimeoutMs: number;
  /** `false` lets requests go on when their client leaves: the baseline that the savings are measured against. Default `true`. */
  readonly abortOnDisconnect: boolean;
}

export const ABORT_DEFAULTS: AbortOptions = { zombieAfterMs: 5000, shieldTimeoutMs: 5000, abortOnDisconnect: true };

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN: ABORT_OPTIONS } = new ConfigurableModuleBuilder<Partial<AbortOptions>>({
  moduleName: 'Abort',
})
  .setClassMethodName('forRoot')
  .build();
