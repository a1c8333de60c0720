import { ConfigurableModuleBuilder, type DynamicModule } from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { AbortInterceptor } from './abort.interceptor.js';
import { ABORT_ENTRY, ABORT_OPTIONS, type AbortEntryPoint, type AbortOptions } from './abort.options.js';

const EXTRAS: { entry?: AbortEntryPoint } = { entry: 'request' };

export const { ConfigurableModuleClass } = new ConfigurableModuleBuilder<Partial<AbortOptions>>({ optionsInjectionToken: ABORT_OPTIONS })
  .setClassMethodName('forRoot')
  .setExtras(EXTRAS, (definition, { entry }) => (entry === 'interceptor' ? withInterceptor(definition) : definition))
  .build();

function withInterceptor(definition: DynamicModule): DynamicModule {
  const providers = [
    { provide: ABORT_ENTRY, useValue: 'interceptor' },
    { provide: APP_INTERCEPTOR, useClass: AbortInterceptor },
  ];
  return { ...definition, providers: [...(definition.providers ?? []), ...providers] };
}
