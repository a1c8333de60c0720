import { Global, Module } from '@nestjs/common';
import { APP_FILTER, APP_INTERCEPTOR } from '@nestjs/core';
import { AbortExceptionFilter } from './abort-exception.filter.js';
import { AbortContext } from './abort.context.js';
import { AbortInterceptor } from './abort.interceptor.js';
import { ConfigurableModuleClass } from './abort.options.js';
import { AbortStats } from './abort.stats.js';

/**
 * Turns client disconnects into ambient `AbortSignal`s for the whole app: registers the interceptor and the exception filter and
 * provides `AbortContext`. Import it once, in the root module, through `forRoot` or `forRootAsync`.
 */
@Global()
@Module({
  providers: [
    AbortContext,
    AbortStats,
    { provide: APP_INTERCEPTOR, useClass: AbortInterceptor },
    { provide: APP_FILTER, useClass: AbortExceptionFilter },
  ],
  exports: [AbortContext, AbortStats],
})
export class AbortModule extends ConfigurableModuleClass {}
