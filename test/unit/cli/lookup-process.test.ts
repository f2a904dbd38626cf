import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { lookAllUp } from '../../../src/cli/look-all-up.ts'
import { openLookupProcess } from '../../../src/cli/lookup-process.ts'
import type { Address, Lookup } from '../../../src/network/lookup.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { FakeResolver } from '../../support/fake-resolver.ts'

function ask(lookup: Lookup, name: string): Promise<string | readonly Address[] | undefined> {
  return new Promise((resolve, reject) => {
    lookup(name, { all: true }, (error, addresses) => (error === null ? resolve(addresses) : reject(error)))
  })
}

describe('look-ups in a process of their own', () => {
  test('bring what the system’s resolver says, addresses and errors', async () => {
    const lookup = await openLookupProcess(2)
    const [found, refused] = await Promise.allSettled([ask(lookup, 'localhost'), ask(lookup, 'a name')])
    expect(found).toMatchObject({ status: 'fulfilled' })
    expect('value' in found && found.value).toContainEqual({ address: '127.0.0.1', family: 4 })
    expect(refused).toMatchObject({
      status: 'rejected',
      reason: {
        message: expect.stringMatching(/^getaddrinfo E\w+ a name$/) as unknown,
        code: expect.any(String) as unknown,
      },
    })
  })

  test('go on in this one when it is gone, and those under way with them', async () => {
    const lookup = await openLookupProcess(1)
    // Linux and macOS have it; elsewhere there is nothing to end.
    spawnSync('pkill', ['-KILL', '-P', String(process.pid), '-f', 'dns.lookup'])
    expect(await ask(lookup, 'localhost')).toContainEqual({ address: '127.0.0.1', family: 4 })
    expect(await ask(lookup, 'localhost')).toContainEqual({ address: '127.0.0.1', family: 4 })
  })

  test('are made in this one where no other can be started', async () => {
    const { execPath } = process
    process.execPath = '/nonexistent/node'
    try {
      expect(await ask(await openLookupProcess(1), 'localhost')).toContainEqual({ address: '127.0.0.1', family: 4 })
    } finally {
      process.execPath = execPath
    }
  })
})

describe('looking all names up at once', () => {
  test('one that hangs fails by itself, the others are served at once', async () => {
    const [clock, resolver] = [new FakeClock(), new FakeResolver()]
    const lookup = lookAllUp(resolver.lookup, ['db1', 'db2', 'db3'], 500, clock)
    expect(resolver.asked).toEqual(['db1', 'db2', 'db3'])
    resolver.end('db2', ['10.0.0.2'])
    resolver.end('db3', { code: 'ENOTFOUND' })
    expect(await ask(lookup, 'db2')).toEqual([{ address: '10.0.0.2', family: 4 }])
    await expect(ask(lookup, 'db3')).rejects.toMatchObject({ code: 'ENOTFOUND' })
    const lost = expect(ask(lookup, 'db1')).rejects.toThrow("The resolver gave no address for 'db1' within 500 ms")
    await clock.advance(500)
    await lost
    // What comes too late changes nothing any more.
    resolver.end('db1', ['10.0.0.1'])
    await expect(ask(lookup, 'db1')).rejects.toMatchObject({ code: 'ERR_HASQL_LOOKUP_TIMEOUT' })
    expect(clock.openTimers).toBe(0)
  })

  test('a name that was not among them is asked for when it comes', async () => {
    const resolver = new FakeResolver()
    const asked = ask(lookAllUp(resolver.lookup, [], 500, new FakeClock()), 'db9')
    resolver.end('db9', ['10.0.0.9'])
    expect(await asked).toEqual([{ address: '10.0.0.9', family: 4 }])
  })
})
