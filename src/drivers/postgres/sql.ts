import { readFile } from 'node:fs'
import { HasqlError } from '../../errors.ts'
import type { NativeQuery, NativeSql } from './native.ts'
import { isNativeQuery, makeNative } from './native.ts'

/** Where the queries of an `sql` go. */
export interface QueryDesk {
  /** Somebody waits for the query now. May not throw. */
  run(query: NativeQuery): void
  /** The query is to be called off, whether or not it was run. */
  cancel(query: NativeQuery): void
}

/** What of an `sql` is not about a single query. */
export type OwnParts = Readonly<Record<string, (...args: never[]) => unknown>>

/** What belongs to the template's function object, or would connect by itself. */
const NOT_TAKEN: ReadonlySet<string> = new Set(['length', 'name', 'prototype', 'arguments', 'caller', 'parameters'])

/**
 * A function like the `sql` of postgres.js whose queries go to a desk: fragments, helpers, types and options are the
 * template's, and `own` has the rest.
 */
export function sqlOn(template: NativeSql, desk: QueryDesk, own: OwnParts): object {
  const { debug } = template.options
  const handler = Object.assign((query: NativeQuery) => desk.run(query), { debug })
  const canceller = (query: NativeQuery): void => desk.cancel(query)
  const adopt = (made: unknown): unknown => {
    if (isNativeQuery(made)) {
      made.handler = handler
      made.canceller = canceller
    }
    return made
  }
  const tag = (first: unknown, ...rest: readonly unknown[]): unknown => adopt(template(first, ...rest))
  return Object.assign(tag, partsOf(template), {
    unsafe: (text: string, args?: readonly unknown[], options?: object): unknown =>
      adopt(args === undefined ? template.unsafe(text) : template.unsafe(text, args, options)),
    file: (path: string, args: readonly unknown[] | object = [], options: object = {}): unknown => {
      const [values, settings] = Array.isArray(args) ? [args, options] : [[], args]
      const made = adopt(template.unsafe('', values, { prepare: true, ...settings }))
      if (isNativeQuery(made)) made.handler = readingFile(path, handler)
      return made
    },
    notify: async (channel: string, payload: unknown): Promise<unknown> =>
      adopt(template.unsafe('select pg_catalog.pg_notify($1, $2)', [channel, String(payload)])),
    largeObject: largeObjectOf(template, own),
    subscribe: refused('subscribe', 'connect to one host with postgres itself for logical replication'),
    close: () => own['end']?.(),
    ...own,
  })
}

const parts = new WeakMap<NativeSql, object>()

/** What all that are made of a template have in common: one is made for each transaction. */
function partsOf(template: NativeSql): object {
  const known = parts.get(template)
  if (known !== undefined) return known
  const taken = Object.entries(Object.getOwnPropertyDescriptors(template)).filter(([name]) => !NOT_TAKEN.has(name))
  const made = Object.fromEntries(taken.map(([name, { value }]): [string, unknown] => [name, value]))
  parts.set(template, made)
  return made
}

/** What an `sql` has by its type and cannot do; rejects with what to do instead. */
export function refused(name: string, instead: string): () => Promise<never> {
  return () => Promise.reject(new HasqlError('ERR_HASQL_UNSUPPORTED', `${name} does not work here: ${instead}`))
}

/** A query whose text comes from a file, which is read when the query is run. */
function readingFile(path: string, handler: NativeQuery['handler']): NativeQuery['handler'] {
  const { debug } = handler
  const read = (query: NativeQuery): void =>
    readFile(path, 'utf8', (error, text) => {
      if (error !== null) return query.reject(error)
      query.strings = [text]
      handler(query)
    })
  return Object.assign(read, { debug })
}

/**
 * postgres.js' large objects live in a transaction, for which they call `begin` of the `sql` they belong to; nobody there hears
 * of its failure.
 */
function largeObjectOf(template: NativeSql, { begin }: OwnParts): (...args: readonly unknown[]) => Promise<unknown> {
  return (...args) =>
    new Promise((resolve, reject) => {
      const native = makeNative({ ...template.options, max: 1 })
      Reflect.set(native, 'begin', (work: never) => Promise.resolve(begin?.(work)).catch(reject))
      const largeObject: unknown = Reflect.get(native, 'largeObject')
      if (typeof largeObject === 'function') resolve(Reflect.apply(largeObject, undefined, args))
    })
}
