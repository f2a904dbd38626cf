import type { ManagerOptions } from 'hasql'
import type { Ground } from './ground.ts'
import type { Scenario } from './scenario.ts'

/** The drivers that the application under test runs on. */
export type DriverName = 'pg' | 'postgres' | 'pg-native'

/** What every stack has: the database, the application's user, and the superuser that the oracle asks with. */
export const DATABASE = 'app'
export const APP_USER = 'app'
export const APP_PASSWORD = 'app-secret'
/** The application's name in `pg_stat_activity`; its probes add " probe". */
export const APP_NAME = 'stacks-application'
export const SUPERUSER = 'postgres'
export const SUPERUSER_PASSWORD = 'super-secret'

/** A PostgreSQL server of a stack, reached directly, past everything in front of it. */
export interface StackNode {
  readonly name: string
  /** PostgreSQL itself, on 127.0.0.1. */
  readonly port: number
  readonly dataFolder: string
  /** The postmaster and its descendants, parents first; empty when it is down. */
  serverPids(): Promise<readonly number[]>
  /** Who manages it (Patroni, pg_autoctl, repmgrd), without its PostgreSQL; empty when it is down. */
  agentPids(): Promise<readonly number[]>
}

/** What the application under test is given beside the DSN; what is good for one driver only is named so. */
export interface ApplicationSettings {
  /** For every driver, for example `{ probe: … }`. Kept open: options come and go. */
  readonly options?: Omit<ManagerOptions, 'hosts'> & Readonly<Record<string, unknown>>
  /** `poolOptions` by driver, for example `{ postgres: { prepare: false } }`. */
  readonly poolOptions?: Partial<Record<DriverName, Readonly<Record<string, unknown>>>>
}

/** Endpoints that lead from one server to another. */
export interface Endpoint {
  /** The port of the server that a new connection to the write endpoint reaches now; undefined: none. */
  leadsTo(): Promise<number | undefined>
  /** Has what stands in front read its settings again. */
  reload?(): Promise<void>
}

/** Admin consoles of the PgBouncers, one for each node. */
export interface Poolers {
  /** Runs a command of the admin console (`PAUSE`, `RESUME`, `RECONNECT`, `KILL app`, `SHOW POOLS`). */
  admin(node: StackNode, command: string): Promise<readonly Readonly<Record<string, unknown>>[]>
}

/** Files of TLS, replaced as a deployment does it: the file first, then a reload of the servers. */
export interface Certificates {
  /** A new certificate and key for every server. */
  renewServers(): Promise<void>
  /** A new certificate and key for the application; resolves to its serial number. */
  renewClient(): Promise<string>
  /** A new authority: trusted beside the old one first, then everything signed by it, then trusted alone. */
  renewAuthority(): Promise<void>
  /** Puts the certificate of one server on the list that the application reads. */
  revoke(node: StackNode): Promise<void>
  /** Gives one server a certificate that is on no list. */
  renewServer(node: StackNode): Promise<void>
}

/** A started stack. A stack leaves out what it has no word for; the scenarios of its kind use only what is there. */
export interface Stack {
  readonly name: string
  readonly nodes: readonly StackNode[]
  /** What the application connects with: hosts in front included, user app, database app. */
  readonly dsn: string
  readonly application?: ApplicationSettings
  readonly endpoint?: Endpoint
  readonly poolers?: Poolers
  readonly certificates?: Certificates
  /** Whom its manager names as the leader now; rejects while there is none. */
  leader(): Promise<StackNode>
  /** Returns when the manager says it is done. */
  switchover?(to?: StackNode): Promise<void>
  restart?(node: StackNode): Promise<void>
  reinit?(node: StackNode): Promise<void>
  /** A failover that somebody asks for by hand. */
  failover?(to: StackNode): Promise<void>
  /** Promotes a replica behind the manager's back. */
  promote?(node: StackNode): Promise<void>
  /** Starts or stops a server behind the manager's back. */
  startServer?(node: StackNode): Promise<void>
  stopServer?(node: StackNode): Promise<void>
  /** Starts the agent of a node; one that runs is left alone. */
  startAgent?(node: StackNode): Promise<void>
  /** No automatic failover until `resume`. */
  pause?(): Promise<void>
  resume?(): Promise<void>
  /** A changed setting that needs no restart goes to every server. */
  reload?(): Promise<void>
  /** The node is taken out of service, and put back. */
  maintenance?(node: StackNode, isOn: boolean): Promise<void>
  /** The manager's store (etcd, monitor) stands still, and goes on. */
  freezeStore?(): Promise<void>
  thawStore?(): Promise<void>
  /**
   * Waits until there is one leader and every other node streams from it, on its timeline; repairs within limits (start what is down, thaw,
   * reinit). Throws after its limit, with the tails of the logs.
   */
  settle(): Promise<void>
  /** Ends what this stack started, agents before servers; parts of the ground are ended by the ground. */
  stop(): Promise<void>
}

/** One kind of stack, with the scenarios that run on it. */
export interface StackKind {
  /** A stable id, for example `haproxy-sticky`. */
  readonly name: string
  /** What it is, in one line. */
  readonly title: string
  /** The programs that it needs: paths to look for, any of which will do, and the Debian package that brings them. */
  readonly needs: readonly Need[]
  readonly scenarios: readonly Scenario[]
  start(ground: Ground): Promise<Stack>
}

/** A program, and where it comes from. */
export interface Need {
  readonly program: string
  /** Places to look in when it is not on the PATH. */
  readonly paths?: readonly string[]
  readonly debianPackage: string
}
