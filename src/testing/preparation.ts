import { openBinaries } from './binaries.ts'
import type { ResolvedClusterOptions } from './cluster-options.ts'
import { handDown } from './hand-down.ts'
import { RunFolder } from './run-folder.ts'
import { openTemplate } from './template.ts'

/** What clusters are copied from, kept ready; see `PgCluster.prepare`. */
export interface PgPreparation extends AsyncDisposable {
  /** Removes it, unless a cluster of this process is still open: then that one does. */
  readonly close: () => Promise<void>
}

let open = 0

/** Makes the template of such clusters, and tells the processes started from now on where it is. */
export async function prepare(options: ResolvedClusterOptions): Promise<PgPreparation> {
  const run = RunFolder.open()
  try {
    await openTemplate(run, await openBinaries(run, options.version, options.binaries), options)
    handDown({ serverUid: run.serverUid, folders: await run.made() })
  } catch (error) {
    await run.release()
    throw error
  }
  open += 1
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => {
    if (closing !== undefined) return closing
    open -= 1
    if (open === 0) handDown(undefined)
    closing = run.release()
    return closing
  }
  return { close, [Symbol.asyncDispose]: close }
}
