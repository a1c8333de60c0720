import { Global, Module, type NestModule } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { AbortEntry } from './abort.entry.js';
import { AbortExceptionFilter } from './abort-exception.filter.js';
import { AbortContext } from './abort.context.js';
import { ConfigurableModuleClass } from './abort.module-definition.js';
import { AbortStats } from './abort.stats.js';
import { ClosingTurns } from './closing-turns.js';
import { ConnectionWatch } from './connection-watch.js';
import { DisconnectTurns } from './disconnect-turns.js';
import { RequestScope } from './request-scope.js';

/**
 * Turns client disconnects into ambient `AbortSignal`s for the whole app: opens a scope around each request, registers the exception
 * filter and provides `AbortContext`. Import it once, in the root module, through `forRoot` or `forRootAsync`.
 */
@Global()
@Module({
  providers: [
    AbortContext,
    AbortStats,
    DisconnectTurns,
    RequestScope,
    AbortEntry,
    ClosingTurns,
    ConnectionWatch,
    { provide: APP_FILTER, useClass: AbortExceptionFilter },
  ],
  exports: [AbortContext, AbortStats, RequestScope],
})
export class AbortModule extends ConfigurableModuleClass implements NestModule {
  constructor(private readonly entry: AbortEntry) {
    super();
  }

  configure(): void {
    this.entry.install();
  }
}
