import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { pgbouncerIni, userList } from '../../stacks/stacks/pgbouncer-files.ts'
import { nodeConninfo, rejoinLogs, repmgrConf, SSH_STAND_IN, startArguments } from '../../stacks/stacks/repmgr-files.ts'

describe("PgBouncer's files", () => {
  const place = {
    poolMode: 'transaction',
    listenPort: 6432,
    serverPort: 5432,
    database: 'app',
    admin: 'pooler',
    authFile: '/tmp/users.txt',
  } as const

  test('the database leads to the server, and the pool is of five', () => {
    const lines = pgbouncerIni(place).split('\n')
    expect(lines).toContain('app = host=127.0.0.1 port=5432 dbname=app')
    expect(lines).toContain('listen_port = 6432')
    expect(lines).toContain('pool_mode = transaction')
    expect(lines).toContain('default_pool_size = 5')
    expect(lines).toContain('server_login_retry = 1')
  })

  test('it listens on loopback alone, and on no socket', () => {
    const lines = pgbouncerIni(place).split('\n')
    expect(lines).toContain('listen_addr = 127.0.0.1')
    expect(lines).toContain('unix_socket_dir =')
  })

  test('names and passwords are quoted in the list of users', () => {
    const users = [
      { name: 'app', password: 'a"b' },
      { name: 'pooler', password: 'c d' },
    ]
    expect(userList(users)).toBe('"app" "a""b"\n"pooler" "c d"\n')
  })
})

describe("repmgr's files", () => {
  const place = { id: 2, name: 'n2', port: 12502, dataFolder: '/d/n2', folder: '/d', binaries: '/pg/bin' }

  test('the port of a node is on its command line, not in files that pg_rewind copies', () => {
    expect(startArguments(place)).toEqual(['-D', '/d/n2', '-l', '/d/n2.log', '-w', '-o', '-p 12502', 'start'])
    const conf = repmgrConf(place).split('\n')
    expect(conf).toContain("node_id='2'")
    expect(conf).toContain(`conninfo='${nodeConninfo(place)}'`)
    expect(conf).toContain(`service_start_command='/pg/bin/pg_ctl -D /d/n2 -l /d/n2.log -w -o "-p 12502" start'`)
    expect(conf).toContain("failover='automatic'")
  })

  test('the logs that a switchover left in /tmp are known by their second', () => {
    const names = [
      'node-rejoin.100.log',
      'node-rejoin.104.log',
      'node-rejoin.99.log',
      'node-rejoin.105.log',
      'x.101.log',
    ]
    expect(rejoinLogs(names, 100, 104.5)).toEqual(['node-rejoin.100.log', 'node-rejoin.104.log'])
  })

  describe('the stand-in for ssh', () => {
    let folder: string
    let ssh: string

    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'hasql-ssh-'))
      ssh = join(folder, 'ssh')
      writeFileSync(ssh, SSH_STAND_IN, { mode: 0o700 })
    })

    afterAll(() => {
      rmSync(folder, { recursive: true, force: true })
    })

    const run = (...args: readonly string[]): string => execFileSync(ssh, args, { encoding: 'utf8' })

    test('runs the command here, as the shell of the other machine would', () => {
      expect(run('-o', 'Batchmode=yes', '-q', '127.0.0.1', 'echo "one  two" && echo three')).toBe('one  two\nthree\n')
    })

    test('takes a command in several words as one', () => {
      expect(run('-q', '127.0.0.1', 'echo', '-n', 'here')).toBe('here')
    })
  })
})
