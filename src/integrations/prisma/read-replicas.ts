import type { AsyncLocalStorage } from 'node:async_hooks'
import { HasqlError } from '../../errors.ts'
import { invoke } from '../pg/with-methods.ts'
import type { NativeClient } from '../pg/borrowed-client.ts'
import { ReadOperation } from './operation.ts'
import type { Operation } from './operation.ts'

/** Its type is that of no members at all. */
const _none = {}

/** What an extension adds to a `PrismaClient`, in the form that Prisma's types read it. */
export interface ReadReplicas {
  readonly $extends: {
    readonly extArgs: {
      readonly result: typeof _none
      readonly model: typeof _none
      readonly query: typeof _none
      readonly client: {
        /** The client whose reads go to the master: for what must see what was just written. In a transaction: that. */
        readonly $primary: () => <C>(this: C) => C
        /** The client whose reads, raw ones of any text and transactions go to a replica. Not in a transaction. */
        readonly $replica: () => <C>(this: C) => C
      }
    }
  }
}

/** One call of an operation, as Prisma tells an extension of it. */
interface Call {
  readonly model?: string | undefined
  readonly operation: string
  readonly args: unknown
  readonly query: (args: unknown) => Promise<unknown>
  readonly __internalParams?: { readonly transaction?: unknown } | undefined
}

const READS: ReadonlySet<string> = new Set([
  ...['findUnique', 'findUniqueOrThrow', 'findFirst', 'findFirstOrThrow', 'findMany', 'count', 'aggregate', 'groupBy'],
  ...['$queryRaw', '$queryRawUnsafe', '$queryRawTyped'],
])

const TRANSACTION = '$transaction'
const EXTENDS = '$extends'

/** Sends the reads of one client where they are wanted. */
export class ReadRouter {
  readonly #operations: AsyncLocalStorage<Operation | undefined>
  readonly #lease: () => Promise<NativeClient>
  /** The `findUnique`s that are under way. */
  readonly #unique = new Set<ReadOperation>()

  constructor(operations: AsyncLocalStorage<Operation | undefined>, lease: () => Promise<NativeClient>) {
    this.#operations = operations
    this.#lease = lease
  }

  extend(client: object): ReadReplicas
  extend(client: object): unknown {
    const choices = {
      $primary(this: object) {
        return isTransaction(this) ? this : primary
      },
      $replica(this: object) {
        if (isTransaction(this)) throw new HasqlError('ERR_HASQL_SESSION_BUSY', IN_TRANSACTION)
        return replica
      },
    }
    const onReplica = (...args: readonly unknown[]): unknown =>
      this.#operations.run({ kind: 'transaction', isBegun: false }, () => invoke(client, TRANSACTION, args))
    const primary = extended(client, choices, (call) => this.#run(call, 'master', false))
    const replica = extended(client, { ...choices, [TRANSACTION]: onReplica }, (call) =>
      this.#run(call, 'replica', true),
    )
    return extended(client, choices, (call) => this.#run(call, 'replica', false))
  }

  /** Whatever writes goes to the master by itself: Prisma puts the reads that belong to a write into its transaction. */
  #run(call: Call, role: 'master' | 'replica', isForced: boolean): Promise<unknown> {
    const { operation, args, query } = call
    if (call.__internalParams?.transaction !== undefined) return query(args)
    if (!READS.has(operation)) return this.#operations.run(undefined, () => query(args))
    const read = new ReadOperation(role, isForced, this.#lease)
    if (operation.startsWith('findUnique')) this.#agree(read)
    return this.#operations.run(read, () => this.#end(query(args), read))
  }

  async #end(answer: Promise<unknown>, read: ReadOperation): Promise<unknown> {
    try {
      return await answer
    } finally {
      this.#unique.delete(read)
      read.end()
    }
  }

  /**
   * Prisma makes one statement of the `findUnique`s of a turn, in the name of the first of them. If one of those needs the master,
   * all that may be part of it go there.
   */
  #agree(read: ReadOperation): void {
    this.#unique.add(read)
    if ([...this.#unique].every(({ role }) => role === 'replica')) return
    for (const each of this.#unique) each.role = 'master'
  }
}

const IN_TRANSACTION = 'A transaction runs on one host: use $replica() outside of it'

/** The client of a transaction can be given no extension; newer ones do have `$transaction`, for one within the other. */
function isTransaction(client: object): boolean {
  return typeof Reflect.get(client, EXTENDS) !== 'function'
}

function extended(client: object, methods: object, run: (call: Call) => Promise<unknown>): object {
  const made = invoke(client, EXTENDS, [{ name: 'hasql', client: methods, query: { $allOperations: run } }])
  return typeof made === 'object' && made !== null ? made : client
}
