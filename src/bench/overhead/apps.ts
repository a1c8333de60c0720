import {
  Controller,
  createParamDecorator,
  Get,
  Injectable,
  Module,
  type CallHandler,
  type DynamicModule,
  type NestInterceptor,
} from '@nestjs/common';
import { APP_INTERCEPTOR } from '@nestjs/core';
import { AbortContext, AbortModule, RequestSignal } from '../../abort/index.js';

@Controller()
class BlindController {
  @Get()
  answer() {
    return { status: 'ok' };
  }
}

/** Reads the signal as services and gateways do. */
@Controller()
class LookingController {
  constructor(private readonly abort: AbortContext) {}

  @Get()
  answer() {
    return { status: this.abort.signal.aborted ? 'gone' : 'ok' };
  }
}

@Controller()
class InjectedController {
  @Get()
  answer(@RequestSignal() signal: AbortSignal) {
    return { status: signal.aborted ? 'gone' : 'ok' };
  }
}

const Nothing = createParamDecorator(() => 0);

@Controller()
class DecoratedController {
  @Get()
  answer(@Nothing() nothing: number) {
    return { status: nothing > 0 ? 'gone' : 'ok' };
  }
}

@Injectable()
class NoopInterceptor implements NestInterceptor {
  intercept(_context: unknown, next: CallHandler) {
    return next.handle();
  }
}

/** The same trivial route, with more and more around it. */
export const VARIANTS = ['bare', 'module', 'looking', 'injected', 'parameter', 'asInterceptor', 'interceptor'] as const;
export type Variant = (typeof VARIANTS)[number];

const PARTS = {
  bare: { controllers: [BlindController] },
  module: { controllers: [BlindController], imports: [AbortModule.forRoot({})] },
  looking: { controllers: [LookingController], imports: [AbortModule.forRoot({})] },
  injected: { controllers: [InjectedController], imports: [AbortModule.forRoot({})] },
  parameter: { controllers: [DecoratedController] },
  asInterceptor: { controllers: [BlindController], imports: [AbortModule.forRoot({ entry: 'interceptor' })] },
  interceptor: { controllers: [BlindController], providers: [{ provide: APP_INTERCEPTOR, useClass: NoopInterceptor }] },
} satisfies Record<Variant, Partial<DynamicModule>>;

@Module({})
export class OverheadModule {
  static of(variant: Variant): DynamicModule {
    return { module: OverheadModule, ...PARTS[variant] };
  }
}
