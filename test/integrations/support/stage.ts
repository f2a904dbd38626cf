import { PoolManager } from 'hasql/pg'
import { PgCluster } from 'hasql/testing'
import type { PgNode } from 'hasql/testing'
import type { Library, Subject } from './library.ts'

const TABLE = `create table story (id int primary key, port int not null default current_setting('port')::int);
  grant all on story to public`

/** A cluster with a library open on it. */
export interface Stage {
  readonly cluster: PgCluster
  readonly subject: Subject
  readonly master: PgNode
  readonly replicas: readonly PgNode[]
  close(): Promise<void>
}

/** Starts a master with two replicas and opens the library on it. */
export async function openStage(library: Library): Promise<Stage> {
  const cluster = await PgCluster.start({ replicas: 2 })
  const db = new PoolManager(cluster.dsn, { fallbackMaster: true, poolOptions: { max: 4 } })
  const closeAll = async (): Promise<void> => {
    await db.terminate()
    await cluster.close()
  }
  try {
    const [master, replicas] = [await cluster.master(), await cluster.replicas()]
    await master.query(TABLE)
    if (library.ownManager !== true) await db.ready()
    const subject = await library.open({ db, dsn: cluster.dsn })
    const close = async (): Promise<void> => {
      await subject.close().finally(closeAll)
    }
    return { cluster, subject, master, replicas, close }
  } catch (error) {
    await closeAll()
    throw error
  }
}
