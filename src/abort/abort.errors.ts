/** Somebody looked for an abort signal where there is none: a mistake of the programmer, not an abort. */
export class OutsideAbortScopeError extends Error {
  readonly code = 'outside_abort_scope';
  override readonly name = 'OutsideAbortScopeError';

  constructor(wanted: string) {
    super(
      `${wanted} was used outside any abort scope, so nothing could stop it. ` +
        'Inside a request, register AbortModule; elsewhere wrap the work in AbortContext.run(signal, fn), or in ' +
        'AbortContext.detached(reason, fn) if it belongs to nobody (boot, migrations, sweeps).',
    );
  }
}
