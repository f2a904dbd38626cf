/** How bad something is: what the page colours it by. */
export type Level = 'ok' | 'info' | 'warn' | 'bad'

/** One host as the page shows it. Times that end in `AtMs` are on the manager's monotonic clock, like `Message.nowMs`. */
export interface HostView {
  readonly host: string
  /** What it is, for example `master`, or `suspect` while it is being checked again. */
  readonly state: string
  /** What it would be without the suspicion. */
  readonly kind: string
  readonly why: string
  readonly sinceAtMs: number
  readonly timeline: number | undefined
  readonly lsn: string | undefined
  readonly responseTimeMs: number | undefined
  readonly lagMs: number | undefined
  readonly lagBytes: number | undefined
  readonly used: number
  readonly max: number
  readonly total: number
  readonly waiting: number
  readonly acquires: number
  readonly acquireTimeouts: number
  readonly connectErrors: number
  readonly labels: Readonly<Record<string, string>>
  /** What the page offers to do to it; empty unless the dashboard was given `actions`. */
  readonly actions: readonly string[]
}

/** The manager as the page shows it. */
export interface ManagerView {
  readonly waiters: number
  readonly acquireTimeouts: number
  readonly failovers: number
  /** Times without a known master, summed, one that goes on included; the first search is not one. */
  readonly outageMs: number
  /** Since when no master is known. */
  readonly masterlessAtMs: number | undefined
  readonly retries: number
  readonly stalls: number
}

/** All that is true at one moment: what `snapshot.json` answers. */
export interface StateView {
  readonly title: string
  readonly level: Level
  readonly headline: string
  readonly detail: string
  readonly hosts: readonly HostView[]
  readonly manager: ManagerView
  readonly note: string | undefined
}

/** One line of the list of changes. */
export interface ChangeView {
  readonly id: number
  readonly atMs: number
  readonly level: Level
  readonly text: string
}

/** Of one host at one moment; null: not known. In the order `responseTimeMs`, `lagMs`, `acquires`. */
export type SampleOfHost = readonly [number | null, number | null, number]

/** Of all hosts at one moment, in the order of `StateView.hosts`. */
export interface Sample {
  readonly atMs: number
  readonly hosts: readonly SampleOfHost[]
}

/** From when on a host was what. */
export type Span = readonly [atMs: number, state: string]

/** What went before: sent once, and again to who missed something. */
export interface History {
  readonly samples: readonly Sample[]
  /** In the order of `StateView.hosts`, oldest first. */
  readonly spans: readonly (readonly Span[])[]
}

/** One server-sent event. */
export interface Message {
  readonly nowMs: number
  readonly state: StateView
  /** Those that are new; all that are remembered where there is a `history`. */
  readonly changes: readonly ChangeView[]
  /** Whether a second has passed: the state is a sample for the charts. */
  readonly tick: boolean
  readonly history?: History
}
