import type * as Packed from '@hangup/client';
import type * as PackedHooks from '@hangup/client/react';
import type * as Tree from '../../src/client/index.js';
import type * as TreeHooks from '../../src/client/react/index.js';

/** More than assignable to each other, as everything is that has become `any`. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** What is said in each call of a client, and what it answers or tells. */
type Wire<C> = { [S in Exclude<keyof C, 'latest'>]: { [M in keyof C[S]]: Said<C[S][M]> } };
type Said<F> = F extends (...args: infer A) => infer R ? { readonly asked: A[0]; readonly told: Told<R> } : never;
type Told<R> = R extends AsyncIterable<infer E> ? E : Awaited<R>;

type In<C, S extends PropertyKey, M extends PropertyKey> = S extends keyof C ? (M extends keyof C[S] ? C[S][M] : never) : never;
type Differing<A, B> = {
  [S in keyof A & string]: { [M in keyof A[S] & string]: Same<A[S][M], In<B, S, M>> extends true ? never : `${S}.${M}` }[keyof A[S] &
    string];
}[keyof A & string];
type NoneOf<T extends string> = [T] extends [never] ? 'none' : `${T} differs`;

export const differing: NoneOf<Differing<Wire<Tree.HangupClient>, Wire<Packed.HangupClient>>> = 'none';

export const others: readonly true[] = [
  true satisfies Same<Tree.HangupProblem, Packed.HangupProblem>,
  true satisfies Same<Awaited<Tree.CancelledError['confirmation']>, Awaited<Packed.CancelledError['confirmation']>>,
  true satisfies Same<Tree.CancelledError['abortCause'], Packed.CancelledError['abortCause']>,
  true satisfies Same<Tree.AnyTaskEvent, Packed.AnyTaskEvent>,
  true satisfies Same<TreeHooks.TaskProgress, PackedHooks.TaskProgress>,
];
