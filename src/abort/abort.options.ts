import { ConfigurableModuleBuilder } from '@nestjs/common';

/** Options of `AbortModule.forRoot` and `forRootAsync`. */
export class AbortOptions {
  /** A layer that still runs so many milliseconds after its abort is named a zombie, and its caller is let go. */
  zombieAfterMs = 5000;
  /** How long a shield may run when it names no time of its own, in milliseconds. */
  shieldTimeoutMs = 5000;
  /** `false` lets requests go on when their client leaves: the baseline that the savings are measured against. */
  abortOnDisconnect = true;
}

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN: ABORT_OPTIONS } = new ConfigurableModuleBuilder<Partial<AbortOptions>>({
  moduleName: 'Abort',
})
  .setClassMethodName('forRoot')
  .build();
