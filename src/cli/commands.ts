import type { Arguments } from './parse-arguments.ts'
import type { ExitCode } from './exit-code.ts'
import type { Io } from './io.ts'

/** One option of a command: with the name of its value, or a switch. */
export interface OptionSpec {
  readonly short?: string
  readonly value?: string
  readonly text: string
}

export type Run = (given: Arguments, io: Io) => Promise<ExitCode>

/** All that is known of a command: help, completions and parsing are made of it. */
export interface CommandSpec {
  readonly summary: string
  /** The argument, as help names it. */
  readonly argument: '<dsn>' | '[command]' | '<shell>'
  readonly options: Readonly<Record<string, OptionSpec>>
  /** Paragraphs of its help text. */
  readonly text: readonly string[]
  readonly example: string
}

const HELP: OptionSpec = { short: 'h', text: 'show this text' }

const DSN_OPTIONS = {
  'dsn-env': { value: 'NAME', text: 'read the DSN from this environment variable instead' },
  password: { short: 'W', text: 'ask for the password; without a terminal, read it from the first line of the input' },
  'connect-timeout': { value: 'TIME', text: 'for one host to answer; default connect_timeout of the DSN, or 3s' },
  help: HELP,
}

const OUTCOMES =
  'Exit status: 0 all is well, 3 no master, 4 split brain, 5 a stale master, 6 a host or every replica is out, 7 access refused, 2 wrong use or DSN, 1 a failure of the command itself.'

export const COMMANDS: ReadonlyMap<string, CommandSpec> = new Map<string, CommandSpec>([
  [
    'status',
    {
      summary: 'show every host once: role, timeline, lag, why it is in or out',
      argument: '<dsn>',
      options: { json: { text: 'print JSON (docs/status.schema.json)' }, ...DSN_OPTIONS },
      text: ['Asks all hosts at once, and answers within the connect timeout whatever state they are in.', OUTCOMES],
      example: 'hasql status postgresql://app@db1,db2,db3/shop',
    },
  ],
  [
    'watch',
    {
      summary: 'follow the hosts live; q quits',
      argument: '<dsn>',
      options: { interval: { value: 'TIME', text: 'between two checks of a host; default 1s' }, ...DSN_OPTIONS },
      text: [
        'On a terminal it redraws a page; elsewhere it prints one line for each change.',
        'Exit status: 0 after q, 130 after Ctrl-C or a signal.',
      ],
      example: 'hasql watch --dsn-env SHOP_DSN',
    },
  ],
  [
    'check',
    {
      summary: 'explain a DSN: what was read, what each host answers',
      argument: '<dsn>',
      options: DSN_OPTIONS,
      text: [
        'Shows where each value comes from, then for each host: look-up, TCP, TLS, authentication, rights, role, with times.',
        'Exit status: 0 nothing is wrong, 6 a host does not answer, 7 access refused, 2 wrong use or DSN.',
      ],
      example: "hasql check 'postgresql://app@db1,db2/shop?sslmode=verify-full'",
    },
  ],
  [
    'wait',
    {
      summary: 'wait until enough hosts are ready; for start scripts',
      argument: '<dsn>',
      options: {
        masters: { value: 'N', text: 'how many masters; default 1' },
        replicas: { value: 'N', text: 'how many replicas; default 0' },
        timeout: { value: 'TIME', text: 'how long to wait; default 30s' },
        quiet: { short: 'q', text: 'print nothing when ready' },
        ...DSN_OPTIONS,
      },
      text: [
        'Ends at once when every host refuses the user, password or database: waiting would not help.',
        'Exit status: 0 ready, 3 no master in time, 6 not enough replicas in time, 7 access refused, 2 wrong use or DSN.',
      ],
      example: 'hasql wait --dsn-env SHOP_DSN --masters 1 --replicas 1 --timeout 30s && node server.js',
    },
  ],
  [
    'completion',
    {
      summary: 'print a completion script for bash, zsh or fish',
      argument: '<shell>',
      options: { help: HELP },
      text: ['Load it from the start file of your shell.'],
      example: 'source <(hasql completion bash)',
    },
  ],
  [
    'help',
    {
      summary: 'show help for a command',
      argument: '[command]',
      options: { help: HELP },
      text: [],
      example: 'hasql help status',
    },
  ],
])

/** Those that may stand before a command, or without one. */
export const GLOBAL_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  help: HELP,
  version: { short: 'V', text: 'show the version' },
}
