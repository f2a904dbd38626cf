/** What the command ends with; scripts may rely on it. docs/cli.md has the table. */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  noMaster: 3,
  splitBrain: 4,
  staleMaster: 5,
  hostOut: 6,
  accessRefused: 7,
  replicaNotFollowing: 8,
  writesWait: 9,
  mixedEndpoint: 10,
  interrupted: 130,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]
