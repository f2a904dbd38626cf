import type { FakeErrorCode } from './fake-error.ts'

/** What can be wrong with a model server, each on its own; together they overlap as they like. */
export class Conditions {
  frozen = false
  /** Why newcomers are turned away, if they are. */
  turnsAway: FakeErrorCode | undefined
  /** Other servers cannot reach it, nor it them; its clients can. */
  peersCut = false
  replayPaused = false
  /** Executes the next write and dies on it: the answer never comes. */
  dropsNextAnswer = false
  /** Executes writes, but does not answer them: half dead, as one that waits for a synchronous standby. */
  holdsWrites = false
  /** The share of statements that a pooler in between answers with a fatal 08P01; newcomers fare alike. */
  poolerErrors = 0
  /** The share of answers to which a pooler in between adds a pushed setting that it remembers wrongly. */
  hintNoise = 0
  /** A pooler in between keeps pushed settings to itself. */
  hintsMuted = false
  /** Another server answers under its name: with this timeline, or without its cluster. */
  lies: 'NaN' | '4294967295' | '-1' | '1000500' | 'nameless' | undefined
  /** The longest time that is added to a connect. */
  authMs = 0
  /** Multiplies the time of each statement. */
  slowness = 1
  /** A pooler in front lets everybody in, and has statements wait for a server this long at most. */
  queueMs = 0
  /** A pooler in front lets everybody in, and keeps all statements back. */
  poolerPaused = false
  /** Its name is not found, and not refused either: a connect does not even begin. */
  lookUpsHang = false

  /** Everything in order, except what needs an act: thawing, mending, and what was held back. */
  protected calm(): void {
    this.turnsAway = undefined
    this.peersCut = false
    this.replayPaused = false
    this.dropsNextAnswer = false
    this.poolerErrors = 0
    this.hintNoise = 0
    this.hintsMuted = false
    this.authMs = 0
    this.slowness = 1
    this.queueMs = 0
    this.poolerPaused = false
  }
}
