import type { StackKind } from './frame/stack.ts'
import { patroni } from './stacks/patroni.ts'

/** Every stack, in the order in which a sitting starts them: those that stand on the same part are neighbours. */
export const STACKS: readonly StackKind[] = [patroni]
